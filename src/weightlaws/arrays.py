"""The types of arrays and shapes that all packages share."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: Single precision: weights, as they are trained and stored.
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
#: Both splits of a data set: ``train_images`` and ``test_images``, uint8 (image, channel, height,
#: width), and ``train_labels`` and ``test_labels``, uint8 (image,).
Splits = Mapping[str, Bytes]

#: Rows and columns of a matrix; of a weight matrix (out, in).
Shape = tuple[int, int]
Side = Literal["rows", "columns"]
#: Shapes of weight matrices by the names of their layers.
Shapes = dict[str, Shape]
