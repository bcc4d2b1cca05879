"""Data sets of a user: a file of NumPy (.npz) or HDF5 (.h5) with four arrays.

``train_images`` and ``test_images`` are (image, pixel), (image, height, width) or (image, channel,
height, width), uint8 or float; ``train_labels`` and ``test_labels`` are integers (image,).
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Splits
from weightlaws.errors import WeightLawsError
from weightlaws.training.dataset import DatasetInfo

#: Values of any type.
Array = npt.NDArray[Any]
#: The bounds of float images that become -1 and 1.
Range = tuple[float, float]

#: Labels are stored as bytes.
MOST_CLASSES = 256

_NAMES = ("train_images", "train_labels", "test_images", "test_labels")
# Values that are scaled together.
_BLOCK = 2**22


@dataclass(frozen=True)
class _Stored:
    """An array of a file, of which only shape and type were read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], Array]


def describe(path: Path, limits: Range | None) -> DatasetInfo:
    """Check a file by its headers and labels, and return its facts.

    Parameters
    ----------
    path
        A file .npz, .h5 or .hdf5.
    limits
        The values of float images that become -1 and 1; None for bytes.

    Raises
    ------
    WeightLawsError
        If the file cannot be read, or an array is missing or not as the module says.
    """
    with _opened(path) as arrays:
        return _described(path, arrays, limits)


def load(path: Path, limits: Range | None) -> Splits:
    """Read both splits: images (image, channel, height, width), uint8 or float32 in [-1, 1].

    Raises
    ------
    WeightLawsError
        As `describe` does; and if a float image has values that are not finite, or out of limits.
    """
    with _opened(path) as arrays:
        shape, splits = _described(path, arrays, limits).shape, {}
        for split in ("train", "test"):
            name = f"{split}_images"
            images = arrays[name].read()
            if limits is not None:
                images = _scaled(f"{path}: {name}", images, limits)
            splits[name] = np.ascontiguousarray(images.reshape(-1, *shape))
            splits[f"{split}_labels"] = arrays[f"{split}_labels"].read().astype(np.uint8)
        return splits


def _described(path: Path, arrays: Mapping[str, _Stored], limits: Range | None) -> DatasetInfo:
    images = [arrays[name] for name in _NAMES[::2]]
    for name, each in zip(_NAMES[::2], images, strict=True):
        _check_images(f"{path}: {name}", each, limits)
    shapes = [each.shape[1:] for each in images]
    if shapes[0] != shapes[1] or images[0].dtype != images[1].dtype:
        raise WeightLawsError(
            f"{path}: test_images",
            f"images {shapes[1]} of {images[1].dtype}",
            f"{shapes[0]} of {images[0].dtype}, as train_images has",
            "store both in one way",
        )
    train, test = (
        _labels(f"{path}: {name}", arrays[name], len_of.shape[0])
        for name, len_of in zip(_NAMES[1::2], images, strict=True)
    )
    classes = int(max(train.max(), test.max())) + 1
    absent = sorted({*range(classes)} - {*train.tolist()})
    if absent or classes < 2:
        raise WeightLawsError(
            f"{path}: train_labels",
            f"no label {absent[0] if absent else 1}",
            f"images of each class, 0 to {max(classes - 1, 1)}",
            "number the labels from 0 without gaps",
        )
    channels, height, width = (*(1,) * (3 - len(shapes[0])), *shapes[0])
    return DatasetInfo((channels, height, width), classes, (len(train), len(test)))


def _check_images(where: str, images: _Stored, limits: Range | None) -> None:
    if len(images.shape) not in (2, 3, 4) or 0 in images.shape:
        raise WeightLawsError(
            where,
            f"shape {images.shape}",
            "(image, pixel), (image, height, width) or (image, channel, height, width)",
            "store at least one image in one of these shapes",
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise WeightLawsError(
            where, f"type {images.dtype}", "uint8 or float", "store it as one of them"
        )
    if images.dtype == np.uint8 and limits is not None:
        raise WeightLawsError(
            where,
            "bytes, and a range beside the path",
            "no range, as bytes always are 0 to 255",
            "leave range out",
        )
    if images.dtype != np.uint8 and limits is None:
        raise WeightLawsError(
            where,
            f"type {images.dtype}, and no range beside the path",
            "the values that become -1 and 1",
            "add them to the data set, such as range: [0, 1]",
        )


def _labels(where: str, labels: _Stored, n: int) -> Array:
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise WeightLawsError(
            where,
            f"shape {labels.shape} of {labels.dtype}",
            f"shape ({n},) of integers, one for each image",
            "store the number of its class for each image",
        )
    values = labels.read()
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= MOST_CLASSES:
        raise WeightLawsError(
            where,
            f"the label {low if low < 0 else high}",
            f"0 to {MOST_CLASSES - 1}",
            f"number at most {MOST_CLASSES} classes from 0",
        )
    return values


def _scaled(where: str, images: Array, limits: Range) -> Array:
    """Map values linearly, the limits to -1 and 1."""
    low, high = limits
    flat = images.reshape(len(images), -1)
    scaled = np.empty(flat.shape, np.float32)
    step = max(1, _BLOCK // flat.shape[1])
    for start in range(0, len(flat), step):
        block = flat[start : start + step].astype(np.float64)
        bad = ~((block >= low) & (block <= high))  # of NaN, too
        if bad.any():
            image, pixel = np.argwhere(bad)[0]
            raise WeightLawsError(
                where,
                f"the value {block[image, pixel]:g} in image {start + image}",
                f"finite values from {low:g} to {high:g}, the range beside the path",
                "widen range, or mend the images",
            )
        scaled[start : start + step] = (block - low) * (2 / (high - low)) - 1
    return scaled


@contextmanager
def _opened(path: Path) -> Iterator[dict[str, _Stored]]:
    openers = {".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5}
    if path.suffix not in openers:
        raise WeightLawsError(
            path, f"the ending {path.suffix!r}", ".npz, .h5 or .hdf5", "store it as one of them"
        )
    with ExitStack() as stack:
        try:
            arrays = openers[path.suffix](path, stack)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise WeightLawsError(
                path,
                f"no file that can be read ({error})",
                f"a file {path.suffix} with the arrays {', '.join(_NAMES)}",
                "mend its path, or store it anew",
            ) from error
        if absent := [name for name in _NAMES if name not in arrays]:
            raise WeightLawsError(
                path,
                f"the arrays {', '.join(sorted(arrays)) or 'none'}",
                f"an array {absent[0]}",
                f"store {', '.join(_NAMES)}",
            )
        yield arrays


def _npz(path: Path, stack: ExitStack) -> dict[str, _Stored]:
    file = stack.enter_context(zipfile.ZipFile(path))
    return {name: _npy(file, f"{name}.npy") for name in _NAMES if f"{name}.npy" in file.namelist()}


def _npy(file: zipfile.ZipFile, name: str) -> _Stored:
    with file.open(name) as array:
        version = np.lib.format.read_magic(array)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(array)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(array)

    def read() -> Array:
        with file.open(name) as array:
            return np.asarray(np.lib.format.read_array(array, allow_pickle=False))

    return _Stored(shape, dtype, read)


def _hdf5(path: Path, stack: ExitStack) -> dict[str, _Stored]:
    file = stack.enter_context(h5py.File(path))

    def stored(dataset: h5py.Dataset) -> _Stored:
        return _Stored(dataset.shape, dataset.dtype, lambda: np.asarray(dataset[...]))

    found = {name: file.get(name) for name in _NAMES}
    return {n: stored(each) for n, each in found.items() if isinstance(each, h5py.Dataset)}
