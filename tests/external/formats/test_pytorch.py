import argparse
import pickle
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from support.weight_files import Bomb, arrays, parameters, random, reasons, shapes

from weightlaws.errors import WeightLawsError

STATE = {"z.weight": random(4, 3), "a.weight": random(5, 2, 3), "z.bias": random(4)}


def as_archive(value, path):
    torch.save(value, path)


def as_legacy(value, path):
    torch.save(value, path, _use_new_zipfile_serialization=False)


def as_plain_pickle(value, path):
    path.write_bytes(pickle.dumps(value, protocol=2))


BOTH = pytest.mark.parametrize("save", [as_archive, as_legacy])


def scripted(model, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripts are deprecated
        torch.jit.save(torch.jit.script(model), path)


@BOTH
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_tensors_come_in_their_order_with_their_numbers(tmp_path, save, protocol):
    path = tmp_path / "a.pt"
    options = {} if save is as_archive else {"_use_new_zipfile_serialization": False}
    torch.save(OrderedDict(STATE), path, pickle_protocol=protocol, **options)
    found = arrays(path)
    assert list(found) == list(STATE)
    for name, tensor in STATE.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], tensor.numpy())


DTYPES = [
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.int64,
    torch.int8,
    torch.uint8,
    torch.uint16,
    torch.bool,
]


@BOTH
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_type_of_numbers(tmp_path, save, dtype):
    saved = random(5, 4).abs().to(dtype)
    save({"a": saved}, tmp_path / "a.pt")
    assert parameters(tmp_path / "a.pt")["a"].dtype == str(dtype).removeprefix("torch.")
    np.testing.assert_array_equal(arrays(tmp_path / "a.pt")["a"], saved.double().numpy())


@BOTH
def test_views_are_read_as_they_are_seen(tmp_path, save):
    whole = random(6, 8)
    views = {
        "transposed": whole.T,
        "slice": whole[1:3, 2:7:2],
        "row": whole[4],
        "number": whole[5, 7],
        "steps": whole[::2],
        "none": whole[:0],
    }
    save(views, tmp_path / "a.pt")
    found = arrays(tmp_path / "a.pt")
    assert reasons(tmp_path / "a.pt") == {"none": "shape (0, 8): empty"}
    for name in found:
        np.testing.assert_array_equal(found[name], views[name].numpy())


@BOTH
def test_tied_tensors_are_the_same(tmp_path, save):
    weight = random(4, 3)
    tensors = {"a": weight, "b": weight, "t": weight.T, "c": weight.clone(), "half": weight[:2]}
    save(tensors, tmp_path / "a.pt")
    same = {name: found.same_as for name, found in parameters(tmp_path / "a.pt").items()}
    assert same["a"] == same["b"] == same["t"]
    assert len({same["a"], same["c"], same["half"]}) == 3


@BOTH
def test_a_view_whose_numbers_are_not_those_that_are_stored_is_left_out(tmp_path, save):
    negated = torch.ones(6, 7, dtype=torch.complex64).conj().imag
    assert negated.is_neg()
    save({"a.weight": negated, "b.weight": torch.ones(3, 4)}, tmp_path / "a.pt")
    found = {name: parameter.reason for name, parameter in parameters(tmp_path / "a.pt").items()}
    assert found == {"a.weight": "a negated or conjugate view, not a tensor", "b.weight": None}


@BOTH
def test_a_file_of_one_tensor_goes_by_its_name(tmp_path, save):
    save(torch.ones(3, 4), tmp_path / "mine.pt")
    assert shapes(tmp_path / "mine.pt") == {"mine": (3, 4)}


@BOTH
def test_a_tensor_that_repeats_few_numbers_is_left_out(tmp_path, save):
    save({"a": random(3, 3), "huge": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "a.pt")
    expected = "shape (1000000, 1000000): repeats the 4 bytes that are stored"
    assert reasons(tmp_path / "a.pt") == {"huge": expected}


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_what_is_no_dense_tensor_is_left_out(tmp_path):
    values = {
        "a.weight": random(3, 3),
        "version": 2,
        "sparse": torch.eye(3).to_sparse(),
        "rows": torch.eye(3).to_sparse_csr(),
        "complex": random(3, 3).to(torch.complex64),
        "meta": torch.empty(3, 3, device="meta"),
    }
    torch.save(values, tmp_path / "a.pt")
    assert reasons(tmp_path / "a.pt") == {
        "version": "a int, not a tensor",
        "sparse": "a sparse tensor, not a tensor",
        "rows": "a sparse tensor, not a tensor",
        "complex": "complex numbers (complex64)",
        "meta": "a tensor without numbers (meta), not a tensor",
    }


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("dtype", [torch.qint8, torch.quint8])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_quantised_tensors_are_what_their_numbers_stand_for(tmp_path, axis, dtype):
    values = random(4, 3)
    if axis is None:
        quantised = torch.quantize_per_tensor(values, 0.1, 3, dtype)
    else:
        scales, zeros = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([1, 2, 3, 4])
        n = values.shape[axis]
        quantised = torch.quantize_per_channel(values, scales[:n], zeros[:n], axis, dtype)
    torch.save({"a": quantised}, tmp_path / "a.pt")
    assert parameters(tmp_path / "a.pt")["a"].dtype == str(dtype).removeprefix("torch.")
    expected = quantised.dequantize().numpy()
    np.testing.assert_allclose(arrays(tmp_path / "a.pt")["a"], expected, rtol=1e-6)


def test_parameters_and_numpys_arrays_in_a_state_dict(tmp_path):
    values = {
        "p": torch.nn.Parameter(random(4, 3)),
        "c": np.arange(12.0).reshape(4, 3),
        "f": np.asfortranarray(np.arange(12, dtype=np.float32).reshape(4, 3)),
        "big": np.arange(12, dtype=">f8").reshape(4, 3),
        "objects": np.array([{}, {}], dtype=object),
    }
    torch.save(values, tmp_path / "a.pt")
    found = arrays(tmp_path / "a.pt")
    assert reasons(tmp_path / "a.pt") == {"objects": "objects of Python, which are never read"}
    for name in found:
        np.testing.assert_array_equal(found[name], torch.as_tensor(
            np.asarray(values[name].detach() if name == "p" else values[name], float)
        ))  # fmt: skip


@BOTH
@pytest.mark.parametrize("suffix", ["pt", "bin", "ckpt", "pth", "PT", "tar", "anything"])
def test_code_in_a_file_is_refused_and_not_run(tmp_path, save, suffix):
    path, folder = tmp_path / f"a.{suffix}", tmp_path / "made"
    save({"model": {"a.weight": random(3, 3)}, "optimizer": Bomb(folder)}, path)
    message = rf"a\.{suffix}: file: found code to be run, posix\.mkdir, .* never run; .*state_dict"
    with pytest.raises(WeightLawsError, match=message):
        parameters(path)
    assert not folder.exists()


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path):
    as_plain_pickle({"a": np.ones((3, 3)), "b": Bomb(tmp_path / "made")}, tmp_path / "a.pkl")
    with pytest.raises(WeightLawsError, match=r"code to be run, posix\.mkdir"):
        parameters(tmp_path / "a.pkl")
    assert not (tmp_path / "made").exists()


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("name", ["eval", "exec", "open", "__import__"])
def test_functions_that_act_are_refused(tmp_path, name):
    import builtins

    torch.save([random(3, 3), Calls(getattr(builtins, name), "1")], tmp_path / "a.pt")
    with pytest.raises(WeightLawsError, match=rf"code to be run, \w+\.{name}"):
        parameters(tmp_path / "a.pt")


def test_other_functions_are_not_called(tmp_path):
    """Settings of other libraries stand beside weights; what they would be made of is read."""
    marker = tmp_path / "made"
    calls = {"made": Calls(Path.touch, marker), "class": Calls(argparse.Namespace)}
    torch.save({"state_dict": STATE, "hyper_parameters": calls}, tmp_path / "a.ckpt")
    assert list(shapes(tmp_path / "a.ckpt")) == list(STATE)
    assert not marker.exists()


def test_a_pickle_of_arrays_is_read(tmp_path):
    as_plain_pickle({"model": {"a": np.arange(6.0).reshape(2, 3)}}, tmp_path / "a.pkl")
    np.testing.assert_array_equal(arrays(tmp_path / "a.pkl")["a"], np.arange(6.0).reshape(2, 3))


def test_tensors_of_a_plain_pickle_are_refused(tmp_path):
    as_plain_pickle({"a": random(3, 3)}, tmp_path / "a.pkl")
    with pytest.raises(WeightLawsError, match=r"by another function than torch\.save"):
        parameters(tmp_path / "a.pkl")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(4, 6, 3, groups=2)
        self.up = torch.nn.ConvTranspose2d(6, 4, 2)
        self.words = torch.nn.Embedding(7, 3)
        self.head = torch.nn.Linear(3, 5)
        self.norm = torch.nn.LayerNorm([4, 3])
        self.register_buffer("mask", torch.ones(3, 3))

    def forward(self, x):
        return self.up(self.conv(x))


def whole(model, path):
    torch.save(model, path)


@pytest.mark.parametrize("save", [whole, scripted])
def test_a_whole_model_says_what_its_weights_are(tmp_path, save):
    """By the types of its modules, whose code is not imported."""
    torch.manual_seed(1)
    model = Net()
    save(model, tmp_path / "a.pt")
    found = parameters(tmp_path / "a.pt")
    assert found.keys() == model.state_dict().keys()
    assert {name for name, each in found.items() if each.typed} == {
        "conv.weight",
        "up.weight",
        "head.weight",
    }
    assert (found["conv.weight"].layout, found["conv.weight"].groups) == ("torch", 2)
    assert (found["up.weight"].layout, found["up.weight"].groups) == ("transposed", 1)
    assert reasons(tmp_path / "a.pt") == {
        "words.weight": "an embedding, by the type of its module",
        "mask": "a buffer of its module, not a parameter",
    }
    for name, array in arrays(tmp_path / "a.pt").items():
        np.testing.assert_array_equal(array, model.state_dict()[name].numpy())


def test_a_model_within_a_checkpoint(tmp_path):
    torch.save({"epoch": 3, "model": Net(), "ema": None}, tmp_path / "a.pt")
    assert "head.weight" in shapes(tmp_path / "a.pt")


class Frozen(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 5)

    def forward(self, x):
        return self.fc(x)


def test_a_frozen_scripted_model_has_its_weights_among_its_constants(tmp_path):
    model = Frozen().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.freeze(torch.jit.script(model)), tmp_path / "a.pt")
    found = arrays(tmp_path / "a.pt")
    matrices = [array for array in found.values() if array.ndim == 2]
    assert all(name.startswith("constants.") for name in found)
    assert len(matrices) == 1
    weight = model.fc.weight.detach().numpy()
    assert any(np.array_equal(weight, matrix) for matrix in (matrices[0], matrices[0].T))


def repacked(path, target, change):
    """Copy an archive, with each record as `change` returns it: content and compression."""
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(target, "w") as packed:
        for entry in whole.infolist():
            content, kind = change(entry.filename, whole.read(entry))
            if content is not None:
                packed.writestr(entry.filename, content, kind)


@pytest.mark.parametrize("part", ["data.pkl", "data/0"])
def test_a_compressed_archive_is_refused(tmp_path, part):
    """A short one can hold more than there is memory."""
    torch.save({"a": torch.zeros(100, 100)}, tmp_path / "whole.pt")
    kinds = {True: zipfile.ZIP_DEFLATED, False: zipfile.ZIP_STORED}
    repacked(
        tmp_path / "whole.pt",
        tmp_path / "a.pt",
        lambda name, content: (content, kinds[name.endswith(part)]),
    )
    with pytest.raises(WeightLawsError, match=r"a\.pt: file: found a compressed archive"):
        parameters(tmp_path / "a.pt")


def test_a_missing_record_is_named(tmp_path):
    torch.save({"a": random(10, 10)}, tmp_path / "whole.pt")
    repacked(
        tmp_path / "whole.pt",
        tmp_path / "a.pt",
        lambda name, content: (None if name.endswith("data/0") else content, zipfile.ZIP_STORED),
    )
    with pytest.raises(WeightLawsError, match=r"a\.pt: file: found no record \S*data/0"):
        parameters(tmp_path / "a.pt")


def test_a_record_that_is_too_short_is_refused(tmp_path):
    torch.save({"a": random(10, 10)}, tmp_path / "whole.pt")
    repacked(
        tmp_path / "whole.pt",
        tmp_path / "a.pt",
        lambda name, content: (content[:80] if "data/0" in name else content, zipfile.ZIP_STORED),
    )
    with pytest.raises(WeightLawsError, match=r"damaged data .*shorter than its tensor"):
        parameters(tmp_path / "a.pt")


def test_numbers_with_the_high_byte_first_are_refused(tmp_path):
    torch.save({"a": random(10, 10)}, tmp_path / "whole.pt")
    repacked(
        tmp_path / "whole.pt",
        tmp_path / "a.pt",
        lambda name, content: (b"big" if "byteorder" in name else content, zipfile.ZIP_STORED),
    )
    with pytest.raises(WeightLawsError, match="high byte first"):
        parameters(tmp_path / "a.pt")


def test_a_changed_number_is_noticed(tmp_path):
    """An archive has checksums."""
    path = tmp_path / "a.pt"
    torch.save({"a": torch.full((50, 50), 1.5)}, path)
    content = path.read_bytes()
    spot = content.index(np.full(9, 1.5, np.float32).tobytes())
    path.write_bytes(content[:spot] + b"x" + content[spot + 1 :])
    with pytest.raises(WeightLawsError, match=r"a\.pt: a: found damaged data .*CRC"):
        arrays(path)


@BOTH
def test_truncated_files_are_refused(tmp_path, save):
    path = tmp_path / "a.pt"
    save({"a": random(100, 100)}, path)
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(
        WeightLawsError, match=r"a\.pt: file: found (an archive that is trunc|dama)"
    ):
        parameters(path)


def test_advice_to_run_code_is_never_printed(tmp_path, capfd):
    torch.save(Calls(eval, "1"), tmp_path / "a.pt")
    with pytest.raises(WeightLawsError) as error:
        parameters(tmp_path / "a.pt")
    printed = "".join(capfd.readouterr())
    assert "weights_only" not in f"{error.value} {error.value.__cause__} {printed}"
