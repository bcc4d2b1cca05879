import subprocess
import sys
import zlib

import h5py
import numpy as np
import pytest
from support.no_locks import without_locks

from weightlaws.storage.hdf5 import StorageError, check_spec, create, opened

SPEC = {"seed": 1, "inner": {"code": "abc", "layers": ["a", "b"]}}


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "some" / "file.h5"
    with create(path, "model", SPEC, {"device": "cpu"}) as writer:
        writer.add("values", np.arange(600.0).reshape(3, 2, 10, 10))
        writer.add("counts", np.arange(4))
    return path


def test_arrays_come_back_as_they_were(stored):
    with opened(stored, "model", SPEC) as reader:
        values = reader.read("values", np.float64, (3, 2, 10, 10))
        counts = reader.read("counts", np.int64, (None,))
    np.testing.assert_array_equal(values, np.arange(600.0).reshape(3, 2, 10, 10))
    np.testing.assert_array_equal(counts, np.arange(4))
    assert [path.name for path in stored.parent.iterdir()] == ["file.h5"]


def test_every_dataset_is_checksummed_and_the_file_describes_itself(stored):
    with h5py.File(stored) as file:
        assert all(file[name].fletcher32 for name in file)
        assert file.attrs["format"] == 1
        assert b'"device": "cpu"' in file.attrs["provenance"]
        assert b'"torch": "2.13.0' in file.attrs["provenance"]


def test_a_failed_writer_leaves_the_old_file_and_no_other(stored):
    before = stored.read_bytes()
    with pytest.raises(RuntimeError, match="half"), create(stored, "model", SPEC) as writer:
        writer.add("values", np.zeros(3))
        raise RuntimeError("half way")
    assert stored.read_bytes() == before
    assert [path.name for path in stored.parent.iterdir()] == ["file.h5"]


def refusal(path, *, kind="model", spec=SPEC, name="values", dtype=np.float64, shape=None):
    with pytest.raises(StorageError) as error, opened(path, kind, spec) as reader:
        reader.read(name, dtype, shape or (3, 2, 10, 10))
    message = str(error.value)
    assert str(path) in message
    assert "expected" in message
    assert "delete the file and run snakemake again" in message
    return message


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"kind": "weights"}, ["attribute kind", "found model", "expected weights"]),
        ({"spec": {**SPEC, "seed": 2}}, ["spec.seed", "found 1", "expected 2"]),
        (
            {"spec": {**SPEC, "inner": {**SPEC["inner"], "code": "x"}}},
            ["spec.inner.code", "found abc", "expected x"],
        ),
        ({"spec": {"seed": 1}}, ["spec.inner", "expected nothing"]),
        ({"name": "other"}, ["other", "no such dataset"]),
        ({"dtype": np.float32}, ["values", "found float64", "expected float32"]),
        ({"shape": (3, 2, 10)}, ["values", "(3, 2, 10, 10)", "(3, 2, 10)"]),
        ({"shape": (4, None, 10, 10)}, ["(3, 2, 10, 10)", "(4, None, 10, 10)"]),
    ],
)
def test_what_was_not_asked_for_is_refused_by_name(stored, request_, words):
    message = refusal(stored, **request_)
    assert all(word in message for word in words), message


def test_a_flipped_byte_is_refused(stored):
    with h5py.File(stored) as file:
        place = file["values"].id.get_chunk_info(1).byte_offset + 100
    damaged = bytearray(stored.read_bytes())
    damaged[place] ^= 1
    stored.write_bytes(damaged)
    assert "values: found damaged data" in refusal(stored)


@pytest.mark.parametrize("length", [0, 1000])
def test_a_truncated_file_is_refused(stored, length):
    stored.write_bytes(stored.read_bytes()[:length])
    assert "what HDF5 cannot read" in refusal(stored)


def test_an_absent_file_is_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "absent.h5")


def test_another_format_is_refused(stored):
    with h5py.File(stored, "a") as file:
        file.attrs["format"] = 99
    assert "attribute format: found 99, expected 1" in refusal(stored)


def test_a_spec_that_is_no_json_is_refused(stored):
    text = np.bytes_("__import__('os')")
    for stored_text, checksum, words in (
        (text, zlib.crc32(text), "a JSON object"),
        (text, 0, "JSON that matches its checksum"),
        (text.decode(), zlib.crc32(text), "JSON as bytes"),
    ):
        with h5py.File(stored, "a") as file:
            file.attrs["spec"], file.attrs["spec_crc32"] = stored_text, checksum
        message = refusal(stored)
        assert "attribute spec: found __import__('os'), expected" in message
        assert words in message


def test_numbers_that_are_not_finite_are_refused_where_they_stand(tmp_path):
    values = np.ones((2, 3))
    values[1, 2] = np.nan
    path = tmp_path / "file.h5"
    with create(path, "model", SPEC) as writer:
        writer.add("values", values)
    assert "found nan at [1, 2]" in refusal(path, shape=(2, 3))
    with opened(path, "model") as reader:
        assert np.isnan(reader.read("values", np.float64, (2, 3), finite=False)[1, 2])


def test_specs_are_equal_whatever_the_order_of_their_keys(tmp_path):
    check_spec(tmp_path, {"a": 1, "b": [1]}, {"b": [1], "a": 1})


def test_a_part_is_read_and_checked_alone(tmp_path):
    values = np.arange(24.0).reshape(4, 3, 2)
    values[3] = np.nan
    path = tmp_path / "file.h5"
    with create(path, "model", SPEC) as writer:
        writer.add("values", values)
    finite = np.array([True, True, True, False])
    with opened(path, "model") as reader:
        later = reader.read("values", np.float64, (4, 3, 2), finite=finite, part=(slice(None), 1))
        np.testing.assert_array_equal(later, values[:, 1])
        some = reader.read("values", np.float64, (4, 3, 2), part=(slice(1, 3),))
        np.testing.assert_array_equal(some, values[1:3])
        with pytest.raises(StorageError, match=r"found nan at \[3, 0, 0\]"):
            reader.read("values", np.float64, (4, 3, 2), part=(slice(3, 4),))


@pytest.fixture(scope="module")
def no_locks(tmp_path_factory):
    return without_locks(tmp_path_factory.mktemp("locks"))


def in_a_process(environment, path):
    program = (
        "import sys; from pathlib import Path; from weightlaws.storage.hdf5 import create, opened\n"
        "path = Path(sys.argv[1])\n"
        "with create(path, 'null', {}) as writer: writer.add('a', [1.0])\n"
        "with opened(path, 'null') as reader: print(reader.read('a', float, (1,)))\n"
    )
    command = [sys.executable, "-c", program, path]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_files_need_no_locks(no_locks, tmp_path):
    done = in_a_process(no_locks, tmp_path / "a.h5")
    assert done.stdout == "[1.]\n", done.stderr


def test_locks_that_are_asked_for_in_vain_are_named(no_locks, tmp_path):
    done = in_a_process({**no_locks, "HDF5_USE_FILE_LOCKING": "TRUE"}, tmp_path / "a.h5")
    assert "unset HDF5_USE_FILE_LOCKING, or set it to FALSE" in done.stderr
