import zipfile

import numpy as np
import pytest
from support.weight_files import Bomb, arrays, numbers, parameters, reasons, shapes

from weightlaws.errors import WeightLawsError


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_of_arrays(tmp_path, save):
    saved = {
        "encoder/0/weight": numbers(4, 3),
        "f": np.asfortranarray(numbers(5, 2)),
        "half": numbers(4, 3, dtype=np.float16),
        "big": numbers(4, 3, dtype=">f8"),
        "count": np.arange(3),
        "number": np.float64(3),
    }
    save(tmp_path / "a.npz", **saved)
    found = arrays(tmp_path / "a.npz")
    assert list(found) == ["encoder.0.weight", *[*saved][1:]]
    for array, expected in zip(found.values(), saved.values(), strict=True):
        np.testing.assert_array_equal(array, expected)
    assert parameters(tmp_path / "a.npz")["big"].dtype == "float64"


def test_a_file_of_one_array_goes_by_its_name(tmp_path):
    np.save(tmp_path / "layer3.npy", numbers(4, 3))
    assert shapes(tmp_path / "layer3.npy") == {"layer3": (4, 3)}
    np.testing.assert_array_equal(arrays(tmp_path / "layer3.npy")["layer3"], numbers(4, 3))


def test_objects_are_never_unpickled(tmp_path):
    bomb = np.array([Bomb(tmp_path / "made")], dtype=object)
    np.savez(tmp_path / "a.npz", a=numbers(4, 3), b=bomb, c=np.zeros(2, "f4,f4"), d=["text"])
    np.save(tmp_path / "b.npy", bomb)
    assert shapes(tmp_path / "a.npz") == {"a": (4, 3)}
    pickled = "objects of Python, pickled: never read"
    assert reasons(tmp_path / "a.npz") == {"b": pickled, "c": "no numbers", "d": "no numbers"}
    assert reasons(tmp_path / "b.npy") == {"b": pickled}
    assert not (tmp_path / "made").exists()


def test_complex_numbers_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", a=numbers(4, 3, dtype=np.complex64))
    assert reasons(tmp_path / "a.npz") == {"a": "complex numbers (complex64)"}


def test_a_truncated_array_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, numbers(4, 3))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(
        WeightLawsError, match=r"array a: found 44 bytes, expected 48 bytes for sha"
    ):
        parameters(path)


def test_an_array_larger_than_its_file_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, numbers(4, 3))
    path.write_bytes(path.read_bytes().replace(b"(4, 3), }   ", b"(99999, 3), }   "[:12]))
    with pytest.raises(WeightLawsError, match=r"a\.npy"):
        parameters(path)


def test_other_compressions_than_numpys_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", numbers(4, 3))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as packed:
        packed.write(tmp_path / "a.npy", "a.npy")
    with pytest.raises(WeightLawsError, match=r"a\.npz: file: found a compressed archive"):
        parameters(tmp_path / "a.npz")
