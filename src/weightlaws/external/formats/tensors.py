"""The numbers of tensors that a pickle describes."""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from weightlaws.external.formats.pickles import Array, Storage, Tensor

if TYPE_CHECKING:
    import torch

Bytes = npt.NDArray[np.uint8]

# Sizes in bytes of what numpy has no numbers for.
_TORCH_ONLY = {
    "bfloat16": 2,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1,
}
_QUANTISED = {"qint8": "int8", "quint8": "uint8", "qint32": "int32"}
_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "UntypedStorage": "uint8",
}


def storage_dtype(name: str) -> str:
    """Return the dtype of a class of storages, such as ``torch.FloatStorage``."""
    return _STORAGES[name.rpartition(".")[2]]


def itemsize(dtype: str) -> int:
    """Return the size in bytes of one number.

    Raises
    ------
    TypeError
        If there is no such dtype.
    """
    return _TORCH_ONLY.get(dtype) or np.dtype(_QUANTISED.get(dtype, dtype)).itemsize


def stored_bytes(storage: Storage) -> int:
    """Return the size of a storage in bytes."""
    return storage.size * itemsize(storage.dtype)


def repeats(tensor: Tensor) -> bool:
    """Tell whether a tensor has more numbers than are stored."""
    return prod(tensor.shape) * itemsize(tensor.dtype) > stored_bytes(tensor.storage)


def same_numbers(tensor: Tensor) -> tuple[Any, ...]:
    """Return what is equal for views of the same numbers, a matrix and its transposed alike."""
    axes = sorted(zip(tensor.strides, tensor.shape, strict=True))
    return tensor.storage.key, tensor.offset, tuple(axes)


def numbers(tensor: Tensor, load: Callable[[Storage], Bytes]) -> "npt.NDArray[Any] | torch.Tensor":
    """Return an array, or a tensor of torch's where numpy has no such numbers.

    Raises
    ------
    ValueError
        If the tensor reaches beyond what is stored.
    """
    stored = load(tensor.storage)
    size = itemsize(tensor.dtype)
    end = tensor.offset + sum(
        (length - 1) * step for length, step in zip(tensor.shape, tensor.strides, strict=True)
    )
    if prod(tensor.shape) and (end + 1) * size > len(stored):
        raise ValueError(f"a tensor that ends after {(end + 1) * size} of {len(stored)} bytes")
    raw = np.lib.stride_tricks.as_strided(
        stored[tensor.offset * size :][: size * (end + 1 - tensor.offset)].view(_carrier(tensor)),
        tensor.shape,
        [step * size for step in tensor.strides],
        writeable=False,
    )
    if tensor.dtype not in _TORCH_ONLY and tensor.dtype not in _QUANTISED:
        return raw
    import torch

    values = torch.from_numpy(np.array(raw))
    if tensor.dtype in _TORCH_ONLY:
        return values.view(getattr(torch, tensor.dtype))
    return _quantised(tensor, values, load)


def _carrier(tensor: Tensor) -> np.dtype[Any]:
    size = _TORCH_ONLY.get(tensor.dtype)
    return np.dtype(f"uint{8 * size}" if size else _QUANTISED.get(tensor.dtype, tensor.dtype))


def _quantised(
    tensor: Tensor, values: "torch.Tensor", load: Callable[[Storage], Bytes]
) -> "torch.Tensor":
    """Return a quantised tensor of torch's: one scale, or one for each slice along an axis."""
    import torch

    scheme, scales, zeros, *axis = tensor.scales
    if scheme == "per_tensor_affine":
        return torch._make_per_tensor_quantized_tensor(values, float(scales), int(zeros))
    scales, zeros = (torch.from_numpy(np.array(numbers(part, load))) for part in (scales, zeros))
    return torch._make_per_channel_quantized_tensor(values, scales, zeros, *axis)


def array_numbers(array: Array) -> npt.NDArray[Any]:
    """Return the numbers of a pickled array of numpy's.

    Raises
    ------
    ValueError
        If they are fewer than its shape says, or objects.
    """
    data = array.data.encode("latin1") if isinstance(array.data, str) else array.data
    values = np.frombuffer(data, np.dtype(array.dtype))
    return values.reshape(array.shape, order="F" if array.column_major else "C")
