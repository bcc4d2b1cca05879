"""Files that PyTorch writes: archives of torch.save and TorchScript, and those before PyTorch 1.6.

An archive holds a pickle, ``data.pkl``, and a record of bytes for each storage. A scripted model
(TorchScript) is the same beside its code, of which only the names of buffers and the groups of
convolutions are read, as text. Before PyTorch 1.6 a file was five pickles and then the storages.
Nothing of them is run, see `pickles`.

Sources: ``torch/serialization.py``; ``torch/csrc/jit/docs/serialization.md``.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import IO

import numpy as np

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import messages, state_dicts, tensors
from weightlaws.external.formats.pickles import CodeError, Storage, Value, interpreted
from weightlaws.external.parameters import Parameter

# What each file before PyTorch 1.6 begins with: the first pickle's content, and the format's.
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_BLOCK = 2**24
_MOST_CODE = 2**24
_CLASS = re.compile(r"^class (\w+)\(Module\):\n((?:  .*\n|\n)*)", re.MULTILINE)


@contextmanager
def opened(path: Path, _: bool, state_dict: str | None) -> Iterator[list[Parameter]]:
    """Open a file of PyTorch's: the parameters of the state dict in it.

    Raises
    ------
    WeightLawsError
        If code would have to be run, or there is no state dict, or several and none is chosen.
    """
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    yield _archived(path, archive, state_dict)
            else:
                content, load = _legacy(file)
                yield state_dicts.parameters(path, content, load, state_dict)
    except CodeError as error:
        raise WeightLawsError(
            f"{path}: file",
            f"code to be run, {error}",
            "a state dict, which holds tensors by name; code in a file is never run",
            messages.SAVE_STATE_DICT,
        ) from error


def root(archive: zipfile.ZipFile) -> str | None:
    """Return the folder within an archive that has PyTorch's pickle; None of other archives."""
    found = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
    return min(found, key=len).removesuffix("data.pkl") if found else None


def _archived(path: Path, archive: zipfile.ZipFile, state_dict: str | None) -> list[Parameter]:
    folder = root(archive) or ""
    names = {*archive.namelist()}
    if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") != b"little":
        raise WeightLawsError(
            f"{path}: file", "numbers with the high byte first", "little-endian numbers",
            messages.SAVE_STATE_DICT,
        )  # fmt: skip

    def entry(name: str) -> zipfile.ZipInfo:
        if name not in names:
            raise WeightLawsError(
                f"{path}: file", f"no record {name}", "it in the archive", messages.WHOLE_FILE
            )
        found = archive.getinfo(name)
        if found.compress_type != zipfile.ZIP_STORED:
            raise messages.compressed(path)
        return found

    @lru_cache(maxsize=1)  # many tensors may be views of one storage
    def load(storage: Storage) -> tensors.Bytes:
        with archive.open(entry(storage.key)) as record:
            return _read(record, tensors.stored_bytes(storage))

    def unpickled(pickle: str, records: str) -> Value:
        def storage(key: Value) -> Storage:
            _, kind, number, _, size = key[:5]
            found = Storage(f"{folder}{records}/{number}", tensors.storage_dtype(kind.name), size)
            if entry(found.key).file_size < tensors.stored_bytes(found):
                raise ValueError(f"record {found.key} is shorter than its tensor")
            return found

        with archive.open(entry(f"{folder}{pickle}")) as file:
            return interpreted(file, storage)

    content = unpickled("data.pkl", "data")
    if f"{folder}constants.pkl" not in names:
        return state_dicts.parameters(path, content, load, state_dict)
    constants = unpickled("constants.pkl", "constants")
    described = state_dicts.Described(*_from_code(archive, f"{folder}code/"))
    return state_dicts.scripted(path, content, constants, load, state_dict, described)


def _from_code(
    archive: zipfile.ZipFile, folder: str
) -> tuple[dict[str, frozenset[str]], dict[str, int]]:
    """Read in a scripted model's code the names of buffers and the groups, by class."""
    buffers: dict[str, frozenset[str]] = {}
    groups: dict[str, int] = {}
    for info in archive.infolist():
        if not (info.filename.startswith(folder) and info.filename.endswith(".py")):
            continue
        if info.file_size > _MOST_CODE:
            continue
        module = info.filename[len(folder) : -len(".py")].replace("/", ".")
        for name, body in _CLASS.findall(archive.read(info).decode()):
            names = re.search(r"^  __buffers__ = \[(.*)\]", body, re.MULTILINE)
            buffers[f"{module}.{name}"] = frozenset(
                re.findall(r'"(\w+)"', names[1] if names else "")
            )
            if number := re.search(r"^  groups : Final\[int\] = (\d+)$", body, re.MULTILINE):
                groups[f"{module}.{name}"] = int(number[1])
    return buffers, groups


def _legacy(file: IO[bytes]) -> tuple[Value, Callable[[Storage], tensors.Bytes]]:
    """Read a file from before PyTorch 1.6, or a pickle of another program's."""
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    first = interpreted(file, partial(_legacy_storage, {}))
    if first != _MAGIC:
        return first, _nowhere
    if (protocol := interpreted(file, _refused)) != _PROTOCOL:
        raise ValueError(f"protocol {protocol}")
    system = interpreted(file, _refused)
    if not system["little_endian"]:
        raise ValueError("numbers with the high byte first")
    storages: dict[str, Storage] = {}
    content = interpreted(file, partial(_legacy_storage, storages))
    places = {}
    for key in interpreted(file, _refused):
        storage = storages[key]
        size = int.from_bytes(file.read(8), "little")
        places[key] = file.tell()
        after = places[key] + tensors.stored_bytes(storage)
        if size != storage.size or after > end:
            raise ValueError(f"storage {key} of {size} numbers where {storage.size} belong")
        file.seek(after)

    @lru_cache(maxsize=1)
    def load(storage: Storage) -> tensors.Bytes:
        file.seek(places[storage.key])
        return _read(file, tensors.stored_bytes(storage))

    return content, load


def _legacy_storage(storages: dict[str, Storage], key: Value) -> Storage:
    """Tell a storage from its id; modules stand there with their source, which is not wanted."""
    if key[0] == "module":
        return key[1]  # type: ignore[no-any-return]
    _, kind, number, _, size = key[:5]
    if len(key) > 5 and key[5] is not None:
        raise ValueError("a view of another storage, as before PyTorch 0.4")
    found = Storage(number, tensors.storage_dtype(kind.name), size)
    return storages.setdefault(number, found)


def _refused(_: object) -> Storage:
    raise ValueError("a storage out of place")


def _nowhere(storage: Storage) -> tensors.Bytes:
    raise ValueError(f"no storage {storage.key}")


def _read(file: IO[bytes], size: int) -> tensors.Bytes:
    """Read a number of bytes, in blocks that cost no second copy."""
    found = np.empty(size, np.uint8)
    for start in range(0, size, _BLOCK):
        block = file.read(min(_BLOCK, size - start))
        found[start : start + len(block)] = np.frombuffer(block, np.uint8)
        if len(block) < min(_BLOCK, size - start):
            raise ValueError(f"{start + len(block)} bytes where {size} belong")
    file.read(1)  # at an archive's end the checksum is compared
    return found
