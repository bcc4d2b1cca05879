import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.weight_files import HEADERS, arrays, parameters, random, reasons, shapes, tensor

from weightlaws.errors import WeightLawsError

DTYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.int8,
    torch.uint8,
    torch.bool,
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_numbers_and_types_are_those_that_were_saved(tmp_path, dtype):
    saved = random(5, 4).to(dtype)
    save_file({"a.weight": saved}, tmp_path / "a.safetensors")
    assert parameters(tmp_path / "a.safetensors")["a.weight"].dtype == str(dtype)[len("torch.") :]
    assert shapes(tmp_path / "a.safetensors") == {"a.weight": (5, 4)}
    found = arrays(tmp_path / "a.safetensors")["a.weight"]
    np.testing.assert_array_equal(found, saved.double().numpy())


def test_complex_numbers_are_named(tmp_path):
    save_file({"a": random(5, 4).to(torch.complex64)}, tmp_path / "a.safetensors")
    assert reasons(tmp_path / "a.safetensors") == {"a": "complex numbers (complex64)"}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_headers_that_do_not_fit_their_file_are_refused(tmp_path, header):
    text = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(64))
    with pytest.raises(WeightLawsError, match=r"a\.safetensors: file: found what safetensors"):
        parameters(path)


@pytest.mark.parametrize("length", [0x227B, 0x088B1F, 0x04034B50])
def test_a_header_whose_length_is_spelled_as_another_format_begins(tmp_path, length):
    """`{"`, gzip's and zip's first bytes."""
    text = json.dumps({"a": tensor([4, 4], 0, 64)}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + text.ljust(length) + bytes(64))
    assert shapes(path) == {"a": (4, 4)}


def test_a_header_longer_than_its_file_is_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes((10**15).to_bytes(8, "little") + b"{}")
    with pytest.raises(WeightLawsError, match="header too large"):
        parameters(tmp_path / "a.safetensors")


def test_headers_are_read_without_torch(tmp_path):
    save_file({"a.weight": random(3, 4, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    torch.save({"a.weight": random(3, 4, dtype=torch.bfloat16)}, tmp_path / "a.pt")
    script = (
        "import sys; from pathlib import Path; from weightlaws.external.formats import detect\n"
        "for path in sys.argv[1:]:\n"
        "    with detect.opened(Path(path), headers_only=True) as found:\n"
        "        assert [(p.shape, p.dtype) for p in found] == [((3, 4), 'bfloat16')]\n"
        "assert 'torch' not in sys.modules"
    )
    paths = [str(tmp_path / name) for name in ("a.safetensors", "a.pt")]
    subprocess.run([sys.executable, "-c", script, *paths], check=True)
