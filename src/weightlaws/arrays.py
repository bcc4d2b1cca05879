"""The types of arrays and shapes that all packages share."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: Single precision: weights, as they are trained and stored.
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
#: Images (image, ...): bytes, which are scaled to [-1, 1] when they are used, or single precision,
#: used as they are.
Images = Bytes | Singles
#: Both splits of a data set: ``train_images`` and ``test_images``, `Images` (image, channel,
#: height, width), and ``train_labels`` and ``test_labels``, uint8 (image,).
Splits = Mapping[str, npt.NDArray[Any]]

#: Rows and columns of a matrix; of a weight matrix (out, in).
Shape = tuple[int, int]
Side = Literal["rows", "columns"]
#: Shapes of weight matrices by the names of their layers.
Shapes = dict[str, Shape]
