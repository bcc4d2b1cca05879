"""Trained networks as they come: torchvision's models, and files of weights, layer by layer.

A network is named by a source: ``torchvision:<name>``, such as ``torchvision:vgg16``, or the path
of a file. What of it is a weight matrix is told by the type of the module where there is a model,
and where there are only named arrays by shape and name:

====================== ======================== ================================================
source                 layout                   what is no weight matrix
====================== ======================== ================================================
torchvision:<name>     (out, in, ...)           not of a linear layer, convolution or attention
.safetensors           (out, in, ...)           vectors; integers and what is quantised; biases,
.pt .pth .bin .ckpt    (out, in, ...)           masks, embeddings and scales, by their names
.h5 .hdf5              (out, in, ...) expected  the same
====================== ======================== ================================================

A convolution (out, in, k, k), or in one or three dimensions, is the matrix (out, in k k); ``in`` of
grouped convolutions is that of a group. A fused projection (3d, d) of queries, keys and values is
one layer, as are the fused gates of a recurrent layer. What stores (in, out, ...) is taken as it is
stored: the Conv1D of GPT-2, transposed convolutions, and the kernels of Keras, whose files do not
say so. A transposed matrix has the same singular values. A convolution with its axes in another
order, as Keras stores it (k, k, in, out), is not told from one in PyTorch's: transpose it first. An
output layer that is tied to an embedding is a layer where a file has it under a name of its own.

Nothing in a file is ever run: PyTorch files are read as weights only.
"""

import difflib
import inspect
import logging
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from weightlaws.datasets import import_torchvision

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

Matrix = npt.NDArray[np.float32] | npt.NDArray[np.float64]
_TORCHVISION = "torchvision:"
_STATE_DICT = "save the network's weights with torch.save(model.state_dict(), path) or safetensors"
_WHOLE_FILE = "fetch or save the file again"

_FLOATS = ("float64", "float32", "float16", "bfloat16")
_SAFETENSORS_FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}

# Where training scripts put a state dict beside what else they keep.
_NESTS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "params")

# Names of what is no weight matrix though it has the shape of one. Of an embedding it is the last
# part that counts: within a module of that name there are matrices, such as a patch projection's.
_BY_NAME = {
    "a bias or a mask": re.compile(r"(^|[._])bias($|[._])"),
    "an embedding": re.compile(
        r"(^|\.)([^.]*(embed|rel_pos|pos_enc)[^.]*|([^.]*_)?(emb|embs|positions?|tokens?)"
        r"|wte|wpe)(\.\d+)?(\.weight)?$|(^|\.)shared\.weight$"
    ),
    "a scale": re.compile(r"(^|[._])(scales?(_inv)?|absmax)$"),
}

# What builders of torchvision need to make, without weights, the model that they make with them.
_AS_LOADED: dict[str, dict[str, bool]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"init_weights": False},
}


class CheckpointError(RuntimeError):
    """A network that cannot be read: what was found, what was expected, what to do."""

    def __init__(self, source: object, place: str, found: str, expected: str, way_out: str) -> None:
        super().__init__(f"{source}: {place}: found {found}, expected {expected}; {way_out}")


def layers(source: str, *, finite: bool = True) -> Iterator[tuple[str, Matrix]]:
    """Read the weight matrices of a network, one at a time.

    Each parameter that is no weight matrix is logged with the reason; see `skipped`.

    Parameters
    ----------
    source
        ``torchvision:<name>``, which torchvision downloads where it is not there yet, with its
        default weights; or the path of a file. See the module for formats and layouts.
    finite
        Whether NaN and infinity are refused.

    Yields
    ------
    name, matrix
        In the order of the file, of HDF5 files alphabetically. The name is the parameter's without
        a trailing ``.weight``. The matrix is (out, in), of a convolution (out, in times the size of
        its kernel), float64 where it is stored as such, else float32, to which bfloat16 and float16
        convert exactly.

    Raises
    ------
    CheckpointError
        If there is no such network, the file is not of a known format, is damaged or needs code to
        be run, or there is no weight matrix in it or one that is not finite.
    """
    with _parameters(source, headers_only=False) as parameters:
        matrices, others = _sorted_out(source, parameters)
        for name, reason in others.items():
            log.info("%s: %s is left out: %s", source, name, reason)
        for name, parameter in matrices.items():
            try:
                matrix = _numbers(parameter.read()).reshape(_matrix_shape(parameter.shape))
            except (OSError, RuntimeError, SafetensorError) as error:
                raise CheckpointError(
                    source, name, f"damaged data ({_short(error)})", "numbers", _WHOLE_FILE
                ) from error
            n_finite = np.count_nonzero(np.isfinite(matrix))
            if finite and n_finite < matrix.size:
                raise CheckpointError(
                    source,
                    f"layer {name}",
                    f"{matrix.size - n_finite} of {matrix.size} weights NaN or infinite",
                    "finite weights",
                    "name a network whose training did not diverge",
                )
            yield name, matrix


def layer_shapes(source: str) -> dict[str, tuple[int, int]]:
    """Shapes (out, in) of the matrices that `layers` reads, by name and in its order.

    Of files, headers are read where the format has them; of torchvision's models, nothing, so that
    none is downloaded.

    Raises
    ------
    CheckpointError
        As for `layers`, but for what shows in the numbers only.
    """
    with _parameters(source, headers_only=True) as parameters:
        matrices, _ = _sorted_out(source, parameters)
        return {name: _matrix_shape(parameter.shape) for name, parameter in matrices.items()}


def skipped(source: str) -> dict[str, str]:
    """Parameters that `layers` leaves out: the reason, by the parameter's full name.

    Raises
    ------
    CheckpointError
        As for `layer_shapes`.
    """
    with _parameters(source, headers_only=True) as parameters:
        return _sorted_out(source, parameters)[1]


def checkpoint_name(source: str) -> str:
    """Return a network's name, fit for a file: ``torchvision-vgg16``, ``my-model``.

    Raises
    ------
    CheckpointError
        If the source has no letter or digit to make one of.
    """
    is_path = not source.startswith(_TORCHVISION)
    return fit_name(Path(source).stem if is_path else source, source)


def fit_name(text: str, source: object) -> str:
    """Replace in the name of a source what does not fit in that of a file.

    Raises
    ------
    CheckpointError
        If no letter or digit is left.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")
    if not name:
        raise CheckpointError(
            source, "name", repr(text), "a letter from A to Z or a digit in it", "rename it"
        )
    return name


@dataclass(frozen=True)
class _Parameter:
    """A named array of a network that is there to be read.

    Attributes
    ----------
    reason
        Why it is no weight matrix, if that is known before its shape is looked at.
    typed
        Whether the type of its module tells that it is one, so that its name need not.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], Any]
    reason: str | None = None
    typed: bool = False


def _sorted_out(
    source: str, parameters: Sequence[_Parameter]
) -> tuple[dict[str, _Parameter], dict[str, str]]:
    """Tell weight matrices, by the layer's name, from the rest, by full name with the reason."""
    matrices: dict[str, _Parameter] = {}
    others: dict[str, str] = {}
    for parameter in parameters:
        reason = _no_matrix(parameter)
        if reason is not None:
            others[parameter.name] = reason
            continue
        layer = parameter.name.removesuffix(".weight")
        if layer in matrices:
            raise CheckpointError(
                source,
                f"layer {layer}",
                f"both {matrices[layer].name} and {parameter.name}",
                "one parameter",
                "rename one of them",
            )
        matrices[layer] = parameter
    if not matrices:
        names = ", ".join([*others][:5]) or "none"
        raise CheckpointError(
            source,
            "parameters",
            f"no weight matrix among {len(others)} ({names}{', ...' if len(others) > 5 else ''})",
            "at least one floating-point matrix or convolution",
            "name a file that holds a network's weights",
        )
    return matrices, others


def _no_matrix(parameter: _Parameter) -> str | None:
    """Tell why a parameter is no weight matrix, or None if it is one."""
    if parameter.reason is not None:
        return parameter.reason
    shape = parameter.shape
    if parameter.dtype not in _FLOATS:
        return f"{parameter.dtype}: integers, a mask or quantised weights"
    if len(shape) < 2:
        return f"shape {shape}: a vector or number, such as a bias or a norm"
    if len(shape) > 5:
        return f"shape {shape}: more axes than a convolution in three dimensions has"
    if min(_matrix_shape(shape)) < 2:
        return f"shape {shape}: a single row or column"
    if parameter.typed:
        return None
    found = (kind for kind, name in _BY_NAME.items() if name.search(parameter.name.lower()))
    return next((f"{kind}, by its name" for kind in found), None)


def _matrix_shape(shape: Sequence[int]) -> tuple[int, int]:
    return shape[0], prod(shape[1:])


def _numbers(values: "npt.NDArray[np.floating] | torch.Tensor") -> Matrix:
    """Convert an array or a tensor to the narrower of float32 and float64 that holds it."""
    wide = values.dtype.itemsize > 4
    if isinstance(values, np.ndarray):
        return np.asarray(values, np.float64) if wide else np.asarray(values, np.float32)
    array: Matrix = (values.double() if wide else values.float()).numpy()
    return array


def _short(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]}..."


@contextmanager
def _parameters(source: str, *, headers_only: bool) -> Iterator[list[_Parameter]]:
    """Open a network, so that its parameters can be read while it is open."""
    if source.startswith(_TORCHVISION):
        yield _torchvision(source, headers_only)
        return
    path = Path(source)
    if path.suffix.lower() not in _FORMATS:
        raise CheckpointError(
            source,
            "file name",
            f"the ending '{path.suffix}'",
            f"one of {', '.join(_FORMATS)}, or '{_TORCHVISION}' and the name of a model",
            _STATE_DICT,
        )
    if not path.is_file():
        raise CheckpointError(
            source, "file", "no such file", "a file of weights", "correct the path or put it there"
        )
    with _FORMATS[path.suffix.lower()](path, headers_only) as parameters:
        yield parameters


@contextmanager
def _safetensors(path: Path, headers_only: bool) -> Iterator[list[_Parameter]]:
    try:
        # To read bfloat16 takes torch, to read headers does not.
        opened = safe_open(path, framework="numpy" if headers_only else "pt")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            path, "file", f"what safetensors cannot read ({_short(error)})", "weights", _WHOLE_FILE
        ) from error
    with opened as file:
        parameters = []
        for name in file.offset_keys():
            header = file.get_slice(name)
            dtype = header.get_dtype()
            parameters.append(
                _Parameter(
                    name,
                    tuple(header.get_shape()),
                    _SAFETENSORS_FLOATS.get(dtype, dtype),
                    partial(file.get_tensor, name),
                )
            )
        yield parameters


@contextmanager
def _hdf5(path: Path, _: bool) -> Iterator[list[_Parameter]]:
    try:
        opened = h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        raise CheckpointError(
            path, "file", f"what HDF5 cannot read ({_short(error)})", "weights", _WHOLE_FILE
        ) from error
    with opened as file:
        yield [
            _Parameter(
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
    CheckpointError
        If two have then the same name.
    """
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        dotted = name.replace("/", ".")
        if dotted in found:
            both = f"both {found[dotted].name} and /{name}"
            raise CheckpointError(
                file.filename, f"dataset {dotted}", both, "one of them", "rename one of them"
            )
        if isinstance(item, h5py.Dataset):
            found[dotted] = item

    file.visititems(visit)
    return found


@contextmanager
def _pytorch(path: Path, _: bool) -> Iterator[list[_Parameter]]:
    import torch

    try:
        # Mapped, a tensor is read where it is used; files from before PyTorch 1.6 cannot be.
        loaded = torch.load(
            str(path), map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except Exception as error:  # what a damaged pickle fails with can be anything
        # The message itself advises to run the code in the file.
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        found = f"code to be run, {code[1]}" if code else f"damaged data ({type(error).__name__})"
        expected = "a state dict, which holds tensors by name; code in a file is never run"
        raise CheckpointError(path, "file", found, expected, _STATE_DICT) from error
    yield [_of_tensor(str(name), value) for name, value in _state_dict(path, loaded).items()]


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
        raise CheckpointError(
            path, "file", found, f"tensors by name, or such under one of {where}", _STATE_DICT
        )
    return whole


def _has_tensors(value: object) -> bool:
    import torch

    return isinstance(value, Mapping) and any(
        isinstance(entry, torch.Tensor) for entry in value.values()
    )


def _of_tensor(name: str, value: object) -> _Parameter:
    import torch

    if not isinstance(value, torch.Tensor):
        reason = f"a {type(value).__name__}, not a tensor"
    elif value.layout != torch.strided:
        reason = f"{value.layout}, not a dense tensor"
    else:
        dtype = str(value.dtype).removeprefix("torch.")
        return _Parameter(name, tuple(value.shape), dtype, value.detach)
    return _Parameter(name, (), "", lambda: None, reason)


def _torchvision(source: str, headers_only: bool) -> list[_Parameter]:
    """Return what a model of torchvision has, told apart by the types of its modules."""
    import torch

    name = source.removeprefix(_TORCHVISION)
    models: ModuleType = import_torchvision().models
    # Those that are quantised have no floating-point weights.
    known = [model for model in models.list_models() if not model.startswith("quantized_")]
    if name not in known:
        close = ", ".join(difflib.get_close_matches(name, known)) or f"{', '.join(known[:3])}, ..."
        raise CheckpointError(
            source,
            "model",
            f"'{name}'",
            f"a floating-point model of torchvision's, such as {close}",
            "torchvision.models.list_models() lists them",
        )
    model = _empty_model(models, name) if headers_only else _loaded_model(models, source, name)
    matrices = set()
    for path, module in model.named_modules():
        if isinstance(module, torch.nn.Linear | torch.nn.modules.conv._ConvNd):
            matrices.add(f"{path}.weight")
        elif isinstance(module, torch.nn.MultiheadAttention):
            matrices.add(f"{path}.in_proj_weight")
    return [
        _Parameter(
            key,
            tuple(tensor.shape),
            str(tensor.dtype).removeprefix("torch."),
            tensor.detach,
            None if key in matrices else "of no linear layer, convolution or attention",
            typed=True,
        )
        for key, tensor in model.state_dict().items()
    ]


def _loaded_model(models: ModuleType, source: str, name: str) -> "torch.nn.Module":
    """Load a model with its default weights, from torch's folder or through the network."""
    import torch

    weights = models.get_model_weights(name).DEFAULT
    try:
        # torchvision's builders unpickle without limits. What loads as weights only has no code to
        # be run.
        weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        model: torch.nn.Module = models.get_model(name, weights=weights, progress=False)
    except Exception as error:  # of the network, the disk, or a damaged file: anything
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise CheckpointError(
            source,
            f"folder {folder}",
            f"no {Path(weights.url).name} that can be loaded, nor could it be downloaded "
            f"({type(error).__name__}: {_short(error)})",
            f"the file of {weights.url}",
            "connect to the network, or put the file there (delete it first if it is damaged), or "
            "set TORCH_HOME to a folder whose hub/checkpoints has it",
        ) from error
    return model


def _empty_model(models: ModuleType, name: str) -> "torch.nn.Module":
    """Build a model as it is with its default weights, but without any numbers."""
    accepted = inspect.signature(models.get_model_builder(name)).parameters
    options: dict[str, Any] = {**_AS_LOADED.get(name, {})}
    if "weights_backbone" in accepted:
        options["weights_backbone"] = None  # or it would be downloaded
    if "aux_loss" in accepted:
        options["aux_loss"] = True
    with _without_numbers():
        model: torch.nn.Module = models.get_model(name, weights=None, **options)
    return model


@contextmanager
def _without_numbers() -> Iterator[None]:
    """Let parameters and buffers of modules that are made meanwhile have a shape and no numbers.

    The meta device for all tensors would not do: some builders compute widths with tensors.
    """
    from torch import Tensor, nn

    def emptied(_: nn.Module, __: str, value: Tensor | None) -> Tensor | None:
        if value is None:
            return None
        empty = value.detach().to("meta")
        return (
            nn.Parameter(empty, value.requires_grad) if isinstance(value, nn.Parameter) else empty
        )

    # What a hook returns takes the value's place, though torch's annotations say it returns None.
    hook: Callable[..., Any] = emptied
    handles = (
        nn.modules.module.register_module_parameter_registration_hook(hook),
        nn.modules.module.register_module_buffer_registration_hook(hook),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


_FORMATS: dict[str, Callable[[Path, bool], AbstractContextManager[list[_Parameter]]]] = {
    ".safetensors": _safetensors,
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), _pytorch),
    **dict.fromkeys((".h5", ".hdf5"), _hdf5),
}
#: Endings of the files that are read.
SUFFIXES = tuple(_FORMATS)
