"""Files of every kind, damaged in every way: the readers that jobs use refuse them by name."""

import dataclasses
import os
import pickle
import shutil
from collections import Counter

import h5py
import numpy as np
import pytest
from support.small_study import make_results, small_study

from weightlaws.inference.stored_fits import read_fits
from weightlaws.invariants.catalogue import catalogue
from weightlaws.spectra.null_job import read_null, read_nulls
from weightlaws.spectra.shards import SpectraShardSpec, read_spectra
from weightlaws.storage.hdf5 import StorageError, create, opened
from weightlaws.storage.shard_specs import InvariantsSpec
from weightlaws.storage.shards import read_invariants, read_shard
from weightlaws.training.record import read_networks, resume
from weightlaws.training.stored_images import read_splits
from weightlaws.training.training_spec import TrainingSpec

FLIPS_ANYWHERE, FLIPS_OF_METADATA, TRUNCATIONS = 150, 250, 20


def read_state(path, spec):
    with opened(path, "state", spec) as reader:
        return resume(reader, TrainingSpec.parse(spec)), read_networks(reader)


def read_all_invariants(path, spec):
    shared = InvariantsSpec.parse({k: value for k, value in spec.items() if k != "members"})
    n_members, n_invariants = spec["members"][1] + 1, len(catalogue(spec["invariants"]))
    return [
        found
        for layer in spec["layers"]
        for found in read_invariants(
            [path], shared, n_members, layer, spec["weights"]["snapshots"][layer], n_invariants
        )
    ]


def read_all_spectra(path, spec):
    shared = {key: value for key, value in spec.items() if key != "members"}
    return list(read_spectra([path], SpectraShardSpec.parse(shared), spec["members"][1] + 1))


READERS = {
    "dataset": read_splits,
    "weights": read_shard,
    "state": read_state,
    "invariants": read_all_invariants,
    "model": read_fits,
    "null": read_null,
    "spectra": read_all_spectra,
}
# An array that must be finite; images cannot but be.
FLOATS = {
    "weights": "weights/hidden1-hidden2",
    "state": "loss",
    "invariants": "invariants/hidden1-hidden2",
    "model": "hidden1-hidden2/parameters",
    "null": "singular_values",
    "spectra": "singular_values/hidden1-hidden2",
}


@pytest.fixture(scope="module")
def made(digits, tmp_path_factory):
    """By kind a file and its spec."""
    return make_results(tmp_path_factory.mktemp("results"), small_study(), digits)


@pytest.fixture(params=READERS)
def kind(request):
    return request.param


@pytest.fixture
def file(made, kind, tmp_path):
    """A copy to be damaged."""
    return shutil.copy(made[kind][0], tmp_path / "file.h5")


def read(path, kind, spec):
    """Read as a job does, and all that the file says of itself."""
    with opened(path, kind) as reader:
        described = reader.spec, reader.provenance
    return described, READERS[kind](path, spec)


def bits(value):
    """What a value is, bit by bit, such that equal ones are equal whatever is NaN in them."""
    if dataclasses.is_dataclass(value):
        value = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: bits(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [bits(each) for each in value]
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    return repr(value)


def refusal(path, kind, spec):
    with pytest.raises(StorageError) as error:
        read(path, kind, spec)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "expected" in message
    assert "delete the file and run snakemake again" in message
    return message


def chunk_bytes(path):
    """Which bytes of a file are values of arrays."""
    found = np.zeros(path.stat().st_size, np.bool_)

    def mark(_, item):
        if isinstance(item, h5py.Dataset) and item.size:
            for k in range(item.id.get_num_chunks()):
                chunk = item.id.get_chunk_info(k)
                found[chunk.byte_offset : chunk.byte_offset + chunk.size] = True

    with h5py.File(path) as opened_file:
        opened_file.visititems(mark)
    return found


def test_readers_read_what_was_written(made, kind):
    path, spec = made[kind]
    described, _ = read(path, kind, spec)
    assert described[0] == spec
    assert {"python", "numpy", "torch"} <= set(described[1])


def test_a_flipped_byte_is_refused_or_harmless(made, kind, file):
    """Each of hundreds of places: other values, another error or a crash would fail."""
    spec = made[kind][1]
    expected, whole = bits(read(file, kind, spec)), file.read_bytes()
    values = chunk_bytes(file)
    rng = np.random.default_rng([*kind.encode()])
    anywhere = rng.choice(len(whole), FLIPS_ANYWHERE, replace=False)
    metadata = rng.choice(np.flatnonzero(~values), FLIPS_OF_METADATA, replace=False)
    places = np.union1d(anywhere, metadata)
    assert len(places) >= 300
    outcomes = Counter()
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= rng.integers(1, 256)
        file.write_bytes(damaged)
        try:
            found = read(file, kind, spec)
        except StorageError as error:
            outcomes["refused" if str(error).startswith(f"{file}: ") else str(error)] += 1
        else:
            outcomes["harmless" if bits(found) == expected else f"wrong at {place}"] += 1
    print(f"{kind}: {len(places)} flipped bytes, {dict(outcomes)}")
    assert set(outcomes) <= {"refused", "harmless"}
    assert outcomes["refused"] > outcomes["harmless"]


def test_a_truncated_file_is_refused(made, kind, file):
    whole = file.read_bytes()
    rng = np.random.default_rng([*kind.encode(), 1])
    for length in [0, len(whole) - 1, *rng.choice(len(whole), TRUNCATIONS, replace=False)]:
        file.write_bytes(whole[:length])
        assert "what HDF5 cannot read" in refusal(file, kind, made[kind][1])


def as_text(path):
    path.write_text("epoch,loss\n0,2.3\n" * 100)


def as_folder(path):
    path.unlink()
    path.mkdir()


def as_dangling_link(path):
    path.unlink()
    path.symlink_to("nowhere.h5")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: os.truncate(path, 0), "what HDF5 cannot read"),
        (as_text, "what HDF5 cannot read"),
        (as_folder, "a folder"),
        (as_dangling_link, "no such file"),
        (lambda path: path.unlink(), "no such file"),
    ],
    ids=["empty", "text", "folder", "dangling link", "absent"],
)
def test_what_is_no_hdf5_file_is_refused(made, kind, file, damage, words):
    damage(file)
    assert f"file: found {words}" in refusal(file, kind, made[kind][1])


def change(path, kind, spec, changes):
    """Write a file again with other arrays; None leaves one out."""
    arrays = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[...]

    with h5py.File(path, locking=False) as opened_file:  # as readers open it
        opened_file.visititems(take)
    with create(path, kind, spec) as writer:
        for name, values in {**arrays, **changes}.items():
            if values is not None:
                writer.add(name, values)
    return arrays


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", FLOATS)
def test_a_number_that_is_not_finite_is_refused_where_it_stands(made, kind, file, bad):
    spec, name = made[kind][1], FLOATS[kind]
    values = change(file, kind, spec, {})[name]
    values[(-1,) * values.ndim] = bad
    change(file, kind, spec, {name: values})
    place = [length - 1 for length in values.shape]
    assert f"{name}: found {bad} at {place}, expected finite values" in refusal(file, kind, spec)


def test_another_spec_version_or_kind_is_refused(made, kind, file):
    spec = made[kind][1]
    change(file, kind, {**spec, "code": "other"}, {})
    assert "spec.code: found other, expected digest" in refusal(file, kind, spec)
    change(file, kind, {"other": 1}, {})
    assert "spec" in refusal(file, kind, spec)
    shutil.copy(made[kind][0], file)
    with h5py.File(file, "a") as changed:
        changed.attrs["format"] = 2
    assert "attribute format: found 2, expected 1" in refusal(file, kind, spec)
    other = next(each for each in READERS if each != kind)
    shutil.copy(made[other][0], file)
    assert f"attribute kind: found {other}, expected {kind}" in refusal(file, kind, spec)


def test_a_spec_that_is_not_that_of_a_null_is_refused_where_none_is_expected(tmp_path):
    path = tmp_path / "null.h5"
    with create(path, "null", {"other": 1}):
        pass
    with pytest.raises(StorageError, match=r"null\.h5: spec: found no 'shape', expected the spec"):
        read_nulls([path])


def test_an_array_of_another_shape_or_type_or_none_is_refused(made, kind, file):
    spec = made[kind][1]
    name = FLOATS.get(kind, "train_labels")
    values = change(file, kind, spec, {})[name]
    for changed, words in (
        (None, "no such dataset"),
        (values[None], f"found shape {values[None].shape}"),
        (values.astype(np.complex128), "found complex128"),
    ):
        change(file, kind, spec, {name: changed})
        assert name in (message := refusal(file, kind, spec))
        assert words in message
        change(file, kind, spec, {name: values})
    read(file, kind, spec)


traces = []


def leave_a_trace():
    traces.append("unpickled")


class Payload:
    def __reduce__(self):
        return leave_a_trace, ()


def test_nothing_in_a_file_is_unpickled_or_decoded_or_looked_up_elsewhere(made, kind, file):
    spec = made[kind][1]
    name = FLOATS.get(kind, "train_labels")
    pickled = pickle.dumps(Payload())
    values = change(file, kind, spec, {})[name]
    foreign = file.with_name("foreign.h5")
    with h5py.File(foreign, "w") as other:
        other["values"] = values
    virtual = h5py.VirtualLayout(values.shape, values.dtype)
    virtual[...] = h5py.VirtualSource(foreign, "values", values.shape)
    (raw := file.with_name("raw")).write_bytes(values.tobytes())
    where = {"shape": values.shape, "dtype": values.dtype}
    foreign_ways = {
        "object": lambda f: f.create_dataset(name, (1,), h5py.vlen_dtype(np.uint8)),
        "string": lambda f: f.create_dataset(name, data=[pickled.hex()], dtype=h5py.string_dtype()),
        "reference": lambda f: f.create_dataset(name, data=[f.ref], dtype=h5py.ref_dtype),
        "opaque": lambda f: f.create_dataset(name, data=np.void(pickled)),
        "gzip": lambda f: f.create_dataset(name, data=values, compression="gzip", fletcher32=True),
        "unchecked": lambda f: f.create_dataset(name, data=values, chunks=values.shape),
        "contiguous": lambda f: f.create_dataset(name, data=values),
        "virtual": lambda f: f.create_virtual_dataset(name, virtual),
        "external": lambda f: f.create_dataset(
            name, **where, external=[(str(raw), 0, h5py.h5f.UNLIMITED)]
        ),
    }
    for way, store in foreign_ways.items():
        damaged = shutil.copy(made[kind][0], file.with_name(f"{way}.h5"))
        with h5py.File(damaged, "a") as changed:
            del changed[name]
            store(changed)
        assert f"{name}: found" in refusal(damaged, kind, spec)
    for attribute in ("kind", "spec", "provenance"):
        for value in (np.void(pickled), pickled.hex(), np.frombuffer(pickled, np.uint8)):
            shutil.copy(made[kind][0], file)
            with h5py.File(file, "a") as changed:
                changed.attrs[attribute] = value
            assert f"attribute {attribute}: found" in refusal(file, kind, spec)
    assert not traces
    pickle.loads(pickled)
    assert traces.pop() == "unpickled"


def test_chunks_that_were_never_written_are_missed(tmp_path):
    path = tmp_path / "file.h5"
    with create(path, "model", {}) as writer:
        writer.create("values", (4, 5, 200), np.float64)[:, :3] = 1.0
    with (
        opened(path, "model") as reader,
        pytest.raises(StorageError, match=r"values: found 3 chunks, expected 5 chunks"),
    ):
        reader.read("values", np.float64, (4, 5, 200))


@pytest.mark.parametrize("length", [1, 3_000, 60_000, 70_000, 300_000])
def test_a_spec_of_any_length_is_kept_and_checked(tmp_path, length):
    path, spec = tmp_path / "file.h5", {"layers": "x" * length}
    with create(path, "weights", spec) as writer:
        writer.add("values", np.arange(3.0))
    with opened(path, "weights", spec) as reader:
        assert reader.spec == spec
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"x" * length)] = ord("y")
    path.write_bytes(whole)
    with pytest.raises(StorageError, match=r"file\.h5: "), opened(path, "weights"):
        pass
