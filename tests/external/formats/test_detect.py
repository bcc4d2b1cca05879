import io
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.weight_files import numbers, parameters, random, reasons, shapes

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import detect


def as_hdf5(path):
    with h5py.File(path, "w") as file:
        file["a"] = numbers(4, 3)


def as_npz(path):
    with path.open("wb") as file:
        np.savez(file, a=numbers(4, 3))


def with_user_block(path):
    with h5py.File(path, "w", userblock_size=1024) as file:
        file["a"] = numbers(4, 3)


WRITERS = {
    "safetensors": lambda path: save_file({"a": random(4, 3)}, path),
    "pytorch": lambda path: torch.save({"a": random(4, 3)}, path),
    "legacy": lambda path: torch.save(
        {"a": random(4, 3)}, path, _use_new_zipfile_serialization=False
    ),
    "hdf5": as_hdf5,
    "user block": with_user_block,
    "npz": as_npz,
}


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".h5", ".npz", ".model", ""])
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_the_content_tells_the_format(tmp_path, write, suffix):
    path = tmp_path / f"a{suffix}"
    write(path)
    assert shapes(path) == {"a": (4, 3)}
    detect.check_file(path)
    assert detect.files_of(path) == [path]


def tar():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        file.addfile(tarfile.TarInfo("a.pt"))
    return packed.getvalue()


def archive(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return packed.getvalue()


FOREIGN = {
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha", "a Git LFS pointer.*pull"),
    "page": (b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "a page of HTML"),
    "page in capitals": (b"\n  <HTML><HEAD>", "a page of HTML"),
    "answer": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "a page of HTML or XML"),
    "JSON": (b'{"error": "Repository not found"}', "JSON"),
    "gzip": (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "compressed with gzip.*unpack it"),
    "bzip2": (b"BZh91AY&SY", "compressed with bzip2"),
    "xz": (b"\xfd7zXZ\0\0\4", "compressed with xz"),
    "zstd": (b"\x28\xb5\x2f\xfd\4\0", "compressed with zstd"),
    "tar": (tar(), "a tar archive"),
    "zip": (archive(**{"folder/a.pt": b"", "b.txt": b""}), r"a zip archive of folder/a\.pt, b"),
    "GGUF": (b"GGUF\3\0\0\0", "a GGUF file, whose weights are quantised"),
    "TFLite": (b"\x1c\0\0\0TFL3\x14\0", "a TensorFlow Lite model"),
    "ONNX": (b"\x08\x08\x12\x07tf2onnx", "looks like an ONNX model"),
    "SavedModel": (b"\x08\x01\x12\xc9\x01", "looks like a TensorFlow SavedModel"),
    "empty": (b"", "an empty file"),
    "truncated archive": (archive(a=b"x" * 99)[:60], "an archive that is truncated"),
    "text": (b"no weights at all " * 9, r"no known format; it begins with b'no weights a'"),
    "few bytes": (b"\0" * 5, "no known format"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".h5"])
@pytest.mark.parametrize(("content", "found"), FOREIGN.values(), ids=FOREIGN)
def test_other_content_is_named(tmp_path, content, found, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    for read in (detect.check_file, parameters):
        with pytest.raises(WeightLawsError, match=rf"a{suffix}: file: found .*{found}"):
            read(path)


def test_a_missing_file_is_refused(tmp_path):
    for read in (detect.check_file, parameters):
        with pytest.raises(WeightLawsError, match=r"a\.pt: file: found no such file"):
            read(tmp_path / "a.pt")


def test_weights_without_numbers_are_an_incomplete_checkpoint(tmp_path):
    """As DeepSpeed (ZeRO-3) leaves a state dict."""
    state = {"a.weight": torch.empty(0), "a.bias": torch.empty(0), "b.weight": random(4, 3)}
    torch.save({"module": state}, tmp_path / "a.pt")
    message = r"an incomplete checkpoint: 1 empty weights, the first a\.weight.*zero_to_fp32"
    with pytest.raises(WeightLawsError, match=message):
        parameters(tmp_path / "a.pt")
    torch.save({"state": torch.empty(0), "b.weight": random(4, 3)}, tmp_path / "a.pt")
    assert reasons(tmp_path / "a.pt") == {"state": "shape (0,): empty"}


def test_numbers_are_read_only_while_the_file_is_open(tmp_path):
    as_hdf5(tmp_path / "a.h5")
    with detect.opened(tmp_path / "a.h5", headers_only=False) as (parameter,):
        np.testing.assert_array_equal(parameter.read(), numbers(4, 3))
    with pytest.raises(WeightLawsError, match=r"a\.h5: a: found damaged data"):
        parameter.read()
