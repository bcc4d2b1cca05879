"""The HDF5 contract: how arrays are stored with what fixes them, and how they are read back.

A file is written beside its target and renamed when it is whole, so that what stands under the
target's name is complete. It carries the version of the format, its kind, its spec as JSON, and
provenance; every dataset is checksummed. A reader takes nothing on trust: it refuses, naming the
file and the dataset, whatever is not what it was asked for.
"""

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil, prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

FORMAT = 1
_CHUNK_VALUES = 2**17

Array = npt.NDArray[Any]
Spec = dict[str, Any]
_WAY_OUT = "delete the file and run snakemake again, which makes it anew"


class StorageError(RuntimeError):
    """A file that is not what was asked for: what was found, what was expected, what to do."""

    def __init__(self, path: Path, place: str, found: object, expected: object) -> None:
        super().__init__(
            f"{path}: {place}: found {_short(found)}, expected {_short(expected)}; {_WAY_OUT}"
        )


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 300 else f"{text[:300]}..."


class Writer:
    """An open file that takes arrays, whole or a slice at a time."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file

    def add(self, name: str, values: npt.ArrayLike) -> None:
        """Store a whole array."""
        array = np.asarray(values)
        self.create(name, array.shape, array.dtype)[...] = array

    def create(self, name: str, shape: Sequence[int], dtype: npt.DTypeLike) -> h5py.Dataset:
        """Make a checksummed dataset to be filled by slices."""
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
        What the file holds: ``dataset``, ``weights``, ``state``, ``invariants``, ``model``,
        ``null`` or ``spectra``.
    spec
        What fixes the numbers; plain built-ins.
    provenance
        What is worth knowing of how they were made, beside the versions that are always noted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with h5py.File(partial, "w") as file:
            file.attrs["format"] = FORMAT
            file.attrs["kind"] = kind
            file.attrs["spec"] = json.dumps(spec)
            file.attrs["provenance"] = json.dumps({**_versions(), **(provenance or {})})
            yield Writer(file)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _versions() -> dict[str, str]:
    packages = ("weightlaws", "numpy", "scipy", "torch", "h5py", "snakemake")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{package: importlib.metadata.version(package) for package in packages},
    }


@contextmanager
def opened(path: Path, kind: str, spec: Spec | None = None) -> Iterator["Reader"]:
    """Open a file for reading and check that it is of this kind, format and, if given, spec.

    Raises
    ------
    StorageError
        If it is not, or cannot be read at all.
    """
    try:
        file = h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        found = "no such file" if not path.exists() else f"what HDF5 cannot read ({error})"
        raise StorageError(path, "file", found, f"an HDF5 file with {kind}") from error
    with file:
        for name, expected in (("format", FORMAT), ("kind", kind)):
            found = file.attrs.get(name, "none")
            if found != expected:
                raise StorageError(path, f"attribute {name}", str(found), str(expected))
        stored, provenance = (_stored(path, file, name) for name in ("spec", "provenance"))
        if spec is not None:
            check_spec(path, stored, spec)
        yield Reader(path, file, stored, provenance)


def _stored(path: Path, file: h5py.File, name: str) -> dict[str, Any]:
    text = file.attrs.get(name, "none")
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise StorageError(path, f"attribute {name}", str(text), "a JSON object")
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

    def __init__(self, path: Path, file: h5py.File, spec: Spec, provenance: dict[str, Any]) -> None:
        self.path = path
        self.spec = spec
        self.provenance = provenance
        self._file = file

    def read(
        self,
        name: str,
        dtype: npt.DTypeLike,
        shape: Sequence[int | None],
        *,
        finite: bool | npt.NDArray[np.bool_] = True,
        part: tuple[int | slice, ...] = (slice(None),),
    ) -> Array:
        """Read one dataset, or a part of it, after checking what it is.

        ``None`` in the shape stands for any length. With ``finite``, NaN and infinity are refused;
        as an array it says along the first axis where. ``part`` indexes the dataset, its first axis
        by a slice.

        Raises
        ------
        StorageError
            If the dataset is absent, damaged, or of another shape or dtype, or not finite.
        """
        dataset = self._file.get(name)
        if not isinstance(dataset, h5py.Dataset):
            raise StorageError(self.path, name, "no such dataset", f"an array of {np.dtype(dtype)}")
        if dataset.dtype != np.dtype(dtype):
            raise StorageError(self.path, name, str(dataset.dtype), str(np.dtype(dtype)))
        good = len(dataset.shape) == len(shape) and all(
            wanted in (None, length) for length, wanted in zip(dataset.shape, shape, strict=True)
        )
        if not good:
            raise StorageError(self.path, name, f"shape {dataset.shape}", f"shape {tuple(shape)}")
        try:
            values: Array = dataset[part]
        except OSError as error:
            raise StorageError(
                self.path, name, f"damaged data ({error})", "data that match their checksum"
            ) from error
        if values.dtype.kind == "f":
            bad = ~np.isfinite(values)
            bad[~np.broadcast_to(finite, dataset.shape[:1])[part[0]]] = False
            if bad.any():
                where = np.argwhere(bad)[0].tolist()
                raise StorageError(
                    self.path, name, f"{values[tuple(where)]} at {where}", "finite values"
                )
        return values
