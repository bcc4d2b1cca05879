import json
from copy import deepcopy
from pathlib import Path
from typing import get_args

import h5py
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from snakemake.utils import update_config
from support.project import DEFAULT, ROOT

from weightlaws.errors import WeightLawsError
from weightlaws.invariants.catalogue import CATALOGUES
from weightlaws.study.sections import Sweep
from weightlaws.study.study import (
    Study,
    StudyError,
    parse_study,
    recorded_study,
    schema_json,
    study_to_yaml,
)
from weightlaws.training.plugins import names


def study(**changes):
    return parse_study({**DEFAULT, **changes})


def sweep(**changes):
    return {**DEFAULT["sweeps"][0], **changes}


def untested(**changes):
    """A study with tests at its last epoch alone, so that it may keep any snapshots."""
    return study(statistics={**DEFAULT["statistics"], "headline_epochs": []}, **changes)


def test_the_default_study():
    default = study()
    scales = ("-alpha0.25", "-alpha1", "-alpha4", "-alpha16")
    assert list(default.conditions) == [
        "digits-10x10x10-gaussian-decay0",
        "digits-10x10x10-gaussian-decay0.01",
        "digits-10x10x10-uniform-decay0",
        "digits-10x10x10-uniform-decay0.01",
        "digits-10x10-gaussian-decay0",
        "digits-40x40-gaussian-decay0",
        *(f"digits-128x128x128-gaussian-decay0{end}" for end in ("", *scales)),
    ]
    assert list(default.modelled) == list(default.conditions)[:6]
    assert list(default.with_spectra) == list(default.conditions)
    assert default.members >= 100
    assert default.epochs == 50
    layers = [list(condition.square_layers) for condition in default.conditions.values()]
    assert layers[0] == ["hidden1-hidden2", "hidden2-hidden3", "hidden3-output"]
    assert layers[5] == ["hidden1-hidden2"]


@pytest.mark.parametrize("overlay", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda p: p.stem)
def test_overlays_are_studies_of_their_own_name(overlay):
    config = deepcopy(DEFAULT)
    update_config(config, yaml.safe_load(overlay.read_text()))
    assert parse_study(config).name == overlay.stem


def test_the_schema_is_that_of_the_model():
    stored = (ROOT / "workflow" / "schemas" / "config.schema.json").read_text()
    assert stored == schema_json(), "run `make schema`"


def test_the_names_a_study_allows_are_those_there_are():
    fields = Sweep.model_fields
    (listed, _) = json.loads(schema_json())["$defs"]["Sweep"]["properties"]["dataset"]["anyOf"]
    assert set(listed["enum"]) == set(names("datasets"))
    (initialisation,) = get_args(fields["initialisations"].annotation)
    assert set(get_args(initialisation)) == set(names("initial_laws"))
    assert get_args(Study.model_fields["invariants"].annotation) == CATALOGUES


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, ["colour", "unknown key"]),
        ({"sweeps": [sweep(depth=3)]}, ["sweeps.0.depth", "unknown key"]),
        ({"figures": {**DEFAULT["figures"], "dpi": 3}}, ["figures.dpi", "unknown key"]),
        ({"members": "100"}, ["members", 'found "100"', "integer"]),
        ({"members": True}, ["members", "found true", "integer"]),
        ({"members": 100.0}, ["members", "found 100.0", "integer"]),
        ({"members": 1}, ["members: found 1, expected at least 2"]),
        ({"shard_size": 0}, ["shard_size: found 0, expected at least 1"]),
        ({"epochs": -1}, ["epochs", "found -1"]),
        ({"learning_rate": "1e-3"}, ["learning_rate", '"1e-3"', "YAML reads 1e-3 as text"]),
        ({"learning_rate": float("nan")}, ["learning_rate", "finite"]),
        ({"name": "../elsewhere"}, ["name", "../elsewhere"]),
        ({"name": None}, ["name", "found null"]),
        ({"device": "tpu"}, ["device", "'cuda'"]),
        ({"engine": "jax"}, ["engine", '"jax"', "'numba'"]),
        (
            {"engine": "numba", "device": "cuda"},
            ['engine: found "numba"', 'device "cuda"', "torch"],
        ),
        ({"keep_state": "no"}, ["keep_state", 'found "no"', "true or false"]),
        ({"snapshots": [0, 51]}, ["snapshots: found epoch 51", "last epoch, 50"]),
        ({"snapshots": "some"}, ["snapshots", "'auto' or 'all'"]),
        ({"snapshots": [1.0]}, ["snapshots", "found 1.0", "integer"]),
        (
            {"sweeps": [sweep(), sweep(hidden=[[20, 20]], snapshots=[0, 60])]},
            ["sweeps.1.snapshots: found epoch 60", "last epoch, 50"],
        ),
        ({"sweeps": [sweep(snapshots=0)]}, ["sweeps.0.snapshots", "found 0"]),
        (
            {"snapshots": [50]},
            ["statistics.headline_epochs", "[1, 10]", "digits-10x10x10-gaussian-decay0", "[0, 50]"],
        ),
        (
            {"sweeps": [sweep(), sweep(hidden=[[20, 20]], snapshots=20)]},
            [
                "statistics.headline_epochs: found [1, 10]",
                "digits-20x20-gaussian-decay0",
                "[0, 20, 40, 50]",
            ],
        ),
        (
            {"sweeps": [sweep(), sweep(weight_decays=[0], snapshots=[0, 1, 10, 20])]},
            ["sweeps", "digits-10x10x10-gaussian-decay0", '"auto" and [0, 1, 10, 20]', "same"],
        ),
        (
            {"sweeps": [sweep(members=100), sweep(members=50)]},
            ["digits-10x10x10-gaussian-decay0", "two of them with members 100 and 50", "same"],
        ),
        (
            {"sweeps": [sweep(), sweep(analyses=["spectra"])]},
            ["two of them with analyses", '["models", "spectra"] and ["spectra"]', "same"],
        ),
        ({"members": 4}, ["statistics.folds", "found 5", "at most 4"]),
        (
            {"sweeps": [sweep(), sweep(hidden=[[20, 20]], members=4)]},
            ["sweeps.1.members: found 4", "at least 5", "statistics.folds", "analyses"],
        ),
        ({"sweeps": [sweep(members=1)]}, ["sweeps.0.members: found 1", "at least 5"]),
        (
            {"sweeps": [sweep(members=0, analyses=["spectra"])]},
            ["sweeps.0.members: found 0, expected at least 1"],
        ),
        ({"sweeps": [sweep(analyses=[])]}, ["sweeps.0.analyses", "at least 1"]),
        (
            {"sweeps": [sweep(analyses=["spectra", "spectra"])]},
            ['sweeps.0.analyses: found ["spectra", "spectra"]', "at most once"],
        ),
        (
            {"sweeps": [sweep(analyses=["claims"])]},
            ["sweeps.0.analyses.0", '"claims"', "'spectra'"],
        ),
        (
            {"sweeps": [sweep(output_scales=[None, 4])]},
            [
                "sweeps.0.output_scales: found 4",
                "weight decay 0.01",
                "expected null alone or the weight decay 0 alone",
                "a sweep of its own",
            ],
        ),
        (
            {"sweeps": [sweep(weight_decays=[0], output_scales=[0])]},
            ["sweeps.0.output_scales.0: found 0, expected at least 1e-06"],
        ),
        ({"sweeps": [sweep(output_scales=[])]}, ["sweeps.0.output_scales", "at least 1"]),
        (
            {"sweeps": [sweep(classes=[5, 10])]},
            ["sweeps.0.classes: found 10, expected less than 10", "null for all"],
        ),
        (
            {"sweeps": [sweep(vary="together", learning_rates=[None, 0.1, 0.2])]},
            [
                "sweeps.0: found 2 initialisations, 2 weight_decays, 3 learning_rates with vary: "
                "together",
                "vary: grid",
            ],
        ),
        ({"sweeps": [sweep(vary="zip")]}, ["sweeps.0.vary", "'grid' or 'together'"]),
        ({"sweeps": [sweep(optimisers=["lion"])]}, ["sweeps.0.optimisers.0", "'sgd'"]),
        ({"sweeps": [sweep(activations=["elu"])]}, ["sweeps.0.activations.0", "'gelu'"]),
        ({"sweeps": [sweep(learning_rates=[0])]}, ["sweeps.0.learning_rates.0", "more than 0"]),
        ({"sweeps": [sweep(batch_sizes=[0])]}, ["sweeps.0.batch_sizes.0", "at least 1"]),
        ({"sweeps": [sweep(biases=[1])]}, ["sweeps.0.biases.0", "true or false"]),
        ({"sweeps": [sweep(label_noise=[1.5])]}, ["sweeps.0.label_noise.0", "at most 1"]),
        ({"sweeps": [sweep(classes=[1])]}, ["sweeps.0.classes.0: found 1", "at least 2"]),
        (
            {"sweeps": [sweep(hidden=[[20, 10]], classes=[None, 5])]},
            ["sweeps.0.hidden: found [20, 10]", "no square weight matrix", "the width 5"],
        ),
        ({"invariants": "all"}, ["invariants", "'complete'"]),
        ({"sweeps": []}, ["sweeps", "at least 1"]),
        ({"sweeps": [sweep(dataset="svhn")]}, ["sweeps.0.dataset", '"svhn"', "'cifar10'"]),
        ({"sweeps": [sweep(initialisations=["he"])]}, ["sweeps.0.initialisations.0", '"he"']),
        ({"sweeps": [sweep(weight_decays=[-0.1])]}, ["sweeps.0.weight_decays.0", "-0.1"]),
        (
            {"sweeps": [sweep(hidden=[[3, 3]])]},
            ["sweeps.0.hidden", "hidden1-hidden2 3 wide", "wider than 3", "analyses"],
        ),
        (
            {"sweeps": [sweep(hidden=[[20, 30]])]},
            ["sweeps.0.hidden", "no square weight matrix", "leave models out"],
        ),
        ({"sweeps": [sweep(hidden=[[]])]}, ["sweeps.0.hidden.0", "at least 1"]),
        (
            {"sweeps": {"dataset": "digits"}},
            ['sweeps: found {"dataset": "digits"}, expected a list'],
        ),
        ({7: 1}, ["7", "unknown key"]),
    ],
)
def test_what_is_no_study_is_one_clear_error(changes, words):
    with pytest.raises(StudyError) as error:
        study(**{str(key): value for key, value in changes.items()})
    message = str(error.value)
    assert message.startswith("the configuration is not a study:")
    assert all(word in message for word in words), message
    assert "config.yaml" in message


def test_a_name_that_yaml_takes_for_a_date_is_to_be_put_in_quotes():
    words = 'name: found "2026-11-22", expected text, .*; YAML reads this text as a date'
    with pytest.raises(StudyError, match=words):
        study(name=yaml.safe_load("2026-11-22"))


def test_all_errors_come_at_once():
    with pytest.raises(StudyError, match=r"members.*\n.*epochs"):
        study(members=0, epochs=0)


def test_all_that_keys_do_not_agree_on_comes_at_once():
    with pytest.raises(StudyError) as error:
        study(members=4, snapshots=[0, 60], engine="numba", device="cuda")
    lines = str(error.value).splitlines()[1:-1]
    keys = [line.strip().split(":")[0] for line in lines]
    assert keys[:2] == ["engine", "snapshots"]
    assert set(keys[2:]) == {"statistics.headline_epochs", "statistics.folds"}
    assert len(set(lines)) == len(lines)


def test_conditions_that_sweeps_share_are_trained_once():
    both = study(sweeps=[sweep(), sweep(weight_decays=[0, 0.1])])
    assert len(both.conditions) == len(set(both.conditions)) == 6


def test_lists_are_taken_side_by_side():
    zipped = study(
        sweeps=[
            sweep(
                vary="together",
                initialisations=["gaussian"],
                weight_decays=[0, 0.1, 0],
                output_scales=[None, None, 4],
                learning_rates=[None, 0.1, 0.2],
            )
        ]
    )
    ends = ["decay0", "decay0.1-rate0.1", "decay0-alpha4-rate0.2"]
    assert [name.partition("gaussian-")[2] for name in zipped.conditions] == ends


def test_what_equals_the_study_is_the_study():
    """Two conditions that become equal are one, and keep the old name."""
    same = study(sweeps=[sweep(learning_rates=[None, 0.001], batch_sizes=[100, None])])
    assert [*same.conditions] == [*study(sweeps=[sweep()]).conditions]
    other = study(learning_rate=0.01, sweeps=[sweep(learning_rates=[None, 0.001])])
    rates = {
        name.partition("decay")[2]: other.learning_rate_of(c) for name, c in other.trained.items()
    }
    assert rates == {"0": 0.01, "0-rate0.001": 0.001, "0.01": 0.01, "0.01-rate0.001": 0.001}


def test_networks_that_are_not_drawn_have_a_reason():
    some = study(sweeps=[sweep(weight_decays=[0], biases=[False, True], output_scales=[None, 4])])
    reasons = {some.not_drawn(c).split(",")[0] for c in some.trained.values()}
    scaled = "the output of a network with an output scale rests on its start"
    assert reasons == {"", "laws are of weights", scaled}


def test_output_scales_are_an_axis_of_a_sweep():
    scaled = study(sweeps=[sweep(weight_decays=[0], output_scales=[None, 0.5, 4])])
    names = [f"digits-10x10x10-gaussian-decay0{end}" for end in ("", "-alpha0.5", "-alpha4")]
    assert list(scaled.conditions)[:3] == names
    assert [c.output_scale for c in scaled.conditions.values()] == [None, 0.5, 4.0] * 2
    assert {c.architecture for c in scaled.conditions.values()} == {"digits-10x10x10"}
    assert [c.output_scale for c in study(sweeps=[sweep()]).conditions.values()] == [None] * 4


def test_numbers_of_classes_are_an_axis_of_a_sweep():
    some = study(sweeps=[sweep(weight_decays=[0], classes=[2, None])])
    conditions = [c for c in some.conditions.values() if c.initialisation == "gaussian"]
    assert [c.name for c in conditions] == [
        "digits-2classes-10x10x10-gaussian-decay0",
        "digits-10x10x10-gaussian-decay0",
    ]
    assert [c.shapes["hidden3-output"] for c in conditions] == [(2, 10), (10, 10)]
    assert [c.classes for c in study(sweeps=[sweep()]).conditions.values()] == [None] * 4
    # Output layers of five classes are square, and can be modelled.
    (five,) = study(
        sweeps=[
            sweep(hidden=[[7, 5]], classes=[5], initialisations=["gaussian"], weight_decays=[0])
        ]
    ).modelled.values()
    assert list(five.square_layers) == ["hidden2-output"]


def test_a_sweep_has_members_of_its_own():
    few = sweep(hidden=[[40, 40]], members=7)
    both = study(members=30, shard_size=4, sweeps=[sweep(), few])
    few, many = (
        both.conditions["digits-40x40-gaussian-decay0"],
        next(iter(both.conditions.values())),
    )
    assert (few.members, many.members) == (7, 30)
    assert [shard.name for shard in both.shards(few)] == ["0-3", "4-6"]
    assert len(both.shards(many)) == 8


def test_a_study_need_not_be_modelled():
    """Nor do then square layers matter, nor folds, nor where the headline epochs are kept."""
    free = {"hidden": [[20, 30], [3, 3], [20, 20]], "analyses": ["spectra"], "snapshots": [50]}
    spectra = study(sweeps=[sweep(**free, members=1)])
    assert not spectra.modelled
    assert list(spectra.with_spectra) == list(spectra.conditions)
    assert len(study(members=2, sweeps=[sweep(**free)]).conditions) == 12


def test_conditions_are_told_apart_by_their_analyses():
    mixed = study(
        sweeps=[
            sweep(),
            sweep(hidden=[[20, 30]], analyses=["spectra"]),
            sweep(hidden=[[20, 20]], analyses=["models"]),
        ]
    )
    widths = [(10, 10, 10), (20, 30), (20, 20)]
    assert list(dict.fromkeys(c.hidden for c in mixed.conditions.values())) == widths
    for found, expected in ((mixed.modelled, widths[::2]), (mixed.with_spectra, widths[:2])):
        assert list(dict.fromkeys(c.hidden for c in found.values())) == expected
        assert all(mixed.conditions[name] == condition for name, condition in found.items())
    assert (
        mixed.conditions
        == study(
            sweeps=[*mixed.model_dump(mode="json")["sweeps"], sweep(analyses=["spectra", "models"])]
        ).conditions
    )


@given(st.integers(5, 300), st.integers(1, 400))
def test_shards_hold_every_member_once(members, shard_size):
    configured = study(members=members, shard_size=shard_size)
    shards = configured.shards(configured.conditions["digits-10x10x10-gaussian-decay0"])
    held = [m for shard in shards for m in range(shard.first, shard.last + 1)]
    assert held == list(range(members))
    assert all(shard.first % shard_size == 0 for shard in shards)


def kept_squares(configured, hidden):
    """Snapshots of the square layers of a study's one condition with these widths."""
    (condition,) = [c for c in configured.conditions.values() if c.hidden == hidden]
    kept = configured.layer_snapshots(condition)
    return [kept[layer] for layer in condition.square_layers]


@pytest.mark.parametrize(
    ("snapshots", "kept"),
    [
        ("auto", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("all", [0, 1, 2, 3, 4, 5, 6, 7]),
        (3, [0, 3, 6, 7]),
        (20, [0, 7]),
        ([2, 1, 2], [0, 1, 2, 7]),
        ([], [0, 7]),
    ],
)
def test_kept_snapshots_have_start_and_end(snapshots, kept):
    assert kept_squares(untested(snapshots=snapshots, epochs=7), (40, 40)) == [kept]
    one_sweep = [sweep(hidden=[[40, 40]], initialisations=["gaussian"], snapshots=snapshots)]
    one_sweep[0]["weight_decays"] = [0]
    assert kept_squares(untested(epochs=7, sweeps=one_sweep), (40, 40)) == [kept]


@pytest.mark.parametrize(
    ("hidden", "kept"),
    [
        ([160, 160], [range(51)]),
        ([181, 181], [range(51)]),
        ([182, 182], [[0, 1, 10, 50]]),
        ([20, 20, 640, 640, 10, 10], [range(51), [0, 1, 10, 50], range(51), range(51)]),
    ],
)
def test_auto_keeps_all_epochs_of_small_matrices_and_headline_epochs_of_large_ones(hidden, kept):
    widths = sweep(hidden=[hidden], initialisations=["gaussian"], weight_decays=[0])
    wide = study(snapshots="auto", sweeps=[widths])
    assert kept_squares(wide, tuple(hidden)) == [list(epochs) for epochs in kept]


def test_auto_keeps_the_start_and_the_end_of_a_large_matrix():
    wide = sweep(hidden=[[640, 640]], initialisations=["gaussian"], weight_decays=[0])
    assert kept_squares(untested(epochs=7, sweeps=[wide]), (640, 640)) == [[0, 7]]


def test_a_sweep_has_snapshots_of_its_own():
    both = untested(snapshots="all", sweeps=[sweep(snapshots=25), sweep(hidden=[[20, 20]])])
    kept = {name: both.layer_snapshots(c) for name, c in both.conditions.items()}
    assert len(set(both.conditions.values())) == len(kept) == 8
    assert kept["digits-10x10x10-uniform-decay0.01"] == {
        "input-hidden1": [0, 1, 10, 50],
        "hidden1-hidden2": [0, 25, 50],
        "hidden2-hidden3": [0, 25, 50],
        "hidden3-output": [0, 25, 50],
    }
    assert kept["digits-20x20-gaussian-decay0"]["hidden1-hidden2"] == list(range(51))


def test_sweeps_may_share_conditions_if_they_keep_the_same():
    """What counts are the epochs, not how they are written."""
    for same in ("auto", "all", 1, list(range(51))):
        assert len(study(sweeps=[sweep(), sweep(snapshots=same)]).conditions) == 4


def test_headline_epochs_end_with_the_last():
    assert study().headline_epochs == [0, 1, 10, 50]
    assert study(epochs=7).headline_epochs == [0, 1, 7]


def test_rectangular_layers_are_kept_at_their_own_epochs():
    configured = untested(epochs=7, snapshots=[3], rectangular_snapshots=[2, 50])
    (condition,) = [c for c in configured.conditions.values() if c.hidden == (40, 40)]
    assert configured.layer_snapshots(condition) == {
        "input-hidden1": [0, 2],
        "hidden1-hidden2": [0, 3, 7],
        "hidden2-output": [0, 2],
    }


def test_layers_that_are_kept_together_have_a_law_together():
    (name, *_) = study().modelled
    condition = study().modelled[name]
    assert study().network_epochs(condition) == [0, 1, 10, 50]
    assert name in study().networked
    apart = {"headline_epochs": [7, 50], "folds": 2}
    some = study(rectangular_snapshots=[1], statistics={**DEFAULT["statistics"], **apart})
    assert some.network_epochs(some.modelled[name]) == []
    assert name not in some.networked
    assert "rectangular_snapshots" in some.no_network_law(some.modelled[name])


def test_the_record_reads_back_as_the_study(tmp_path):
    sweeps = [
        sweep(snapshots=[5], members=9),
        sweep(hidden=[[20, 20]], weight_decays=[0], output_scales=[None, 4], classes=[2, None]),
    ]
    written = untested(snapshots=[0, 50], sweeps=sweeps)
    (tmp_path / "study.yaml").write_text(study_to_yaml(written))
    assert recorded_study(tmp_path) == written
    text = (tmp_path / "study.yaml").read_text()
    assert "output_scales: [null, 4.0]" in text
    assert ": null" not in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name: [a", "found text that YAML cannot read"),
        (b"data: \xe9", "found text that YAML cannot read"),
        (b"seed: " + b"9" * 5000, "found text that YAML cannot read"),
        (b"sweeps: " + b"[" * 10_000, "found text that YAML cannot read"),
        (b'name: !!python/object/apply:os.mkdir ["made"]', "found text that YAML cannot read"),
        (b"", "all keys: found null, expected a mapping"),
        (b"- name", r"all keys: found \[\"name\"\], expected a mapping"),
    ],
)
def test_a_record_that_is_none_is_refused(tmp_path, content, words):
    (tmp_path / "study.yaml").write_bytes(content)
    with pytest.raises(WeightLawsError, match=words):
        recorded_study(tmp_path)


def ensemble_file(path, members=6, **shapes):
    with h5py.File(path, "w") as file:
        for layer, shape in shapes.items():
            file[layer] = np.random.default_rng(0).normal(size=(members, *shape))
    return str(path)


def test_own_networks_come_after_those_that_are_trained(tmp_path):
    square = ensemble_file(tmp_path / "square.h5", a=(6, 6), b=(3, 4))
    wide = ensemble_file(tmp_path / "wide.h5", a=(6, 7))
    single = ensemble_file(tmp_path / "single.h5", a=(6, 7))
    own = study(shard_size=4, ensembles=[square, wide], checkpoints=[single])
    trained = list(study().conditions)
    assert list(own.trained) == trained
    assert list(own.conditions) == [*trained, "square", "wide"]
    assert list(own.modelled) == [*study().modelled, "square"]
    assert list(own.with_spectra) == [*study().with_spectra, "square", "wide", "single"]
    square, single = own.conditions["square"], own.with_spectra["single"]
    assert own.layer_snapshots(square) == {"a": [0], "b": [0]}
    assert [shard.name for shard in own.shards(square)] == ["0-3", "4-5"]
    assert [shard.name for shard in own.shards(single)] == ["0-0"]
    assert own.tested_epochs(square) == own.tested_epochs(single) == [0]
    assert own.tested_epochs(own.trained[trained[0]]) == own.headline_epochs


def test_the_record_of_own_networks_needs_no_files(tmp_path):
    paths = [ensemble_file(tmp_path / f"{name}.h5", a=(6, 6)) for name in "ab"]
    own = study(sweeps=[], ensembles=paths[:1], checkpoints=[paths[1], "torchvision:vgg16"])
    (tmp_path / "study.yaml").write_text(study_to_yaml(own))
    for path in paths:
        Path(path).unlink()
    read = recorded_study(tmp_path)
    assert read == own
    assert read.conditions["a"].shapes == {"a": (6, 6)}
    assert list(read.with_spectra) == ["a", "b", "torchvision-vgg16"]


def test_an_entry_can_be_a_mapping(tmp_path):
    path = ensemble_file(tmp_path / "nets.h5", a=(6, 6), b=(3, 4))
    own = study(
        sweeps=[],
        ensembles=[{"path": path, "name": "mine", "exclude": ["b"]}],
        checkpoints=[{"source": path, "name": "single"}],
    )
    assert {name: each.shapes for name, each in own.conditions.items()} == {"mine": {"a": (6, 6)}}
    assert list(own.with_spectra) == ["mine", "single"]
    assert parse_study(yaml.safe_load(study_to_yaml(own))) == own


def trajectories(path, epochs, **shapes):
    with h5py.File(path, "w") as file:
        file["epochs"] = epochs
        for layer, shape in shapes.items():
            file[layer] = np.random.default_rng(0).normal(size=(6, len(epochs), *shape))
    return str(path)


def test_a_trajectory_is_a_condition_with_its_own_epochs(tmp_path):
    few = trajectories(tmp_path / "few.h5", [2, 7, 400], a=(6, 6), b=(3, 6))
    many = trajectories(tmp_path / "many.h5", range(3, 60), a=(6, 6))
    own = study(sweeps=[], ensembles=[few, many])
    few, many = own.conditions["few"], own.conditions["many"]
    assert own.layer_snapshots(few) == {"a": [2, 7, 400], "b": [2, 7, 400]}
    assert own.tested_epochs(few) == [2, 7, 400]
    assert own.layer_snapshots(many) == {"a": [*range(3, 60)]}
    assert own.tested_epochs(many) == [3, 10, 50, 59]  # headline epochs are 0, 1, 10 and 50
    assert parse_study(yaml.safe_load(study_to_yaml(own))) == own
    (tmp_path / "few.h5").unlink()
    assert parse_study(yaml.safe_load(study_to_yaml(own)), recorded=True) == own


def test_tests_at_all_epochs_of_a_trajectory_can_reject(tmp_path):
    path = trajectories(tmp_path / "mine.h5", range(5), a=(6, 6))
    statistics = {**DEFAULT["statistics"], "randomisations": 598}
    with pytest.raises(StudyError, match="randomisations: found 598, expected at least 599"):
        study(sweeps=[], ensembles=[path], statistics=statistics)


def test_layers_are_renamed_and_their_sides_said(tmp_path):
    path = trajectories(tmp_path / "mine.h5", [0, 1], x=(6, 6), y=(6, 6), z=(6, 6))
    entry = {
        "path": path,
        "layers": {"x": "input-hidden1", "y": "hidden1-hidden2", "z": "hidden2-output"},
    }
    own = study(sweeps=[], ensembles=[entry])
    (mine,) = own.ensembles
    assert [*mine.square_layers] == ["hidden1-hidden2", "hidden2-output"]
    assert [*own.networked] == ["mine"]
    sides = {"input-hidden1": "none", "hidden1-hidden2": "columns", "hidden2-output": "rows"}
    (mine,) = study(sweeps=[], ensembles=[{**entry, "labelled": sides}]).ensembles
    assert [*mine.square_layers] == ["input-hidden1", "hidden2-output"]
    assert mine.sides == {**sides, "input-hidden1": None}
    with pytest.raises(StudyError, match="found labelled x, expected a layer of"):
        study(sweeps=[], ensembles=[{**entry, "labelled": {"x": "rows"}}])
    with pytest.raises(StudyError, match=r"layers: 'w': found no layer"):
        study(sweeps=[], ensembles=[{**entry, "layers": {"w": "input-hidden1"}}])


def test_wrong_entries_are_refused_by_key(tmp_path):
    path = ensemble_file(tmp_path / "nets.h5", a=(6, 6))

    def refused(message, **entry):
        with pytest.raises(StudyError, match=message):
            study(ensembles=[{"path": path, **entry}])

    refused(r'ensembles\.0\.includes: unknown key, found \["a"\]', includes=["a"])
    refused(r"ensembles\.0\.include: found \"a\", expected a list", include="a")
    refused(r"ensembles\.0\.epoch: found -1, expected at least 0", epoch=-1)
    refused(r"ensembles\.0\.name: found \"a b\", expected text that matches", name="a b")
    refused(r"ensembles\.0: found members 6 in .*, expected 5, as stated", members=5)
    with pytest.raises(StudyError, match=r"ensembles\.0\.path: found nothing, expected a value"):
        study(ensembles=[{"name": "mine"}])
    with pytest.raises(StudyError, match=r"checkpoints\.0\.epoch: unknown key"):
        study(checkpoints=[{"source": path, "epoch": 3}])


def test_a_name_need_not_be_that_of_the_file(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        ensemble_file(tmp_path / folder / "model.h5", a=(6, 7))
    a, b = (str(tmp_path / folder / "model.h5") for folder in "ab")
    with pytest.raises(
        StudyError, match=r"give one another name: \{source: \.\.\., name: \.\.\.\}"
    ):
        study(checkpoints=[a, b])
    with pytest.raises(StudyError, match=r"give one another name: \{path: \.\.\., name: "):
        study(ensembles=[a, b])
    named = study(sweeps=[], checkpoints=[a, {"source": b, "name": "other"}])
    assert list(named.with_spectra) == ["model", "other"]
    odd = ensemble_file(tmp_path / "сеть.h5", a=(6, 7))
    with pytest.raises(StudyError, match="write the key name beside it"):
        study(checkpoints=[odd])
    named = study(sweeps=[], checkpoints=[{"source": odd, "name": "net"}])
    assert list(named.with_spectra) == ["net"]


def test_own_networks_that_cannot_be_used_are_refused(tmp_path):
    def refused(message, **changes):
        with pytest.raises(StudyError, match=message):
            study(**changes)

    net = ensemble_file(tmp_path / "net.h5", a=(6, 6))
    few = ensemble_file(tmp_path / "few.h5", members=4, a=(6, 6))
    twin = tmp_path / "net"
    twin.mkdir()
    ensemble_file(twin / "net.h5", a=(6, 6))
    refused("ensembles.1: nowhere.h5: ensemble: found no such file", ensembles=[net, "nowhere.h5"])
    refused("checkpoints.0: nowhere.pt: file: found no such file", checkpoints=["nowhere.pt"])
    refused(
        "checkpoints.0: .*net: folder: found no file ending in .index.json", checkpoints=[str(twin)]
    )
    refused("found 4 members of few, expected at least 5, as many as statistics", ensembles=[few])
    differ = f"found {net} of the name net, which {net} has too, expected names that differ"
    refused(differ, ensembles=[net], checkpoints=[net])
    condition = tmp_path / "digits-10x10x10-gaussian-decay0.h5"
    Path(net).rename(condition)
    refused("which a condition of sweeps has too", checkpoints=[str(condition)])
    refused("name networks that were trained elsewhere under ensembles", sweeps=[])
    assert list(study(sweeps=[], checkpoints=[str(condition)]).conditions) == []
