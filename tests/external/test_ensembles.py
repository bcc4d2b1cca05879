import json
import logging
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from weightlaws.errors import WeightLawsError
from weightlaws.external.ensembles import (
    describe,
    doubts,
    member_files,
    read_members,
)
from weightlaws.external.import_job import import_network, import_shard
from weightlaws.external.selection import Selection
from weightlaws.storage.hdf5 import StorageError
from weightlaws.storage.shard_specs import WeightsSpec
from weightlaws.storage.shards import read_shard, read_weights

N = 11
SHAPES = {"block.a": (4, 3), "head": (2, 4)}


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(5)
    return {layer: rng.normal(size=(N, *shape)) for layer, shape in SHAPES.items()}


def write_file(path, weights):
    with h5py.File(path, "w") as file:
        for layer, values in weights.items():
            file[layer.replace(".", "/")] = values
        file["labels"] = np.arange(N)
        file["losses"] = np.ones((N, 3))
    return path


def network(weights, member):
    of_member = {
        f"{layer}.weight": values[member].astype(np.float32) for layer, values in weights.items()
    }
    return {**of_member, "head.bias": np.ones(2, np.float32)}


def write_folder(folder, weights, suffix="safetensors"):
    folder.mkdir()
    for member in range(N):
        path, arrays = folder / f"net{member}.{suffix}", network(weights, member)
        if suffix == "safetensors":
            save_file(arrays, path)
        elif suffix == "h5":
            write_network(path, arrays)
        else:
            torch.save({name: torch.tensor(values) for name, values in arrays.items()}, path)
    return folder


def write_network(path, arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values


def write(path, kind, weights):
    if kind == "file":
        return write_file(path / "my ensemble.h5", weights)
    return write_folder(path / "my ensemble", weights, kind)


KINDS = ["file", "safetensors", "pt", "h5"]


def spec_of(path, members, shapes=SHAPES):
    return {
        "path": str(path),
        "shapes": {layer: list(shape) for layer, shape in shapes.items()},
        "epochs": 0,
        "snapshots": {layer: [0] for layer in shapes},
        "members": members,
        "code": "digest",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_an_ensemble_is_described_and_read(tmp_path, weights, kind):
    path = write(tmp_path, kind, weights)
    found = describe(str(path))
    assert (found.name, found.members, found.shapes) == ("my-ensemble", N, SHAPES)
    if kind == "file":
        assert found.files == [path]
    else:
        assert found.files == [path / f"net{member}.{kind}" for member in range(N)]
    seen = set()
    for member, _, layer, matrix in read_members(path, SHAPES, 2, 10):
        seen.add((member, layer))
        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix, weights[layer][member].astype(np.float32))
    assert seen == {(member, layer) for member in range(2, 11) for layer in SHAPES}


@pytest.mark.parametrize("kind", KINDS)
def test_shards_of_an_ensemble_are_read_as_weights(tmp_path, weights, kind):
    source = write(tmp_path, kind, weights)
    ranges = [[0, 3], [4, 7], [8, 10]]
    specs = {tmp_path / f"{first}.h5": spec_of(source, [first, last]) for first, last in ranges}
    for path, spec in specs.items():
        import_shard(path, spec)
    shared = {key: value for key, value in spec_of(source, None).items() if key != "members"}
    for layer, values in weights.items():
        (found,) = read_weights([*specs], WeightsSpec.parse(shared), N, layer, [0])
        np.testing.assert_array_equal(found.values, values.astype(np.float32))
        assert found.members.tolist() == list(range(N))
        assert not found.dead_output.any()
    path, spec = [*specs.items()][1]
    shard = read_shard(path, spec)
    assert shard.members.tolist() == [4, 5, 6, 7]
    assert {layer: epochs.tolist() for layer, epochs in shard.epochs.items()} == spec["snapshots"]
    assert shard.weights["head"].shape == (4, 1, 2, 4)
    assert shard.loss.shape == (4, 0)
    assert shard.accuracy.shape == (4, 1)
    assert np.isnan(shard.accuracy).all()
    assert shard.finite.all()
    assert json.loads(json.dumps(spec)) == shard.spec


def test_a_member_that_diverged_is_listed_and_logged(tmp_path, weights, caplog):
    bad = {layer: values.copy() for layer, values in weights.items()}
    bad["head"][3, 0, 0] = np.nan
    bad["block.a"][5, 1, 1] = 1e39  # more than a float32 holds
    source = write_file(tmp_path / "nets.h5", bad)
    with caplog.at_level(logging.WARNING, "weightlaws"):
        import_shard(tmp_path / "2-10.h5", spec_of(source, [2, 10]))
    assert ["member 3" in caplog.text, "member 5" in caplog.text] == [True, True]
    assert len(caplog.records) == 2
    shard = read_shard(tmp_path / "2-10.h5")
    assert np.flatnonzero(~shard.finite[:, 0]).tolist() == [1, 3]
    assert np.isposinf(shard.weights["block.a"][3, 0, 1, 1])


def test_other_members_or_shapes_than_the_spec_says_leave_no_shard(tmp_path, weights):
    source = write_file(tmp_path / "nets.h5", weights)
    target = tmp_path / "shards" / "shard.h5"
    with pytest.raises(WeightLawsError, match="members: found 11, expected at least 12"):
        import_shard(target, spec_of(source, [9, 11]))
    other = {**SHAPES, "head": (3, 4)}
    with pytest.raises(WeightLawsError, match=r"layer head: found \(2, 4\), expected \(3, 4\)"):
        import_shard(target, spec_of(source, [0, 3], other))
    assert not [*target.parent.iterdir()]


CHANGES = {
    "another shape": ({"head.weight": np.ones((3, 4), np.float32)}, r"head: found \(3, 4\)"),
    "one layer more": ({"tail.weight": np.ones((3, 4), np.float32)}, r"tail: found \(3, 4\)"),
    "one layer less": ({"head.weight": None}, "head: found no such layer"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_network_of_another_architecture_is_refused_by_file(tmp_path, weights, change):
    changed, message = CHANGES[change]
    folder = write_folder(tmp_path / "nets", weights)
    arrays = {**network(weights, 7), **changed}
    save_file(
        {name: values for name, values in arrays.items() if values is not None},
        folder / "net7.safetensors",
    )
    with pytest.raises(WeightLawsError, match=rf"net7\.safetensors: layer {message}"):
        describe(folder)
    with pytest.raises(WeightLawsError, match=rf"net7\.safetensors: layer {message}"):
        list(read_members(folder, SHAPES, 5, 8))
    assert list(read_members(folder, SHAPES, 0, 6))


def test_a_broken_network_in_a_folder_is_refused_by_file(tmp_path, weights):
    folder = write_folder(tmp_path / "nets", weights)
    (folder / "net4.safetensors").write_bytes(b"")
    with pytest.raises(WeightLawsError, match=r"net4\.safetensors: file"):
        describe(folder)


class Bomb:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("suffix", ["pt", "pth", "bin", "ckpt"])
def test_code_in_a_network_of_a_folder_is_refused_and_not_run(tmp_path, weights, suffix):
    folder = write_folder(tmp_path / "nets", weights, suffix)
    torch.save({"a": torch.ones(3, 3), "b": Bomb(tmp_path / "made")}, folder / f"net4.{suffix}")
    for read in (describe, lambda path: list(read_members(path, SHAPES, 2, 6))):
        with pytest.raises(WeightLawsError, match=rf"net4\.{suffix}: file: found code to be run"):
            read(folder)
    assert not (tmp_path / "made").exists()


def test_layers_that_cannot_be_shown_are_refused(tmp_path):
    write_file(tmp_path / "nets.h5", {"a\n": np.ones((N, 3, 3))})
    with pytest.raises(WeightLawsError, match=r"nets\.h5: name of a layer: found 'a"):
        describe(tmp_path / "nets.h5")


def test_a_folder_has_networks_of_one_kind(tmp_path, weights, caplog):
    folder = write_folder(tmp_path / "nets", weights)
    (folder / "README.md").write_text("not a network")
    (folder / ".hidden.pt").write_text("not a network")
    (folder / "inside.pt").mkdir()
    with caplog.at_level(logging.INFO, "weightlaws"):
        assert describe(folder).members == N
    assert "README.md is left out" in caplog.text
    torch.save({"a": torch.ones(3, 3)}, folder / "net0.pt")
    with pytest.raises(WeightLawsError, match=r"files ending in \.pt and \.safetensors"):
        describe(folder)


def test_headers_are_read_without_torch(tmp_path, weights):
    paths = [write(tmp_path, kind, weights) for kind in ("file", "safetensors")]
    script = (
        "import sys; from weightlaws.external.ensembles import describe\n"
        f"for path in sys.argv[1:]: assert describe(path).members == {N}\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, *map(str, paths)], check=True)


def test_what_is_no_ensemble_is_refused(tmp_path, weights):
    def refused(name, message):
        with pytest.raises(WeightLawsError, match=message):
            describe(tmp_path / name)

    refused("nowhere", "no such file, expected a folder of networks")
    refused("nowhere.h5", "no such file")
    (tmp_path / "a.npz").write_bytes(b"numbers")
    refused("a.npz", r"a file that is not HDF5, expected a folder of networks")
    (tmp_path / "a.h5").write_bytes(b"")
    refused("a.h5", "file: found what HDF5 cannot read")
    (tmp_path / "empty").mkdir()
    refused("empty", "found no networks")
    write_file(tmp_path / "none.h5", {})
    refused("none.h5", r"no weight matrix among 2 \(labels: int64: integers")
    write_file(tmp_path / "one.h5", {"a": np.eye(3)[None]})
    refused("one.h5", "members: found 1, expected at least two")
    write_file(tmp_path / "conv.h5", {"a": np.ones((N, 3, 2, 3, 3))})
    refused("conv.h5", r"dataset a: found shape \(11, 3, 2, 3, 3\), .*reshape it")
    write_file(tmp_path / "uneven.h5", {**weights, "z": np.ones((N - 1, 3, 3))})
    refused("uneven.h5", "dataset z: found 10 members, expected 11")
    described = describe(tmp_path / "uneven.h5", selection=Selection(exclude=("z",)))
    assert described.shapes == SHAPES
    assert described.skipped["z"] == "excluded by the pattern 'z'"


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "nets.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.full((N, 9, 9), 1.5), chunks=(N, 9, 9), fletcher32=True)
    content = path.read_bytes()
    spot = content.index(np.full(9, 1.5).tobytes())
    path.write_bytes(content[:spot] + b"damage" + content[spot + 6 :])
    with pytest.raises(WeightLawsError, match=r"nets\.h5: a: found damaged data"):
        list(read_members(path, {"a": (9, 9)}, 0, 3))


def test_a_shard_of_another_ensemble_is_told_by_its_spec(tmp_path, weights):
    source = write_file(tmp_path / "nets.h5", weights)
    spec = spec_of(source, [0, 3])
    import_shard(tmp_path / "shard.h5", spec)
    with pytest.raises(StorageError, match=r"spec\.path"):
        read_shard(tmp_path / "shard.h5", {**spec, "path": "other.h5"})


def test_members_are_read_from_files_of_their_own(tmp_path, weights):
    folder = write_folder(tmp_path / "nets", weights)
    names = [path.name for path in member_files(folder, 1, 3)]
    assert names == ["net1.safetensors", "net2.safetensors", "net3.safetensors"]
    source = write_file(tmp_path / "nets.h5", weights)
    assert member_files(str(source), 1, 3) == [source]


def network_spec(source):
    return {"source": str(source), "epochs": 0, "members": [0, 0], "code": "digest"}


def test_a_single_network_is_stored_with_the_layers_that_it_has(tmp_path, weights, caplog):
    source, path = tmp_path / "net.safetensors", tmp_path / "0-0.h5"
    save_file(network(weights, 0), source)
    with caplog.at_level(logging.INFO, logger="weightlaws"):
        import_network(path, network_spec(source))
    assert "head.bias is left out: shape (2,)" in caplog.text
    assert "block.a is a layer of shape (4, 3)" in caplog.text
    shard = read_shard(path)
    shapes = {layer: list(shape) for layer, shape in SHAPES.items()}
    found = {"shapes": shapes, "snapshots": {layer: [0] for layer in shapes}}
    assert shard.spec == {**network_spec(source), **found}
    for layer, values in weights.items():
        np.testing.assert_array_equal(shard.weights[layer][0, 0], values[0].astype(np.float32))
    assert shard.finite.tolist() == [[True]]


def test_a_single_network_beyond_float32_is_refused(tmp_path):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["a"] = np.full((3, 4), 1e39)
    with pytest.raises(WeightLawsError, match=r"layer a: found a weight of size 1e\+39"):
        import_network(tmp_path / "0-0.h5", network_spec(tmp_path / "net.h5"))
    assert not (tmp_path / "0-0.h5").exists()


def test_layers_are_chosen_by_patterns_in_every_kind(tmp_path, weights):
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        source = write(tmp_path / kind, kind, weights)
        found = describe(source, selection=Selection(include=("head",)))
        assert found.shapes == {"head": (2, 4)}
        reason = "matched by no pattern of those to include"
        assert reason in found.skipped.values()
        spec = {**spec_of(source, [0, 1], {"head": (2, 4)}), "include": ["head"]}
        import_shard(tmp_path / kind / "shard.h5", spec)
        assert [*read_shard(tmp_path / kind / "shard.h5").weights] == ["head"]
        with pytest.raises(WeightLawsError, match="include: 'tail': found no layer of that name"):
            describe(source, selection=Selection(include=("tail",)))


def test_equal_members_of_a_file_are_refused_by_number(tmp_path, weights):
    twice = {layer: values.copy() for layer, values in weights.items()}
    for layer in twice:
        twice[layer][7] = twice[layer][2]
        twice[layer][[4, 9]] = np.nan  # diverged, and compared with nothing
    twice["head"][5] = twice["head"][2]  # one layer alone
    source = write_file(tmp_path / "nets.h5", twice)
    with pytest.raises(WeightLawsError, match="equal weights in member 2, member 7, expected"):
        describe(source)


def test_networks_with_equal_layers_of_zeros_are_not_equal(tmp_path, weights):
    zeros = {**weights, "b": np.zeros((N, 2, 2))}
    assert describe(write_file(tmp_path / "nets.h5", zeros)).members == N


@pytest.mark.parametrize("kind", ["safetensors", "pt", "h5"])
def test_equal_files_are_refused_by_name(tmp_path, weights, kind):
    folder = write_folder(tmp_path / "nets", weights, kind)
    (folder / f"copy.{kind}").write_bytes((folder / f"net3.{kind}").read_bytes())
    with pytest.raises(WeightLawsError, match=rf"equal weights in copy\.{kind}, net3\.{kind},"):
        describe(folder)


def test_a_shard_has_digests_that_tell_members_apart(tmp_path, weights):
    """The same network in two kinds of file and in two orders of its layers."""
    folder = write_folder(tmp_path / "nets", weights)
    arrays = network(weights, 3)
    backwards = dict(reversed(arrays.items()))
    save_file(backwards, folder / "net4.safetensors", metadata={"made": "again"})
    import_shard(tmp_path / "shard.h5", spec_of(folder, [2, 5]))
    with h5py.File(tmp_path / "shard.h5") as file:
        digests = [digest.tobytes() for digest in file["digest"][...]]
        assert [name.decode() for name in file["names"]] == [
            f"net{member}.safetensors" for member in (2, 3, 4, 5)
        ]
    assert len({*digests}) == 3
    assert digests[1] == digests[2]


def test_shards_of_one_network_are_told_from_an_ensemble(tmp_path, weights):
    folder = tmp_path / "model"
    folder.mkdir()
    for k, layer in enumerate(("block.a", "head"), 1):
        arrays = {f"{layer}.weight": weights[layer][0].astype(np.float32)}
        save_file(arrays, folder / f"model-0000{k}-of-00002.safetensors")
    with pytest.raises(WeightLawsError, match=r"parts of one network.*under checkpoints"):
        describe(folder)
    (folder / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(
        WeightLawsError,
        match=r"found one network in several files, by model\.safetensors\.index\.json, .*"
        "name the folder under checkpoints",
    ):
        describe(folder)


DOUBTS = {
    "model-epoch=1.ckpt model-epoch=2.ckpt model-epoch=3.ckpt": "epochs of one training",
    "step_100.pt step_200.pt": "step_100.pt and step_200.pt are named like epochs",
    "seed0-epoch=9.ckpt seed1-epoch=9.ckpt": None,
    "net1.pt net2.pt": None,
    "model-00001-of-00002.bin model-00002-of-00002.bin": "named like a part of a network",
}


@pytest.mark.parametrize("names", DOUBTS)
def test_names_of_epochs_and_parts_are_warned_of_once(tmp_path, names):
    for k, name in enumerate(names.split()):
        torch.save({"a": torch.full((3, 3), float(k))}, tmp_path / name)
    assert describe(tmp_path).members == len(names.split())
    said = doubts(tmp_path)
    if DOUBTS[names] is None:
        assert said == []
    else:
        assert len(said) == 1
        assert DOUBTS[names] in said[0]
