"""Images as they are stored: bytes, or single precision that is scaled already."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Images, Splits
from weightlaws.storage import hdf5
from weightlaws.storage.hdf5 import Reader
from weightlaws.storage.shard_specs import Spec


def read_splits(path: Path, spec: Spec) -> Splits:
    """Read a stored data set, its images bytes or float32, checked against the expected spec.

    Raises
    ------
    StorageError
        If the file is not the data set of that spec.
    """
    with hdf5.opened(path, "dataset", spec) as reader:
        splits: dict[str, npt.NDArray[Any]] = {}
        for split in ("train", "test"):
            splits[f"{split}_images"] = read_images(reader, split)
            splits[f"{split}_labels"] = reader.read(f"{split}_labels", np.uint8, (None,))
        return splits


def read_images(reader: Reader, split: str) -> Images:
    """Read one split's images (image, channel, height, width) of a stored data set.

    Raises
    ------
    StorageError
        If they are neither uint8 nor finite float32.
    """
    name = f"{split}_images"
    dtype = np.float32 if reader.is_of(name, np.float32) else np.uint8
    images: Images = reader.read(name, dtype, (None, None, None, None))
    return images
