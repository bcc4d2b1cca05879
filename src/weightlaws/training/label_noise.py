"""Training images of which some have the label of another one."""

from collections.abc import Sequence

import numpy as np

from weightlaws.arrays import Splits


def shuffle_labels(splits: Splits, share: float, seed: Sequence[int]) -> Splits:
    """Shuffle the labels of a random share of the training images among themselves.

    So each class keeps its number of images, and some of the images that are drawn keep their
    label: about one in ten where ten classes are alike. The test split stays as it is.

    Parameters
    ----------
    splits
        The arrays of a data set.
    share
        Of the training images that are drawn, from 0 to 1; their number is rounded.
    seed
        Of the draw and of the permutation.

    Raises
    ------
    ValueError
        If the share is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share of shuffled labels: found {share}, expected 0 to 1")
    rng, labels = np.random.default_rng(seed), splits["train_labels"].copy()
    drawn = rng.permutation(len(labels))[: round(share * len(labels))]
    labels[drawn] = labels[rng.permutation(drawn)]
    return {**splits, "train_labels": labels}
