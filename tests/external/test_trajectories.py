import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from weightlaws.errors import WeightLawsError
from weightlaws.external.ensembles import describe, doubts, member_files
from weightlaws.external.import_job import import_shard
from weightlaws.external.selection import Selection
from weightlaws.external.trajectories import found_by, is_pattern
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.invariants_job import evaluate_shard
from weightlaws.storage.shard_specs import InvariantsSpec
from weightlaws.storage.shards import read_invariants, read_shard
from weightlaws.training.members_job import members_table

PAGE = Path(__file__).parents[2] / "docs/how-to/own-networks.md"
MEMBERS, EPOCHS = (3, 7, 20), (2, 5, 40)


def matrix(member, epoch, name="a"):
    rng = np.random.default_rng([member, epoch, *name.encode()])
    return rng.normal(size=(5, 5)).astype(np.float32)


def write(folder, members=MEMBERS, epochs=EPOCHS):
    for member in members:
        (folder / f"seed{member:02}").mkdir(parents=True)
        for epoch in epochs:
            arrays = {f"{name}.weight": matrix(member, epoch, name) for name in "ab"}
            save_file(arrays, folder / f"seed{member:02}/epoch{epoch}.safetensors")
    return folder / "seed{member}/epoch{epoch}.safetensors"


def spec_of(path, epochs, layers=("a", "b"), members=(0, 2), **more):
    return {
        "path": str(path),
        "shapes": {layer: [5, 5] for layer in layers},
        "epochs": epochs[-1],
        "snapshots": {layer: [*epochs] for layer in layers},
        "members": [*members],
        **more,
    }


def test_each_file_goes_to_its_member_and_epoch(tmp_path):
    pattern = write(tmp_path / "runs")
    (tmp_path / "runs/seed03/epoch5.txt").write_text("other")
    found = describe(pattern)
    assert (found.name, found.members, found.epochs) == ("runs", 3, [*EPOCHS])
    assert len(member_files(pattern, 1, 2)) == 2 * len(EPOCHS)
    import_shard(tmp_path / "shard.h5", spec_of(pattern, EPOCHS))
    shard = read_shard(tmp_path / "shard.h5")
    expected = [[matrix(member, epoch, "b") for epoch in EPOCHS] for member in MEMBERS]
    np.testing.assert_array_equal(shard.weights["b"], expected)
    assert shard.epochs["a"].tolist() == [*EPOCHS]
    assert shard.loss.shape == (3, 2)
    assert shard.accuracy.shape == shard.finite.shape == shard.dead_output.shape == (3, 3)


def test_an_array_of_members_and_epochs_is_read_alike(tmp_path):
    values = np.array([[matrix(m, e) for e in EPOCHS] for m in MEMBERS])
    with h5py.File(tmp_path / "runs.h5", "w") as file:
        file["epochs"], file["a"] = EPOCHS, values
    found = describe(tmp_path / "runs.h5")
    assert (found.members, found.epochs, found.shapes) == (3, [*EPOCHS], {"a": (5, 5)})
    import_shard(tmp_path / "shard.h5", spec_of(tmp_path / "runs.h5", EPOCHS, "a", (1, 2)))
    np.testing.assert_array_equal(read_shard(tmp_path / "shard.h5").weights["a"], values[1:])


@pytest.mark.parametrize(
    ("epochs", "shape", "message"),
    [
        ([5, 2, 40], (3, 3, 5, 5), r"dataset epochs: found \[5, 2, 40\]"),
        ([0.5, 1.5, 2.5], (3, 3, 5, 5), "dataset epochs: found shape"),
        ([2, 5], (3, 3, 5, 5), r"dataset a: found shape \(3, 3, 5, 5\), expected .* with 2 epochs"),
    ],
)
def test_epochs_of_an_array_that_do_not_fit_are_refused(tmp_path, epochs, shape, message):
    with h5py.File(tmp_path / "runs.h5", "w") as file:
        file["epochs"], file["a"] = epochs, np.random.default_rng(0).normal(size=shape)
    with pytest.raises(WeightLawsError, match=message):
        describe(tmp_path / "runs.h5")


def test_only_arrays_of_layers_need_all_epochs(tmp_path):
    values = np.array([[matrix(m, e) for e in EPOCHS] for m in MEMBERS])
    with h5py.File(tmp_path / "runs.h5", "w") as file:
        file["epochs"], file["a"] = EPOCHS, values
        file["seeds"], file["loss"], file["mean"] = MEMBERS, np.ones((3, 3)), np.ones((7, 4, 4))
    with pytest.raises(WeightLawsError, match=r"dataset mean: .* with 3 epochs, .* or exclude it"):
        describe(tmp_path / "runs.h5")
    for exclude in (("mean",), ("mean", "seeds", "loss")):
        found = describe(tmp_path / "runs.h5", selection=Selection(exclude=exclude))
        assert found.shapes == {"a": (5, 5)}
        assert {*found.skipped} == {"mean", "seeds", "loss"}
    spec = spec_of(tmp_path / "runs.h5", EPOCHS, "a") | {"exclude": ["mean", "seeds"]}
    import_shard(tmp_path / "shard.h5", spec)
    np.testing.assert_array_equal(read_shard(tmp_path / "shard.h5").weights["a"], values)


def test_an_array_with_an_axis_too_many_may_be_one_of_epochs(tmp_path):
    with h5py.File(tmp_path / "runs.h5", "w") as file:
        file["a"] = np.random.default_rng(0).normal(size=(3, 3, 5, 5))
    message = r"found shape \(3, 3, 5, 5\), expected \(member, out, in\); .* add a dataset epochs"
    with pytest.raises(WeightLawsError, match=message):
        describe(tmp_path / "runs.h5")
    with h5py.File(tmp_path / "runs.h5", "r+") as file:
        file["epochs"] = EPOCHS
    assert describe(tmp_path / "runs.h5").epochs == [*EPOCHS]


def test_an_array_of_members_and_epochs_goes_on_to_invariants(tmp_path):
    values = np.array([[matrix(m, e) for e in EPOCHS] for m in MEMBERS])
    with h5py.File(tmp_path / "runs.h5", "w") as file:
        file["epochs"], file["a"] = EPOCHS, values
    weights = spec_of(tmp_path / "runs.h5", EPOCHS, "a")
    import_shard(tmp_path / "shard.h5", weights)
    common = {key: value for key, value in weights.items() if key != "members"}
    spec = {"weights": common, "invariants": "published", "layers": ["a"], "members": [0, 2]}
    evaluate_shard(tmp_path / "invariants.h5", spec, tmp_path / "shard.h5")
    parsed = InvariantsSpec.parse({key: spec[key] for key in spec if key != "members"})
    graphs = catalogue("published")
    found = read_invariants([tmp_path / "invariants.h5"], parsed, 3, "a", EPOCHS, len(graphs))
    for k, of_epoch in enumerate(found):
        np.testing.assert_allclose(of_epoch.values, evaluate(graphs, values[:, k]), rtol=1e-10)
    assert k == 2


def test_missing_files_are_named(tmp_path):
    pattern = write(tmp_path / "runs", members=range(5))
    (tmp_path / "runs/seed01/epoch5.safetensors").unlink()
    (tmp_path / "runs/seed04/epoch40.safetensors").rename(
        tmp_path / "runs/seed04/epoch41.safetensors"
    )
    message = "member 1 lacks 5; member 4 lacks 40 and has 41 as well, expected the epochs 2, 5, 40"
    with pytest.raises(WeightLawsError, match=message) as refusal:
        describe(pattern)
    paths = [f"{tmp_path}/runs/seed0{path}.safetensors" for path in ("1/epoch5", "4/epoch40")]
    assert f"; add {', '.join(paths)}, or move the files" in str(refusal.value)


def test_of_many_missing_files_five_are_named(tmp_path):
    pattern = write(tmp_path / "runs", members=range(5), epochs=range(1, 8))
    for epoch in range(1, 8, 2):
        for member in (2, 3):
            (tmp_path / f"runs/seed0{member}/epoch{epoch}.safetensors").unlink()
    with pytest.raises(WeightLawsError, match=r"seed03/epoch1\.safetensors, \.\.\. \(8 in all\)"):
        describe(pattern)


def test_a_member_that_is_missing_among_others_is_told(tmp_path):
    pattern = write(tmp_path / "runs", members=(8, 9, 11, 12))
    (said,) = doubts(pattern)
    assert f"members 8 to 12 without 10: there is no {tmp_path}/runs/seed10/epoch2.s" in said
    assert doubts(write(tmp_path / "all", members=range(8, 12))) == []
    # Seeds that were drawn, and count nothing.
    assert doubts(write(tmp_path / "drawn", members=(3, 7, 20))) == []


def test_a_pattern_needs_members_and_files(tmp_path):
    with pytest.raises(WeightLawsError, match=r"without \{member\}"):
        found_by(tmp_path / "epoch{epoch}.pt")
    with pytest.raises(WeightLawsError, match="found no file that fits the pattern"):
        found_by(tmp_path / "seed{member}.pt")
    for name in ("seed1.pt", "seed01.pt"):
        (tmp_path / name).touch()
    with pytest.raises(WeightLawsError, match="of one member and epoch"):
        found_by(tmp_path / "seed{member}.pt")
    assert not is_pattern("runs/seed1.pt")


def test_a_number_that_stands_twice_is_the_same(tmp_path):
    for member, again in ((1, 1), (2, 2), (2, 3)):
        (tmp_path / f"net{member}").mkdir(exist_ok=True)
        (tmp_path / f"net{member}/net{again}.pt").touch()
    found = found_by(tmp_path / "net{member}/net{member}.pt")
    assert found.names == ["member 1", "member 2"]
    assert {*found.files} == {0}


def test_an_epoch_or_layout_of_a_trajectory_is_refused(tmp_path):
    pattern = write(tmp_path / "runs")
    with pytest.raises(WeightLawsError, match="epoch: found 5, expected none"):
        describe(pattern, epoch=5)


def test_members_may_begin_alike_and_differ_at_the_end(tmp_path):
    values = np.array([[matrix(m, e) for e in EPOCHS] for m in MEMBERS])
    values[:, 0] = values[0, 0]
    with h5py.File(tmp_path / "runs.h5", "w") as file:
        file["epochs"], file["a"] = EPOCHS, values
    assert describe(tmp_path / "runs.h5").members == 3
    values[1, 1:] = values[0, 1:]
    with h5py.File(tmp_path / "runs.h5", "r+") as file:
        file["a"][...] = values
    with pytest.raises(WeightLawsError, match="equal weights in member 0, member 1"):
        describe(tmp_path / "runs.h5")


def test_a_member_that_diverges_is_finite_before(tmp_path):
    values = np.array([[matrix(m, e) for e in EPOCHS] for m in MEMBERS])
    values[1, 1, 0, 0] = np.nan
    with h5py.File(tmp_path / "runs.h5", "w") as file:
        file["epochs"], file["a"] = EPOCHS, values
    spec = spec_of(tmp_path / "runs.h5", EPOCHS, "a")
    import_shard(tmp_path / "shard.h5", spec)
    finite = read_shard(tmp_path / "shard.h5").finite
    assert finite.tolist() == [[True] * 3, [True, False, False], [True] * 3]
    common = {key: value for key, value in spec.items() if key != "members"}
    table = members_table("mine", [tmp_path / "shard.h5"], common, 3)
    assert table["epoch"].tolist() == [*EPOCHS] * 3
    assert table[["training_loss", "test_accuracy"]].isna().all(axis=None)


def test_epochs_that_changed_since_the_run_began_are_refused(tmp_path):
    pattern = write(tmp_path / "runs")
    with pytest.raises(WeightLawsError, match="others than when the run began"):
        import_shard(tmp_path / "shard.h5", spec_of(pattern, (2, 5, 40, 60)))
    with pytest.raises(WeightLawsError, match="others than when the run began"):
        import_shard(tmp_path / "shard.h5", spec_of(pattern, (2, 40)))


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        ({"c": "new"}, "layers: 'c': found no layer"),
        ({"*": "new"}, r"layers: '\*': found 2 layers \(a, b\)"),
        ({"a": "b"}, "layers: found b for a and b"),
        ({"a": "new", "a.weight": "newer"}, "layers: 'a.weight': found a"),
    ],
)
def test_names_that_cannot_be_given_are_refused(tmp_path, renamed, message):
    pattern = write(tmp_path / "runs")
    with pytest.raises(WeightLawsError, match=message):
        describe(pattern, selection=Selection(renamed=tuple(renamed.items())))


def test_layers_are_called_as_asked(tmp_path):
    pattern = write(tmp_path / "runs")
    renamed = {"a.weight": "b", "b": "a"}
    selection = Selection(renamed=tuple(renamed.items()))
    assert describe(pattern, selection=selection).shapes == {"b": (5, 5), "a": (5, 5)}
    import_shard(tmp_path / "shard.h5", spec_of(pattern, EPOCHS, ("b", "a")) | {"layers": renamed})
    shard = read_shard(tmp_path / "shard.h5")
    np.testing.assert_array_equal(shard.weights["b"][0, 0], matrix(3, 2, "a"))


def page_file(name):
    """A file that the page on own networks writes down."""
    marked = re.search(
        rf"<!-- file: {re.escape(name)} -->\n```\w+\n(.*?)```", PAGE.read_text(), re.S
    )
    return marked.group(1)


def test_the_script_of_the_page_makes_trajectories(tmp_path):
    (tmp_path / "train.py").write_text(page_file("train.py"))
    subprocess.run([sys.executable, "train.py", "4"], cwd=tmp_path, check=True, timeout=300)
    pattern = tmp_path / "runs/seed{member}/epoch{epoch}.pt"
    names = ["input-hidden1", "hidden1-hidden2", "hidden2-hidden3", "hidden3-output"]
    renamed = dict(zip([f"{k}.weight" for k in (0, 2, 4, 6)], names, strict=True))
    found = describe(pattern, selection=Selection(renamed=tuple(renamed.items())))
    assert (found.members, found.epochs, [*found.shapes]) == (4, [0, 1, 3, 10, 30], names)
    spec = {
        **spec_of(pattern, found.epochs, names, (0, 3)),
        "shapes": {layer: [*shape] for layer, shape in found.shapes.items()},
    }
    import_shard(tmp_path / "shard.h5", {**spec, "layers": renamed})
    weights = read_shard(tmp_path / "shard.h5").weights["hidden1-hidden2"]
    last = torch.load(tmp_path / "runs/seed2/epoch30.pt")["2.weight"]
    np.testing.assert_array_equal(weights[2, -1], last)
    assert np.abs(weights[:, -1] - weights[:, 0]).max() > 0.05
