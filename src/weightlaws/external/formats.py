"""The formats of files that trained networks come in, and how their parameters are read.

Nothing in a file is ever run: PyTorch files are read as weights only.
"""

import logging
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
from safetensors import SafetensorError, safe_open

from weightlaws.errors import WeightLawsError
from weightlaws.external import modules
from weightlaws.external.parameters import Parameter

log = logging.getLogger(__name__)

_STATE_DICT = "save the network's weights with torch.save(model.state_dict(), path) or safetensors"
WHOLE_FILE = "fetch or save the file again"
_COPY_DATA = "copy all data into one file, or remove it"
# Gzip makes zeros a thousand times shorter, and trained weights hardly at all.
_MOST_COMPRESSION = 2000

_SAFETENSORS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "C64": "complex64",
    "BOOL": "bool",
    **{
        f"{sign.upper()}{n}": f"{kind}{n}"
        for n in (8, 16, 32, 64)
        for sign, kind in (("i", "int"), ("u", "uint"))
    },
}

# Where training scripts put a state dict beside what else they keep.
_NESTS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "params")


def short(error: object) -> str:
    """Return a message in one line of at most 200 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]}..."


def check_file(path: Path) -> None:
    """Refuse a file that is not there, or by its name not of a known format.

    Raises
    ------
    WeightLawsError
        If it is one or the other.
    """
    if path.suffix.lower() not in _FORMATS:
        raise WeightLawsError(
            f"{path}: file name",
            f"the ending '{path.suffix}'",
            f"one of {', '.join(_FORMATS)}, or 'torchvision:' and the name of a model",
            _STATE_DICT,
        )
    if not path.is_file():
        raise WeightLawsError(
            f"{path}: file", "no such file", "a file of weights", "correct the path or put it there"
        )


def check_layer(source: object, layer: str) -> None:
    """Refuse a layer by whose name nothing can be stored or shown.

    Raises
    ------
    WeightLawsError
        If it is not printable, or empty, or a dot, as the whole or between slashes.
    """
    if not layer.isprintable() or {"", "."} & {*layer.split("/")}:
        found, expected = ascii(layer), "a printable name, without empty parts between slashes"
        raise WeightLawsError(f"{source}: name of a layer", found, expected, "rename the layer")


@contextmanager
def opened(path: Path, *, headers_only: bool) -> Iterator[list[Parameter]]:
    """Open a file of weights, so that its parameters can be read while it is open.

    Parameters
    ----------
    headers_only
        Whether shapes are all that is asked for, which takes no torch where a format has headers.

    Raises
    ------
    WeightLawsError
        If there is no such file, or it is not of a known format, is damaged or needs code to be
        run.
    """
    check_file(path)
    with _FORMATS[path.suffix.lower()](path, headers_only) as parameters:
        yield parameters


@contextmanager
def _safetensors(path: Path, headers_only: bool) -> Iterator[list[Parameter]]:
    try:
        # To read bfloat16 takes torch, to read headers does not.
        handle = safe_open(path, framework="numpy" if headers_only else "pt")
    except (OSError, SafetensorError) as error:
        raise WeightLawsError(
            f"{path}: file", f"what safetensors cannot read ({short(error)})", "weights", WHOLE_FILE
        ) from error
    with handle as file:
        parameters = []
        for name in file.offset_keys():
            header = file.get_slice(name)
            dtype = header.get_dtype()
            parameters.append(
                Parameter(
                    name,
                    tuple(header.get_shape()),
                    _SAFETENSORS.get(dtype, dtype),
                    partial(file.get_tensor, name),
                )
            )
        yield parameters


@contextmanager
def _hdf5(path: Path, _: bool) -> Iterator[list[Parameter]]:
    try:
        handle = h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        raise WeightLawsError(
            f"{path}: file", f"what HDF5 cannot read ({short(error)})", "weights", WHOLE_FILE
        ) from error
    with handle as file:
        yield [
            Parameter(
                name,
                dataset.shape or (),
                dataset.dtype.name,
                dataset.__array__,
            )
            for name, dataset in hdf5_datasets(file).items()
        ]


def hdf5_datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Return the datasets of an open file by path, with ``.`` in the place of ``/``.

    Raises
    ------
    WeightLawsError
        If two have then the same name, or what the file holds stands elsewhere: in what a link
        leads to, or nowhere, as the data of an array that was only declared.
    """
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        dotted = name.replace("/", ".")
        if dotted in found:
            both = f"both {found[dotted].name} and /{name}"
            raise WeightLawsError(
                f"{file.filename}: dataset {dotted}", both, "one of them", "rename one of them"
            )
        if isinstance(item, h5py.Dataset):
            _check_stored(file.filename, item)
            found[dotted] = item

    # Raised within visititems_links an error would be lost.
    away = file.visititems_links(lambda *to: None if isinstance(to[1], h5py.HardLink) else to)
    if away is not None:
        name, link = away
        leads = f"a link to {getattr(link, 'filename', '')}{link.path}"
        raise WeightLawsError(
            f"{file.filename}: {name}", leads, "data in the file itself", _COPY_DATA
        )
    file.visititems(visit)
    return found


def _check_stored(file: str, dataset: h5py.Dataset) -> None:
    """Refuse a dataset whose numbers are not in its file."""
    stored = dataset.id.get_storage_size()
    if dataset.is_virtual or dataset.external:
        found = "data of other files"
    elif dataset.dtype.kind == "f" and dataset.nbytes > _MOST_COMPRESSION * stored:
        found = f"{stored} bytes for an array of shape {dataset.shape}"
    else:
        return
    raise WeightLawsError(f"{file}: {dataset.name!s}", found, "data in the file itself", _COPY_DATA)


@contextmanager
def _pytorch(path: Path, _: bool) -> Iterator[list[Parameter]]:
    import torch

    try:
        # Mapped, a tensor is read where it is used; files from before PyTorch 1.6 cannot be.
        if mapped := zipfile.is_zipfile(path):
            _check_uncompressed(path)
        loaded = torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)
    except WeightLawsError:
        raise
    except Exception as error:  # what a damaged pickle fails with can be anything
        # The message itself advises to run the code in the file.
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        found = f"code to be run, {code[1]}" if code else f"damaged data ({type(error).__name__})"
        expected = "a state dict, which holds tensors by name; code in a file is never run"
        raise WeightLawsError(f"{path}: file", found, expected, _STATE_DICT) from error
    yield [_of_tensor(str(name), value) for name, value in _state_dict(path, loaded).items()]


def _check_uncompressed(path: Path) -> None:
    """Refuse an archive that is compressed, as PyTorch's never are: a short one can be a flood."""
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise WeightLawsError(
                f"{path}: file",
                "a compressed archive, such as a scripted model",
                "one as torch.save writes it",
                _STATE_DICT,
            )


def _state_dict(path: Path, loaded: object) -> Mapping[str, Any]:
    """Find the state dict in what a file holds: the whole, or what is under one of some keys."""
    whole = loaded if isinstance(loaded, Mapping) else {}
    nests = [key for key in _NESTS if _has_tensors(whole.get(key))]
    if len(nests) == 1:
        log.info("%s: the weights are those under '%s'", path, nests[0])
        nested: Mapping[str, Any] = whole[nests[0]]
        return nested
    if nests or not _has_tensors(whole):
        keys = ", ".join(repr(str(key)) for key in [*whole][:8])
        found = f"a {type(loaded).__name__}" + (f" with the keys {keys}" if keys else "")
        where = " or ".join(repr(key) for key in _NESTS)
        raise WeightLawsError(
            f"{path}: file", found, f"tensors by name, or such under one of {where}", _STATE_DICT
        )
    return whole


def _has_tensors(value: object) -> bool:
    import torch

    return isinstance(value, Mapping) and any(
        isinstance(entry, torch.Tensor) for entry in value.values()
    )


def _of_tensor(name: str, value: object) -> Parameter:
    import torch

    if not isinstance(value, torch.Tensor):
        reason = f"a {type(value).__name__}, not a tensor"
    else:
        return modules.of_tensor(name, value)
    return Parameter(name, (), "", lambda: None, reason)


_FORMATS: dict[str, Callable[[Path, bool], AbstractContextManager[list[Parameter]]]] = {
    ".safetensors": _safetensors,
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), _pytorch),
    **dict.fromkeys((".h5", ".hdf5"), _hdf5),
}
#: Endings of the files that are read.
SUFFIXES = tuple(_FORMATS)
