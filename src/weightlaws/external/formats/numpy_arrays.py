"""Files of numpy: an archive of arrays (``.npz``), or one array (``.npy``).

An array's header is read by numpy. Objects of Python, which numpy pickles, are never read.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import messages
from weightlaws.external.parameters import Parameter

_SUFFIX = ".npy"


def is_archive(archive: zipfile.ZipFile) -> bool:
    """Tell whether all that an archive holds is arrays."""
    names = archive.namelist()
    return bool(names) and all(name.endswith(_SUFFIX) for name in names)


@contextmanager
def opened_archive(path: Path, _: bool) -> Iterator[list[Parameter]]:
    """Open an archive of arrays; a ``/`` in a name becomes a dot.

    Raises
    ------
    WeightLawsError
        If an array has other bytes than its header says.
    """
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        for info in entries.values():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise messages.compressed(path)
        yield [
            _parameter(
                path,
                name.removesuffix(_SUFFIX).replace("/", "."),
                partial(archive.open, name),
                info.file_size,
            )
            for name, info in entries.items()
        ]


@contextmanager
def opened_array(path: Path, _: bool) -> Iterator[list[Parameter]]:
    """Open a file of one array, which is named as the file is.

    Raises
    ------
    WeightLawsError
        If the array has other bytes than its header says.
    """
    yield [_parameter(path, path.stem, lambda: path.open("rb"), path.stat().st_size)]


def _parameter(
    path: Path, name: str, open_file: Callable[[], IO[bytes]], file_size: int
) -> Parameter:
    with open_file() as file:
        shape, dtype = _header(file)
        size = file_size - file.tell()
    read = partial(_read, open_file)
    if dtype.kind not in "fiubc":
        reason = "objects of Python, pickled: never read" if dtype.hasobject else "no numbers"
        return Parameter(name, shape, dtype.name, read, reason)
    if (expected := prod(shape) * dtype.itemsize) != size:
        raise WeightLawsError(
            f"{path}: array {name}",
            f"{size} bytes",
            f"{expected} bytes for shape {shape} of {dtype.name}",
            messages.WHOLE_FILE,
        )
    return Parameter(name, shape, dtype.name, read)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version in ((2, 0), (3, 0)):
        # That of the third version differs in the encoding of the names of fields alone.
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version}")
    return shape, dtype


def _read(open_file: Callable[[], IO[bytes]]) -> npt.NDArray[Any]:
    with open_file() as file:
        return np.lib.format.read_array(file, allow_pickle=False)
