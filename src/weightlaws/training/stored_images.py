"""Images as they are stored, checked when they are read."""

from pathlib import Path

import numpy as np

from weightlaws.arrays import Splits
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import Spec


def read_splits(path: Path, spec: Spec) -> Splits:
    """Read a stored data set, checked against the expected spec.

    Raises
    ------
    StorageError
        If the file is not the data set of that spec.
    """
    with hdf5.opened(path, "dataset", spec) as reader:
        return {
            f"{split}_{name}": reader.read(f"{split}_{name}", np.uint8, shape)
            for split in ("train", "test")
            for name, shape in (("images", (None, None, None, None)), ("labels", (None,)))
        }
