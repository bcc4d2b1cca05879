"""The images of some of a data set's classes."""

from collections.abc import Sequence

import numpy as np

from weightlaws.arrays import Splits


def take_classes(splits: Splits, classes: Sequence[int]) -> Splits:
    """Keep the images of some labels, in their order, in both splits.

    Parameters
    ----------
    classes
        The labels, each once. They become 0, 1, ... in this order.
    """
    new = np.zeros(256, np.uint8)
    new[list(classes)] = np.arange(len(classes))
    found = {}
    for split in ("train", "test"):
        labels = splits[f"{split}_labels"]
        kept = np.isin(labels, classes)
        found[f"{split}_images"] = np.ascontiguousarray(splits[f"{split}_images"][kept])
        found[f"{split}_labels"] = new[labels[kept]]
    return found
