"""The HDF5 contract: arrays are stored with their spec, and checked when they are read.

A file is written beside its target and renamed when it is whole, so that a file under the target's
name is complete. It carries the version of the format, its kind, its spec as JSON, and provenance.
Everything in it is checksummed. A reader takes nothing on trust. It refuses a file that it did not
ask for, and names the file and the dataset.
"""

import importlib.metadata
import json
import os
import platform
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import ceil, prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Bools
from weightlaws.errors import WeightLawsError
from weightlaws.storage.disk_file import DiskFile, writing
from weightlaws.storage.shard_specs import Spec

FORMAT = 1
# The first of HDF5's file formats that checksums all metadata: also the indexes of chunks, in which
# a flipped bit could otherwise make a chunk a missing one, that reads as zeros.
_LIBVER = ("v110", "v110")
# Errors of h5py for damaged files; they depend on the call.
_HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError)
_CHUNK_VALUES = 2**17

Array = npt.NDArray[Any]
_WAY_OUT = "delete the file and run snakemake again, which makes it anew"


class StorageError(WeightLawsError):
    """A stored file that is not the one asked for; readers that can do without it catch this."""

    def __init__(
        self, path: Path, place: str, found: object, expected: object, way_out: str = _WAY_OUT
    ) -> None:
        super().__init__(f"{path}: {place}", _short(found), _short(expected), way_out)


def _line(error: Exception) -> str:
    """Return a message of HDF5 as one line."""
    return " ".join(str(error).split())


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 300 else f"{text[:300]}..."


class Writer:
    """An open file that takes arrays, whole or a slice at a time."""

    def __init__(self, file: h5py.File, disk: DiskFile) -> None:
        self._file = file
        self._disk = disk

    def add(self, name: str, values: npt.ArrayLike) -> None:
        """Store a whole array.

        Raises
        ------
        WeightLawsError
            If the disk does not take it.
        """
        array = np.asarray(values)
        self.create(name, array.shape, array.dtype)[...] = array
        self._disk.check()

    def create(self, name: str, shape: Sequence[int], dtype: npt.DTypeLike) -> h5py.Dataset:
        """Make a checksummed dataset to be filled, all of it, by slices.

        Slices that the disk does not take are told by the next `add`, or when the file is closed.
        """
        # Without values there is nothing to cut into chunks, nor to check.
        filled = prod(shape) > 0
        chunks = _chunks(shape) if filled else None
        return self._file.create_dataset(
            name, shape=tuple(shape), dtype=dtype, chunks=chunks, fletcher32=filled
        )


def _chunks(shape: Sequence[int]) -> tuple[int, ...]:
    """Cut an array so that one snapshot of all members is whole chunks, of about a megabyte."""
    rest = [1, *shape[2:]] if len(shape) > 2 else [*shape[1:]]
    most = max(1, _CHUNK_VALUES // max(1, prod(rest)))
    # As equal as can be: the last chunk takes as much room as any.
    together = ceil(shape[0] / ceil(shape[0] / most)) if shape[0] else 1
    return tuple(max(1, length) for length in (together, *rest))


@contextmanager
def create(
    path: Path, kind: str, spec: Spec, provenance: Mapping[str, Any] | None = None
) -> Iterator[Writer]:
    """Open a file for writing that takes its name only when the block ends without an error.

    Parameters
    ----------
    path
        The target; it is replaced as a whole.
    kind
        The contents: ``dataset``, ``weights``, ``state``, ``invariants``, ``model``,
        ``null`` or ``spectra``.
    spec
        Everything that fixes the numbers, as plain built-ins.
    provenance
        Facts about how the numbers were made, beside the versions that are always noted.

    Raises
    ------
    WeightLawsError
        If the disk is full, or the folder cannot be written to; an old file is left as it was.
    """
    # A job that was killed leaves a part of its file.
    for left in path.parent.glob(f".{path.name}.*.partial"):
        left.unlink(missing_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    texts = {"spec": spec, "provenance": {**_versions(), **(provenance or {})}}
    try:
        with DiskFile(path, partial) as disk:
            try:
                with h5py.File(disk, "w", libver=_LIBVER) as file:
                    _describe(file, kind, texts)
                    yield Writer(file, disk)
            finally:
                disk.check()
            disk.finish()
        with writing(path):
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _describe(file: h5py.File, kind: str, texts: Mapping[str, Spec]) -> None:
    file.attrs["format"] = FORMAT
    # Bytes of a fixed length stand in metadata, and strings of any length beside them.
    file.attrs["kind"] = np.bytes_(kind)
    for name, value in texts.items():
        text = json.dumps(value).encode()
        file.attrs[name] = np.bytes_(text)
        # HDF5 does not checksum attributes of more than 64 kB.
        file.attrs[f"{name}_crc32"] = zlib.crc32(text)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("weightlaws", "numpy", "scipy", "torch", "h5py", "snakemake"):
        with suppress(importlib.metadata.PackageNotFoundError):  # Snakemake is there for studies
            versions[package] = importlib.metadata.version(package)
    return versions


@contextmanager
def opened(path: Path, kind: str | None, spec: Spec | None = None) -> Iterator["Reader"]:
    """Open a file for reading and check that it is of this format and, if given, kind and spec.

    Raises
    ------
    StorageError
        If it is not, or cannot be read at all.
    """
    try:
        # A file is whole once it has its name, so that there is nothing to wait for; and some file
        # systems have no locks.
        file = h5py.File(path, "r", locking=False)
    except _HDF5_ERRORS as error:
        if "unable to lock file" in str(error):  # the variable goes before our choice
            raise StorageError(
                path,
                "file",
                f"no lock for it ({_line(error)})",
                "HDF5 not to ask for one",
                "unset HDF5_USE_FILE_LOCKING, or set it to FALSE",
            ) from error
        found = f"what HDF5 cannot read ({_line(error)})"
        if isinstance(error, FileNotFoundError):
            found = "no such file"
        elif path.is_dir():
            found = "a folder"
        raise StorageError(path, "file", found, f"an HDF5 file with {kind or 'results'}") from error
    with file:
        version, stored_kind = (_text(_attribute(path, file, name)) for name in ("format", "kind"))
        if version != str(FORMAT):
            raise StorageError(path, "attribute format", version, str(FORMAT))
        if kind not in (None, stored_kind):
            raise StorageError(path, "attribute kind", stored_kind, kind)
        stored, provenance = (_stored(path, file, name) for name in ("spec", "provenance"))
        if spec is not None:
            check_spec(path, stored, spec)
        yield Reader(path, file, stored_kind, stored, provenance)


@contextmanager
def _refused(path: Path, place: str, expected: str) -> Iterator[None]:
    """Turn the errors of h5py for a damaged file into a StorageError."""
    try:
        yield
    except _HDF5_ERRORS as error:
        raise StorageError(path, place, f"damaged data ({_line(error)})", expected) from error


def _attribute(path: Path, file: h5py.File, name: str) -> object:
    with _refused(path, f"attribute {name}", "an attribute"):
        return file.attrs.get(name, "none")


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _stored(path: Path, file: h5py.File, name: str) -> dict[str, Any]:
    text = _attribute(path, file, name)
    if not isinstance(text, bytes):
        raise StorageError(path, f"attribute {name}", _text(text), "JSON as bytes")
    if _attribute(path, file, f"{name}_crc32") != zlib.crc32(text):
        raise StorageError(path, f"attribute {name}", _text(text), "JSON that matches its checksum")
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise StorageError(path, f"attribute {name}", _text(text), "a JSON object")
    return value


def check_spec(path: Path, found: Spec, expected: Spec, place: str = "spec") -> None:
    """Refuse a spec that differs from the expected one, naming the first key that does."""
    for key in [*expected, *(key for key in found if key not in expected)]:
        mine, wanted = found.get(key, "nothing"), expected.get(key, "nothing")
        if isinstance(mine, dict) and isinstance(wanted, dict):
            check_spec(path, mine, wanted, f"{place}.{key}")
        elif mine != wanted:
            raise StorageError(path, f"{place}.{key}", mine, wanted)


class Reader:
    """An open, checked file."""

    def __init__(
        self, path: Path, file: h5py.File, kind: str, spec: Spec, provenance: dict[str, Any]
    ) -> None:
        self.path = path
        self.kind = kind
        self.spec = spec
        self.provenance = provenance
        self._file = file

    def read(
        self,
        name: str,
        dtype: npt.DTypeLike,
        shape: Sequence[int | None],
        *,
        finite: bool | Bools = True,
        part: tuple[int | slice, ...] = (slice(None),),
    ) -> Array:
        """Read one dataset, or a part of it, after a check of its type, shape and values.

        ``None`` in the shape stands for any length. With ``finite``, NaN and infinity are refused;
        as an array it says along the first axis where. ``part`` indexes the dataset, its first axis
        by a slice.

        Raises
        ------
        StorageError
            If the dataset is absent, damaged, or of another shape or dtype, or not finite.
        """
        wanted = f"an array of {np.dtype(dtype)}"
        with _refused(self.path, name, wanted):
            dataset = self._file.get(name)
        if not isinstance(dataset, h5py.Dataset):
            raise StorageError(self.path, name, "no such dataset", wanted)
        if dataset.dtype != np.dtype(dtype):
            raise StorageError(self.path, name, str(dataset.dtype), str(np.dtype(dtype)))
        good = len(dataset.shape) == len(shape) and all(
            wanted in (None, length) for length, wanted in zip(dataset.shape, shape, strict=True)
        )
        if not good:
            raise StorageError(self.path, name, f"shape {dataset.shape}", f"shape {tuple(shape)}")
        if dataset.size:
            self._check_chunks(name, dataset)
        with _refused(self.path, name, "data that match their checksum"):
            values: Array = dataset[part]
        if values.dtype.kind == "f":
            bad = ~np.isfinite(values)
            bad[~np.broadcast_to(finite, dataset.shape[:1])[part[0]]] = False
            if bad.any():
                found = f"{values[bad][0]} at {_place(part, np.argwhere(bad)[0].tolist())}"
                raise StorageError(self.path, name, found, "finite values")
        return values

    def is_of(self, name: str, dtype: npt.DTypeLike) -> bool:
        """Whether there is a dataset of this name and type."""
        with _refused(self.path, name, f"an array of {np.dtype(dtype)}"):
            dataset = self._file.get(name)
        return isinstance(dataset, h5py.Dataset) and dataset.dtype == np.dtype(dtype)

    def _check_chunks(self, name: str, dataset: h5py.Dataset) -> None:
        """Refuse data without a checksum, elsewhere or to be decoded, and chunks never written."""
        layout = dataset.id.get_create_plist()
        filters = [layout.get_filter(k)[0] for k in range(layout.get_nfilters())]
        if filters != [h5py.h5z.FILTER_FLETCHER32]:
            raise StorageError(
                self.path, name, f"filters {filters}", "a Fletcher-32 checksum alone"
            )
        expected = prod(map(ceil, np.divide(dataset.shape, dataset.chunks)))
        with _refused(self.path, name, f"{expected} chunks"):
            found = dataset.id.get_num_chunks()
        if found != expected:
            raise StorageError(self.path, name, f"{found} chunks", f"{expected} chunks")


def _place(part: tuple[int | slice, ...], where: list[int]) -> list[int]:
    """Say of a place in a part of a dataset where it is in the dataset."""
    rest = iter(where)
    at = [k if isinstance(k, int) else (k.start or 0) + next(rest) for k in part]
    return [*at, *rest]
