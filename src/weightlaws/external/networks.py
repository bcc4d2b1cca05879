"""Trained networks as they come: torchvision's models, and files of weights, layer by layer.

A network is named by a source: ``torchvision:<name>``, such as ``torchvision:vgg16``, or the path
of a file. In a model the type of a module tells whether it has a weight matrix. In a file of named
arrays the shape and the name tell it:

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

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from weightlaws.errors import WeightLawsError
from weightlaws.external import torchvision_models
from weightlaws.external.formats import detect, messages
from weightlaws.external.parameters import Parameter

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

Matrix = npt.NDArray[np.float32] | npt.NDArray[np.float64]
_FLOATS = ("float64", "float32", "float16", "bfloat16")

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
        a trailing ``.weight``. The matrix is (out, in); of a convolution it is (out, in times the
        size of its kernel). It is float64 if it is stored so, else float32. bfloat16 and float16
        convert to float32 exactly.

    Raises
    ------
    WeightLawsError
        If there is no such network; if the file has no known format, is damaged or would run code;
        if it has no weight matrix, or one that is not finite.
    """
    with _parameters(source, headers_only=False) as parameters:
        matrices, others = _sorted_out(source, parameters)
        for name, reason in others.items():
            log.info("%s: %s is left out: %s", source, name, reason)
        for name, parameter in matrices.items():
            matrix = _numbers(parameter.read()).reshape(_matrix_shape(parameter.shape))
            n_finite = np.count_nonzero(np.isfinite(matrix))
            if finite and n_finite < matrix.size:
                raise WeightLawsError(
                    f"{source}: layer {name}",
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
    WeightLawsError
        As for `layers`, but for what shows in the numbers only.
    """
    with _parameters(source, headers_only=True) as parameters:
        matrices, _ = _sorted_out(source, parameters)
        return {name: _matrix_shape(parameter.shape) for name, parameter in matrices.items()}


def skipped(source: str) -> dict[str, str]:
    """Parameters that `layers` leaves out: the reason, by the parameter's full name.

    Raises
    ------
    WeightLawsError
        As for `layer_shapes`.
    """
    with _parameters(source, headers_only=True) as parameters:
        return _sorted_out(source, parameters)[1]


def checkpoint_name(source: str) -> str:
    """Return a network's name, fit for a file: ``torchvision-vgg16``, ``my-model``.

    Raises
    ------
    WeightLawsError
        If the source has no letter or digit to make one of.
    """
    return fit_name(source if _is_model(source) else Path(source).stem, source)


def source_file(source: str) -> Path | None:
    """Return the file of a network, after checking that it is there; None of torchvision's models.

    Raises
    ------
    WeightLawsError
        If it is not there, or by its name not of a known format.
    """
    if _is_model(source):
        return None
    detect.check_file(Path(source))
    return Path(source)


def _is_model(source: str) -> bool:
    return source.startswith(torchvision_models.PREFIX)


def fit_name(text: str, source: object) -> str:
    """Replace in the name of a source what does not fit in that of a file.

    Raises
    ------
    WeightLawsError
        If no letter or digit is left.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")
    if not name:
        raise WeightLawsError(
            f"{source}: name", repr(text), "a letter from A to Z or a digit in it", "rename it"
        )
    return name


def _sorted_out(
    source: str, parameters: Sequence[Parameter]
) -> tuple[dict[str, Parameter], dict[str, str]]:
    """Tell weight matrices, by the layer's name, from the rest, by full name with the reason."""
    matrices: dict[str, Parameter] = {}
    others: dict[str, str] = {}
    for parameter in parameters:
        reason = _no_matrix(parameter)
        if reason is not None:
            others[parameter.name] = reason
            continue
        layer = parameter.name.removesuffix(".weight")
        messages.check_layer(source, layer)
        if layer in matrices:
            raise WeightLawsError(
                f"{source}: layer {layer}",
                f"both {matrices[layer].name} and {parameter.name}",
                "one parameter",
                "rename one of them",
            )
        matrices[layer] = parameter
    if not matrices:
        names = ", ".join([*others][:5]) or "none"
        raise WeightLawsError(
            f"{source}: parameters",
            f"no weight matrix among {len(others)} ({names}{', ...' if len(others) > 5 else ''})",
            "at least one floating-point matrix or convolution",
            "name a file that holds a network's weights",
        )
    return matrices, others


def _no_matrix(parameter: Parameter) -> str | None:
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


@contextmanager
def _parameters(source: str, *, headers_only: bool) -> Iterator[list[Parameter]]:
    """Open a network, so that its parameters can be read while it is open."""
    if _is_model(source):
        yield torchvision_models.parameters(source, headers_only=headers_only)
        return
    with detect.opened(Path(source), headers_only=headers_only) as parameters:
        yield parameters
