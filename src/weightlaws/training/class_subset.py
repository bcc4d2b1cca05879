"""The images of some of a data set's classes."""

import numpy as np

from weightlaws.arrays import Splits


def first_classes(splits: Splits, n: int) -> Splits:
    """Keep the images of the labels 0 to n - 1, in their order, in both splits."""
    kept = {split: splits[f"{split}_labels"] < n for split in ("train", "test")}
    return {
        name: np.ascontiguousarray(values[kept[name.partition("_")[0]]])
        for name, values in splits.items()
    }
