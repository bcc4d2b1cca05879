"""Numbers of arrays and tensors of any type, as NumPy has them."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Matrix = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def floats(values: "npt.NDArray[np.generic] | torch.Tensor") -> Matrix:
    """Convert to float64 what is stored so, and anything else to float32."""
    wide = values.dtype.itemsize > 4 and "float" in str(values.dtype)
    if isinstance(values, np.ndarray):
        return np.asarray(values, np.float64) if wide else np.asarray(values, np.float32)
    values = values.dequantize() if values.is_quantized else values
    array: Matrix = (values.double() if wide else values.float()).cpu().numpy()
    return array


def integers(values: "npt.NDArray[np.generic] | torch.Tensor") -> npt.NDArray[np.generic]:
    """Return integers as an array of the type that they are stored as."""
    return values if isinstance(values, np.ndarray) else values.cpu().numpy()
