from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.numpy import save_file

from weightlaws.errors import WeightLawsError
from weightlaws.study.conditions import (
    Checkpoint,
    Condition,
    Imported,
    Shard,
    by_classes,
    by_noisy_images,
    comparisons,
)
from weightlaws.study.data_sets import DataSet

PLAIN = Condition(DataSet(name="mnist"), (10, 10, 10), "gaussian", 0.0, members=20)


@given(st.floats(0, 1e300), st.floats(0, 1e300))
def test_two_decays_never_share_a_name(a, b):
    names = {replace(PLAIN, weight_decay=decay).name for decay in (a, b)}
    assert len(names) == len({a, b})


@given(*[st.none() | st.floats(0, 1e300, exclude_min=True)] * 2)
def test_two_output_scales_never_share_a_name(a, b):
    names = {replace(PLAIN, output_scale=scale).name for scale in (a, b)}
    assert len(names) == len({a, b})


@pytest.mark.parametrize(
    ("decay", "text"),
    [(0, "0"), (0.0, "0"), (-0.0, "0"), (0.01, "0.01"), (1, "1"), (1e-5, "1e-05")],
)
def test_a_number_has_one_form_in_names(decay, text):
    name = replace(PLAIN, weight_decay=decay).name
    assert name == f"mnist-10x10x10-gaussian-decay{text}"


@pytest.mark.parametrize(
    ("scale", "end"), [(None, ""), (4, "-alpha4"), (0.5, "-alpha0.5"), (1e-5, "-alpha1e-05")]
)
def test_a_name_ends_with_the_output_scale(scale, end):
    scaled = replace(PLAIN, output_scale=scale)
    assert scaled.name == f"mnist-10x10x10-gaussian-decay0{end}"
    assert scaled.architecture == "mnist-10x10x10"


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"optimiser": "sgd"}, "-sgd"),
        ({"activation": "tanh"}, "-tanh"),
        ({"learning_rate": 1e-5}, "-rate1e-05"),
        ({"batch_size": 50}, "-batch50"),
        ({"biases": True}, "-biases"),
        ({"label_noise": 0.5}, "-noise0.5"),
        (
            {
                "output_scale": 4.0,
                "optimiser": "adamw",
                "activation": "gelu",
                "learning_rate": 0.1,
                "batch_size": 10,
                "biases": True,
                "label_noise": 1.0,
            },
            "-alpha4-adamw-gelu-rate0.1-batch10-biases-noise1",
        ),
    ],
)
def test_a_name_ends_with_what_is_not_as_published(changes, end):
    changed = replace(PLAIN, **changes)
    assert changed.name == f"mnist-10x10x10-gaussian-decay0{end}"
    assert changed.architecture == PLAIN.architecture


def test_images_with_shuffled_labels_have_a_file_of_their_own():
    noisy = replace(PLAIN, classes=5, label_noise=0.5)
    assert (noisy.images, noisy.stored_images) == ("mnist-5classes", "mnist-5classes-noise0.5")
    assert PLAIN.stored_images == "mnist"
    assert by_noisy_images([PLAIN, noisy]) == {"mnist-5classes-noise0.5": noisy}


def test_a_name_begins_with_the_images():
    some = replace(PLAIN, classes=5)
    assert (PLAIN.images, some.images) == ("mnist", "mnist-5classes")
    assert some.name == "mnist-5classes-10x10x10-gaussian-decay0"
    assert some.architecture == "mnist-5classes-10x10x10"
    assert some.shapes == {**PLAIN.shapes, "hidden3-output": (5, 10)}


def test_a_condition_knows_its_layers():
    assert PLAIN.shapes == {
        "input-hidden1": (10, 784),
        "hidden1-hidden2": (10, 10),
        "hidden2-hidden3": (10, 10),
        "hidden3-output": (10, 10),
    }
    assert list(PLAIN.square_layers) == list(PLAIN.shapes)[1:]


def test_a_shard_is_named_by_its_ends():
    assert Shard(25, 49).name == "25-49"


def test_an_ensemble_is_found_out_from_its_path(tmp_path):
    with h5py.File(tmp_path / "my nets.h5", "w") as file:
        for layer, shape in {"a": (6, 6), "b": (3, 3), "wide": (4, 9)}.items():
            file[layer] = np.ones((7, *shape)) * np.arange(7)[:, None, None]
    path = str(tmp_path / "my nets.h5")
    ensemble = Imported.model_validate(path)
    assert (ensemble.path, ensemble.name, ensemble.members) == (path, "my-nets", 7)
    assert ensemble.shapes == {"a": (6, 6), "b": (3, 3), "wide": (4, 9)}
    assert ensemble.square_layers == {"a": (6, 6)}
    assert ensemble.analyses == ("models", "spectra")
    assert ensemble.architecture == "my-nets"
    assert ensemble.files(Shard(4, 6)) == [tmp_path / "my nets.h5"]


def test_an_ensemble_without_a_square_layer_is_not_modelled(tmp_path):
    for k in range(11):
        save_file({"fc.weight": np.full((3, 3), k, np.float32)}, tmp_path / f"{k}.safetensors")
    ensemble = Imported.model_validate(str(tmp_path))
    assert ensemble.analyses == ("spectra",)
    names = [path.name for path in ensemble.files(Shard(8, 10))]
    assert names == ["8.safetensors", "9.safetensors", "10.safetensors"]


def test_a_single_network_is_looked_into(tmp_path):
    source = str(tmp_path / "net.v2.safetensors")
    save_file({"fc.weight": np.ones((3, 3), np.float32)}, source)
    network = Checkpoint.model_validate(source)
    assert (network.name, network.members, network.source) == ("net.v2", 1, source)
    assert network.files(Shard(0, 0)) == [tmp_path / "net.v2.safetensors"]
    (tmp_path / "net.v2.safetensors").write_bytes(b"no weights")
    with pytest.raises(ValidationError, match="found no known format"):
        Checkpoint.model_validate(source)


def test_a_model_of_torchvision_is_looked_into_when_it_is_asked_for():
    def model(**entry):
        return Checkpoint.model_validate({"source": "torchvision:resnet18", **entry})

    assert (model().name, model().files(Shard(0, 0))) == ("torchvision-resnet18", [])
    model(include=["fc"]).check_model()
    with pytest.raises(WeightLawsError, match="include: 'fcc': found no layer"):
        model(include=["fcc"]).check_model()
    with pytest.raises(WeightLawsError, match=r"torchvision:resnet1: model: found 'resnet1'.*18"):
        model(source="torchvision:resnet1").check_model()


@pytest.mark.parametrize("kind", [Imported, Checkpoint])
def test_records_read_back_when_the_files_are_gone(kind, tmp_path):
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.arange(7 * 36.0).reshape(7, 6, 6)
    found = kind.model_validate(str(path))
    path.unlink()
    record = found.model_dump(mode="json")
    assert kind.model_validate(record, context={"recorded": True}) == found
    with pytest.raises(ValidationError, match="no such file"):
        kind.model_validate(str(path))
    with pytest.raises(ValidationError, match="found 7, expected a path in quotes"):
        kind.model_validate(7)


def named(*conditions):
    return {condition.name: condition for condition in conditions}


def test_conditions_are_compared_that_differ_in_one_thing():
    shallow = replace(PLAIN, hidden=(20, 20))
    wide, decayed = replace(shallow, hidden=(40, 40)), replace(shallow, weight_decay=0.01)
    uneven = replace(shallow, hidden=(40, 20))
    found = comparisons(named(PLAIN, shallow, wide, decayed, uneven))
    assert found == {
        "width": [[shallow.name, wide.name]],
        "weight decay": [[shallow.name, decayed.name]],
        "layer": [[PLAIN.name]],
    }
    assert comparisons(named(shallow, replace(wide, weight_decay=0.01))) == {}


def test_conditions_are_grouped_that_differ_in_classes_alone():
    few, rich = replace(PLAIN, classes=2), replace(PLAIN, output_scale=0.25)
    assert by_classes(named(PLAIN, few, rich)) == {PLAIN.name: [PLAIN.name, few.name]}
    assert by_classes(named(few, rich)) == {}
