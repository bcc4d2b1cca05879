"""Full and read-only disks: one clear error, the old file as it was, and nothing left behind."""

import os
import subprocess
import sys

import numpy as np
import pytest

from weightlaws.errors import WeightLawsError
from weightlaws.storage.disk_file import DiskFile
from weightlaws.storage.hdf5 import StorageError, create, opened

VALUES = {f"values/{k}": np.random.default_rng(k).normal(size=(5, 4, 600)) for k in range(4)}
FULL = "file: found no space left on device, expected a disk that takes it; free space there"
READ_ONLY = "file: found read-only file system, expected a disk that takes it; make the folder"


def store(path, values=VALUES, spec=None):
    with create(path, "model", spec or {}) as writer:
        for name, array in values.items():
            writer.add(name, array)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "ballast")


def test_a_disk_that_fills_up_anywhere_in_a_file_is_told(small_disk):
    """Whatever write fails: of arrays, of metadata when the file is closed, or none."""
    path = small_disk.path / "file.h5"
    store(path, {"old": np.arange(3)})
    old, outcomes = path.read_bytes(), []
    needed = sum(values.nbytes for values in VALUES.values())
    for free in range(0, needed + 65536, 4096):
        small_disk.leave(free)
        try:
            store(path)
        except WeightLawsError as error:
            told = str(error)
        else:
            told = ""
        if told:
            assert told.startswith(f"{path}: {FULL}")
            assert path.read_bytes() == old
        else:
            with opened(path, "model") as reader:
                for name, values in VALUES.items():
                    found = reader.read(name, np.float64, values.shape)
                    np.testing.assert_array_equal(found, values)
            small_disk.free()
            path.write_bytes(old)
        outcomes.append(not told)
        assert names(small_disk.path) == ["file.h5"]
    # From some space on, and from no less, it fits.
    assert outcomes == sorted(outcomes)
    assert needed // 4096 <= outcomes.index(True) < len(outcomes) - 1


def test_a_writer_that_fills_slices_is_told_too(small_disk):
    path = small_disk.path / "file.h5"
    small_disk.leave(100_000)
    with pytest.raises(WeightLawsError) as error, create(path, "model", {}) as writer:
        dataset = writer.create("values", (100, 3, 1000), np.float64)
        for k in range(100):
            dataset[k] = k
    assert str(error.value).startswith(f"{path}: {FULL}")
    assert names(small_disk.path) == []


def test_a_process_whose_disk_is_full_ends_by_itself(small_disk):
    """HDF5 crashes at the end of a process in which one of its writes has failed."""
    path = small_disk.path / "file.h5"
    small_disk.leave(100_000)
    program = f"""
from pathlib import Path
import numpy as np
from weightlaws.errors import WeightLawsError
from weightlaws.storage.hdf5 import create
try:
    with create(Path({str(path)!r}), "model", {{}}) as writer:
        for k in range(9):
            writer.add(f"values{{k}}", np.random.default_rng(k).normal(size=90_000))
except WeightLawsError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{path}: {FULL}")


def test_a_read_only_disk_is_told(small_disk):
    path = small_disk.path / "file.h5"
    store(path)
    old = path.read_bytes()
    small_disk.remount("ro")
    for target in (path, small_disk.path / "new" / "folder" / "file.h5"):
        with pytest.raises(WeightLawsError) as error:
            store(target)
        assert str(error.value).startswith(f"{target}: {READ_ONLY} writable, or put results")
    assert path.read_bytes() == old
    assert names(small_disk.path) == ["file.h5"]
    with opened(path, "model") as reader:  # which takes no lock that needs writing
        reader.read("values/0", np.float64, VALUES["values/0"].shape)


def test_a_disk_that_becomes_read_only_before_the_renaming_is_told(small_disk, monkeypatch):
    path = small_disk.path / "file.h5"
    store(path)
    old = path.read_bytes()
    finish = DiskFile.finish

    def finish_and_remount(disk):
        finish(disk)
        small_disk.remount("ro")

    monkeypatch.setattr(DiskFile, "finish", finish_and_remount)
    with pytest.raises(WeightLawsError) as error:
        store(path, {"other": np.arange(2)})
    assert str(error.value).startswith(f"{path}: {READ_ONLY}")
    assert path.read_bytes() == old
    assert names(small_disk.path) == [f".file.h5.{os.getpid()}.partial", "file.h5"]


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path):
    (tmp_path / "file.h5").mkdir()
    with pytest.raises(WeightLawsError, match=r"file\.h5: file: found is a directory, expected"):
        store(tmp_path / "file.h5")
    assert names(tmp_path) == ["file.h5"]


@pytest.mark.parametrize("problem", [FileNotFoundError(2, "of another file"), KeyError("k")])
def test_what_goes_wrong_elsewhere_is_not_put_down_to_the_disk(tmp_path, problem):
    with pytest.raises(type(problem)) as error, create(tmp_path / "file.h5", "model", {}):
        raise problem
    assert error.value is problem
    assert names(tmp_path) == []


def test_an_interrupt_of_a_write_is_raised_when_hdf5_is_done(tmp_path, monkeypatch):
    store(tmp_path / "file.h5", {"old": np.arange(3)})
    old = (tmp_path / "file.h5").read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), create(tmp_path / "file.h5", "model", {}) as writer:
        monkeypatch.setattr("weightlaws.storage.disk_file.memoryview", interrupt, raising=False)
        writer.add("values", np.arange(9))
    assert (tmp_path / "file.h5").read_bytes() == old
    assert names(tmp_path) == ["file.h5"]


def test_errors_of_writing_and_reading_are_told_apart():
    assert not issubclass(WeightLawsError, StorageError)
