import re
import subprocess
import sys

import h5py
import numpy as np
import pytest
from support.weight_files import ELSEWHERE, arrays, numbers, parameters, reasons, shapes

from weightlaws.errors import WeightLawsError


def test_datasets_are_named_by_their_path(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["encoder/0/weight"], file["b"] = numbers(4, 3), numbers(5)
    assert shapes(path) == {"b": (5,), "encoder.0.weight": (4, 3)}
    np.testing.assert_array_equal(arrays(path)["encoder.0.weight"], numbers(4, 3))
    assert shapes(path, "encoder")["0.weight"] == (4, 3)
    assert reasons(path, "encoder") == {"b": "outside of the state dict 'encoder'"}
    with pytest.raises(WeightLawsError, match="no arrays under 'decoder', expected one of b, enc"):
        parameters(path, "decoder")


def test_a_dataset_under_two_names_is_the_same(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"], file["c"] = numbers(4, 3), numbers(4, 3)
        file["deep/b"] = file["a"]
        file["again"] = file["/"]  # a group within itself
    same = {name: each.same_as for name, each in parameters(path).items()}
    assert same.keys() == {"a", "c", "deep.b"}
    assert same["a"] == same["deep.b"] != same["c"]


def test_complex_numbers_are_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = numbers(4, 3, dtype=np.complex128)
    assert reasons(tmp_path / "a.h5") == {"a": "complex numbers (complex128)"}


@pytest.mark.parametrize(("write", "found"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_data_that_are_not_in_the_file_are_refused(tmp_path, write, found):
    """What stands elsewhere is not opened."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = np.ones((6, 5, 5))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = np.ones((6, 5, 5))
        write(file, tmp_path / "other.h5")
    with pytest.raises(WeightLawsError, match=rf"a\.h5: /?{found}.*data in the file itself"):
        parameters(tmp_path / "a.h5")


def test_two_names_that_are_one_with_dots_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a.b"], file["a/b"] = np.ones((3, 3)), np.ones((3, 3))
    with pytest.raises(WeightLawsError, match=r"dataset a\.b: found both /a[./]b and /a[./]b"):
        parameters(tmp_path / "a.h5")


def test_damaged_numbers_are_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.full((50, 50), 1.5), chunks=(50, 50), fletcher32=True)
    content = path.read_bytes()
    spot = content.index(np.full(9, 1.5).tobytes())
    path.write_bytes(content[:spot] + b"damage" + content[spot + 6 :])
    with pytest.raises(WeightLawsError, match=r"a\.h5: a: found damaged data"):
        arrays(path)


def test_an_unknown_filter_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.ones((6, 5, 5)), compression="lzf")
    content, number = path.read_bytes(), (32000).to_bytes(2, "little")
    assert content.count(number) == 1
    path.write_bytes(content.replace(number, (32999).to_bytes(2, "little")))
    with pytest.raises(WeightLawsError, match=r"a\.h5: a: found damaged data"):
        arrays(path)


def test_a_truncated_file_is_called_so(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = numbers(50, 50)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightLawsError, match=r"a\.h5: file: found a truncated file, .*fetch"):
        parameters(path)


WRITERS = {
    "locked": ("h5py.File(sys.argv[1], 'w')", "another program has open for writing.*close it"),
    "marked": (
        "h5py.File(sys.argv[1], 'w', libver='latest'); file.swmr_mode = True",
        "open for writing, or was when its program ended.*h5clear",
    ),
}


@pytest.mark.parametrize(("opening", "message"), WRITERS.values(), ids=WRITERS)
def test_a_file_that_is_open_elsewhere_is_not_called_damaged(tmp_path, opening, message):
    path = tmp_path / "a.h5"
    script = f"import h5py, sys; file = {opening}\nfile.flush(); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(WeightLawsError) as error:
            parameters(path)
        process.communicate(b"\n")
    assert re.search(message, str(error.value))
    assert "again" not in str(error.value)
