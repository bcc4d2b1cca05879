import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.weight_files import arrays, parameters, random, shapes

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import detect

STATE = {f"layers.{k}.weight": random(4, 3 + k) for k in range(4)}
NAMES = ["model-00001-of-00002", "model-00002-of-00002"]


def write(folder, kind="safetensors", **changes):
    """Two shards of two layers each, and their index, with changes; None takes an entry out."""
    folder.mkdir(exist_ok=True)
    files, weight_map = [f"{name}.{kind}" for name in NAMES], {}
    for file, first in zip(files, (0, 2), strict=True):
        part = dict([*STATE.items()][first : first + 2])
        (save_file if kind == "safetensors" else torch.save)(part, folder / file)
        weight_map |= dict.fromkeys(part, file)
    listed = {name: file for name, file in (weight_map | changes).items() if file is not None}
    index = {"metadata": {"total_size": 0}, "weight_map": listed}
    (folder / f"model.{kind}.index.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_shards_are_one_network(tmp_path, kind):
    folder = write(tmp_path / "net", kind)
    index = folder / f"model.{kind}.index.json"
    for path in (folder, index):
        found = arrays(path)
        assert list(found) == list(STATE)
        for name, tensor in STATE.items():
            np.testing.assert_array_equal(found[name], tensor.numpy())
    detect.check_file(folder)
    assert detect.files_of(folder) == [index, *(folder / f"{name}.{kind}" for name in NAMES)]


def test_a_missing_shard_is_named(tmp_path):
    folder = write(tmp_path / "net")
    (folder / f"{NAMES[1]}.safetensors").unlink()
    for read in (detect.check_file, parameters):
        with pytest.raises(WeightLawsError, match=f"net: shards: found no {NAMES[1]}.safetensors"):
            read(folder)


def test_an_extra_shard_is_named(tmp_path):
    folder = write(tmp_path / "net")
    save_file({"a": random(3, 3)}, folder / "model-00003-of-00003.safetensors")
    save_file({"a": random(3, 3)}, folder / "other-00001-of-00001.safetensors")
    with pytest.raises(WeightLawsError, match=r"found model-00003-of-00003\.safetensors, which"):
        detect.check_file(folder)


def test_a_parameter_that_a_shard_lacks_is_named(tmp_path):
    folder = write(tmp_path / "a", **{"lost.weight": f"{NAMES[0]}.safetensors"})
    with pytest.raises(WeightLawsError, match=r"00001-of-00002.*: found no lost\.weight, exp"):
        parameters(folder)


def test_what_the_index_does_not_list_is_read_and_said(tmp_path, caplog):
    unlisted = dict.fromkeys(["layers.0.weight", "layers.2.weight", "layers.3.weight"])
    folder = write(tmp_path / "net", **unlisted)
    assert {*arrays(folder)} == {*STATE}
    said = {record.getMessage().partition("/net/")[2] for record in caplog.records}
    assert f"model.safetensors.index.json lists no parameter of {NAMES[1]}.safetensors, " in {
        message.replace("which is read, too", "") for message in said
    }
    assert (
        f"{NAMES[0]}.safetensors: the index lists 1 of 2 parameters; also read is layers.0.weight"
        in said
    )
    (folder / f"{NAMES[1]}.safetensors").unlink()
    with pytest.raises(WeightLawsError, match=r"found 1 of model\.\.\.-of-00002\.safetensors, exp"):
        detect.check_file(folder)


INDICES = {
    "no JSON": "{",
    "no map": "{}",
    "a list": "[]",
    "numbers": '{"weight_map": {"a": 3}}',
    "a path": '{"weight_map": {"a": "../a.safetensors"}}',
    "nothing": '{"weight_map": {}}',
    "nested": "[" * 100_000,
}


@pytest.mark.parametrize("content", INDICES.values(), ids=INDICES)
def test_a_damaged_index_is_refused(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(WeightLawsError, match=r"index\.json: index: found (what|no shard)"):
        parameters(tmp_path)


def test_a_folder_without_an_index_or_with_two_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightLawsError, match=r"no file ending in \.index\.json among no files"):
        parameters(tmp_path / "empty")
    folder = write(write(tmp_path / "net", "bin"))
    with pytest.raises(WeightLawsError, match=r"found model\.bin\.index.*name one of them"):
        parameters(folder)
    assert shapes(folder / "model.bin.index.json").keys() == STATE.keys()


def test_a_shard_that_is_a_pointer_is_named(tmp_path):
    folder = write(tmp_path / "net")
    (folder / f"{NAMES[1]}.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WeightLawsError, match=rf"{NAMES[1]}.*a Git LFS pointer.*git lfs pull"):
        detect.check_file(folder)
