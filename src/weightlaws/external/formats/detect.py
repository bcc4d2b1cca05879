"""What is in a file of a trained network, told by its content, not by its name.

============== ========================================================================
format         how it is told
============== ========================================================================
safetensors    the length of a header, then the header, which is JSON
PyTorch        an archive with ``data.pkl``, or a pickle
NumPy          an archive of ``.npy`` files, or such a file
Keras          an archive with ``config.json``, or HDF5 with the groups that Keras makes
HDF5           its signature
folder         shards of one network with their index, see `sharded`
============== ========================================================================

Nothing in a file is ever run.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy.typing as npt

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import (
    hdf5,
    keras,
    messages,
    numpy_arrays,
    pytorch,
    safetensors,
    sharded,
)
from weightlaws.external.parameters import Parameter

if TYPE_CHECKING:
    import torch

#: Endings by which files of networks are looked for in a folder.
SUFFIXES = (
    ".safetensors",
    *(".pt", ".pth", ".bin", ".ckpt", ".tar"),
    *(".h5", ".hdf5", ".keras", ".npz", ".npy"),
)
_KNOWN = "weights in a format of safetensors, PyTorch, HDF5, Keras or NumPy"
_HEAD = 512
_Reader = Callable[[Path, bool, str | None], AbstractContextManager[list[Parameter]]]


@dataclass(frozen=True)
class _Foreign:
    """Content that is none of the formats: how it begins, what it is, and what to do."""

    start: re.Pattern[bytes]
    found: str
    way_out: str


def _foreign(start: bytes, found: str, way_out: str) -> _Foreign:
    return _Foreign(re.compile(start, re.DOTALL | re.IGNORECASE), found, way_out)


_CONVERT = "convert it to safetensors with the library that wrote it"
_UNPACK = "unpack it, and name the file in it"
_FOREIGN = (
    _foreign(rb"version https://git-lfs", "a Git LFS pointer", "run git lfs pull"),
    _foreign(
        rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml|!--)",
        "a page of HTML or XML, as a failed download leaves it",
        "fetch the file again, and look at what the address answers",
    ),
    _foreign(rb"\s*[\[{]\s*[\"{\[\]}]", "JSON", "name the file of weights beside it"),
    _foreign(rb"GGUF|ggml|tjgg", "a GGUF file, whose weights are quantised in blocks", _CONVERT),
    _foreign(rb"\x08[\x03-\x1f]\x12", "what looks like an ONNX model", _CONVERT),
    _foreign(rb"\x08\x01\x12", "what looks like a TensorFlow SavedModel", _CONVERT),
    _foreign(rb".{4}TFL3", "a TensorFlow Lite model", _CONVERT),
    _foreign(rb"\x1f\x8b", "a file compressed with gzip", _UNPACK),
    _foreign(rb"BZh\d", "a file compressed with bzip2", _UNPACK),
    _foreign(rb"\xfd7zXZ\0", "a file compressed with xz", _UNPACK),
    _foreign(rb"\x28\xb5\x2f\xfd", "a file compressed with zstd", _UNPACK),
    _foreign(rb"\x04\x22\x4d\x18", "a file compressed with lz4", _UNPACK),
    _foreign(rb"7z\xbc\xaf", "a 7z archive", _UNPACK),
    _foreign(rb".{257}ustar", "a tar archive", _UNPACK),
)


def check_file(path: Path) -> None:
    """Refuse what is not there, or begins as no known format does; a folder without its shards.

    Raises
    ------
    WeightLawsError
        If it is one or the other.
    """
    for file in files_of(path):
        if not file.name.endswith(sharded.INDEX):
            _reader(file)


def files_of(path: Path) -> list[Path]:
    """Return the files that a network is read from: the index and the shards of a folder.

    Raises
    ------
    WeightLawsError
        If there is no such file or folder, or a shard is missing.
    """
    index, shards = _network_at(path)
    return [*index, *shards]


def _network_at(path: Path) -> tuple[list[Path], dict[Path, frozenset[str]]]:
    """Return the index of a network, if it has one, and its files with the names of the index."""
    if not path.exists():
        raise WeightLawsError(
            f"{path}: file", "no such file", "a file of weights", "correct the path or put it there"
        )
    if not (path.is_dir() or path.is_file()):
        raise WeightLawsError(
            f"{path}: file", "a device or a pipe", "a file of weights", "name a file"
        )
    if path.is_dir() or path.name.endswith(sharded.INDEX):
        index = sharded.index_of(path)
        return [index], sharded.shards_of(index)
    return [], {path: frozenset()}


@contextmanager
def opened(
    path: Path, *, headers_only: bool, state_dict: str | None = None
) -> Iterator[list[Parameter]]:
    """Open a file of weights, or a folder of shards, so that its parameters can be read meanwhile.

    Parameters
    ----------
    headers_only
        Whether the numbers are not asked for, which takes no torch.
    state_dict
        The dotted key of the network within the file, if it holds several.

    Raises
    ------
    WeightLawsError
        If there is no such file, or it is not of a known format, is damaged or incomplete or
        needs code to be run. If its numbers are, when they are read.
    """
    _, shards = _network_at(path)
    with ExitStack() as stack:
        parameters = []
        for file, expected in shards.items():
            inside = _entered(stack, file, headers_only, state_dict)
            names = frozenset(parameter.name for parameter in inside)
            sharded.check_parameters(file, names, expected)
            parameters += inside
        _check_complete(path, parameters)
        yield parameters


def _entered(
    stack: ExitStack, path: Path, headers_only: bool, state_dict: str | None
) -> list[Parameter]:
    """Open one file, and say of what cannot be read where it is."""
    try:
        parameters = stack.enter_context(_reader(path)(path, headers_only, state_dict))
    except WeightLawsError:
        raise
    except Exception as error:  # what a damaged file fails with can be anything
        raise messages.damaged(f"{path}: file", error) from error
    return [
        replace(
            parameter,
            read=partial(_read, path, parameter),
            reason=parameter.reason or _no_numbers(parameter),
        )
        for parameter in parameters
    ]


def _read(path: Path, parameter: Parameter) -> "npt.NDArray[Any] | torch.Tensor":
    try:
        numbers: npt.NDArray[Any] | torch.Tensor = parameter.read()
        return numbers
    except Exception as error:  # what damaged data fail with can be anything
        raise messages.damaged(f"{path}: {parameter.name}", error) from error


def _no_numbers(parameter: Parameter) -> str | None:
    """Tell of what a type or a shape excludes what it is."""
    if parameter.dtype.startswith("complex"):
        return f"complex numbers ({parameter.dtype})"
    if parameter.dtype and not prod(parameter.shape):
        return f"shape {parameter.shape}: empty"
    return None


def _check_complete(path: Path, parameters: list[Parameter]) -> None:
    """Refuse a file that names weights whose numbers stand elsewhere."""
    empty = [
        parameter.name
        for parameter in parameters
        if parameter.dtype
        and parameter.name.rpartition(".")[2] == "weight"
        and not prod(parameter.shape)
    ]
    if empty:
        raise WeightLawsError(
            f"{path}: file",
            f"an incomplete checkpoint: {len(empty)} empty weights, the first {empty[0]}",
            "the numbers of all weights",
            "gather them in one file: DeepSpeed (ZeRO-3) keeps them in its own, and puts "
            "zero_to_fp32.py beside them",
        )


def _reader(path: Path) -> _Reader:
    """Tell the format of a file by its content.

    Raises
    ------
    WeightLawsError
        If it is of none that is known, saying of what else where that is known.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise WeightLawsError(
            f"{path}: file", messages.short(error), "a file that can be read", "make it readable"
        ) from error
    if not head:
        raise WeightLawsError(f"{path}: file", "an empty file", _KNOWN, messages.WHOLE_FILE)
    if head[4:9] == b"\0\0\0\0{":  # before the others, as the length can be spelled as they are
        return _flat(safetensors.opened)
    for foreign in _FOREIGN:
        if foreign.start.match(head):
            raise WeightLawsError(f"{path}: file", foreign.found, _KNOWN, foreign.way_out)
    if head.startswith(b"PK\3\4"):
        return _archive_reader(path)
    if head[8:9] == b"{":  # what is longer than safetensors allows
        return _flat(safetensors.opened)
    if head.startswith(b"\x93NUMPY"):
        return _flat(numpy_arrays.opened_array)
    if head[:1] == b"\x80" and head[1:2] <= b"\5":
        return pytorch.opened
    if h5py.is_hdf5(path):
        return _flat(_opened_hdf5)
    raise WeightLawsError(
        f"{path}: file",
        f"no known format; it begins with {head[:12]!r}",
        f"{_KNOWN}, or 'torchvision:' and the name of a model",
        messages.SAVE_STATE_DICT,
    )


def _archive_reader(path: Path) -> _Reader:
    try:
        with zipfile.ZipFile(path) as archive:
            if pytorch.root(archive) is not None:
                return pytorch.opened
            if keras.is_archive(archive):
                return _flat(keras.opened_archive)
            if numpy_arrays.is_archive(archive):
                return _flat(numpy_arrays.opened_archive)
            names = ", ".join(archive.namelist()[:5])
    except Exception as error:  # of damaged archives anything
        raise WeightLawsError(
            f"{path}: file",
            f"an archive that is truncated or damaged ({messages.short(error)})",
            _KNOWN,
            messages.WHOLE_FILE,
        ) from error
    raise WeightLawsError(
        f"{path}: file",
        f"a zip archive of {messages.short(names) or 'nothing'}",
        _KNOWN,
        _UNPACK,
    )


@contextmanager
def _opened_hdf5(path: Path, _: bool) -> Iterator[list[Parameter]]:
    with hdf5.open_file(path) as file:
        if keras.is_keras(file):
            yield keras.parameters(file, keras.config_in(path))
        else:
            yield hdf5.parameters(file)


def _flat(reader: Callable[[Path, bool], AbstractContextManager[list[Parameter]]]) -> _Reader:
    """Read a format without state dicts: a key is the first part of names."""

    @contextmanager
    def opened(path: Path, headers_only: bool, state_dict: str | None) -> Iterator[list[Parameter]]:
        with reader(path, headers_only) as parameters:
            yield parameters if state_dict is None else _under(path, parameters, state_dict)

    return opened


def _under(path: Path, parameters: list[Parameter], key: str) -> list[Parameter]:
    start = "" if key == "." else f"{key}."
    found = [
        replace(parameter, name=parameter.name.removeprefix(start))
        if parameter.name.startswith(start)
        else replace(parameter, reason=parameter.reason or f"outside of the state dict '{key}'")
        for parameter in parameters
    ]
    if not any(parameter.name.startswith(start) for parameter in parameters):
        first = {parameter.name.partition(".")[0]: None for parameter in parameters}
        raise WeightLawsError(
            f"{path}: file",
            f"no arrays under '{key}'",
            f"one of {messages.short(', '.join(first))}",
            "correct the key of the state dict",
        )
    return found
