"""Stacks: the networks of an ensemble in one array a parameter, members along the first axis."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from weightlaws.errors import WeightLawsError
from weightlaws.external.alike import Told, alike
from weightlaws.external.formats import hdf5, keras, messages
from weightlaws.external.layers import Layer, SortedOut, sorted_out
from weightlaws.external.parameters import Parameter
from weightlaws.external.selection import Selection

_PARTS = 8  # arrays in memory, of which one weight can be made
_VALUES = 2**22  # numbers that are compared at once

#: Dataset of a file of trajectories with the numbers of its epochs.
EPOCHS = "epochs"


@dataclass(frozen=True)
class Stacked:
    """One parameter of all members.

    Attributes
    ----------
    name, shape, dtype, layout
        Of one member, as in `parameters.Parameter`.
    members
        Number of members.
    read
        Returns the arrays (member, *shape) from one member on, up to another that is not among
        them.
    of_epochs
        Whether the array has an axis of epochs, of which one is read.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    members: int
    read: Callable[[int, int], npt.NDArray[Any]]
    layout: str = "torch"
    of_epochs: bool = False


@dataclass(frozen=True)
class Stack:
    """An open stack.

    Attributes
    ----------
    source
        The path, as messages name it.
    parameters
        Of all members.
    names
        Of the members, in messages; by default their numbers.
    epochs
        The number of epochs that every array of a layer has; 0 if arrays have no axis of epochs.
    """

    source: Path
    parameters: Sequence[Stacked]
    names: Sequence[str] | None = None
    epochs: int = 0

    def sorted_out(self, selection: Selection) -> SortedOut:
        """Tell layers from other parameters, by the first member.

        Raises
        ------
        WeightLawsError
            As `layers.sorted_out` does, or if an array of a layer has more axes than (member, out,
            in) in PyTorch's order, or lacks the axis of epochs, or layers are not of equally many
            members.
        """
        found = self._of_member(selection, lambda stacked: stacked.read(0, 1)[0])
        used = {name for layer in found.layers.values() for name in layer.parameters}
        arrays = [stacked for stacked in self.parameters if stacked.name in used]
        for stacked in arrays:
            self._check(stacked, arrays[0].members)
        return found

    def layers(self, selection: Selection, first: int, last: int) -> list[dict[str, Layer]]:
        """Return the layers of each of a range of members, of which arrays are read together."""
        by_name = {stacked.name: stacked for stacked in self.parameters}

        @lru_cache(_PARTS)
        def together(name: str) -> npt.NDArray[Any]:
            return by_name[name].read(first, last + 1)

        def of(member: int, stacked: Stacked) -> npt.NDArray[Any]:
            array: npt.NDArray[Any] = together(stacked.name)[member - first]
            return array

        return [
            self._of_member(selection, partial(of, member)).layers
            for member in range(first, last + 1)
        ]

    def _check(self, stacked: Stacked, members: int) -> None:
        """Refuse an array of a layer that is not of all members and epochs."""
        own_epochs = (self.epochs,) if stacked.of_epochs else ()
        shape, axes = (stacked.members, *own_epochs, *stacked.shape), "(member, out, in)"
        if self.epochs:
            axes = "(member, epoch, out, in)"
        if self.epochs and not stacked.of_epochs:
            raise WeightLawsError(
                f"{self.source}: dataset {stacked.name}",
                f"shape {shape}",
                f"{axes} with {self.epochs} epochs, as {EPOCHS} has",
                "store the array of all epochs, or exclude it",
            )
        if stacked.layout == "torch" and len(stacked.shape) > 2:
            way_out = (
                "reshape it, a convolution to (..., out, in k k), or exclude it; a single network "
                "belongs under checkpoints"
            )
            if not self.epochs and len(shape) == 4:
                way_out = (
                    f"if the axes are (member, epoch, out, in), add a dataset {EPOCHS} with the "
                    f"numbers of the epochs; else {way_out}"
                )
            raise WeightLawsError(
                f"{self.source}: dataset {stacked.name}", f"shape {shape}", axes, way_out
            )
        if stacked.members != members:
            raise WeightLawsError(
                f"{self.source}: dataset {stacked.name}",
                f"{stacked.members} members",
                f"{members} as in the others",
                "store every layer of the same members, or exclude it; a single network belongs "
                "under checkpoints",
            )

    def members(self, layers: Collection[Layer]) -> int:
        """Return the number of members that these layers are of."""
        used = {name for layer in layers for name in layer.parameters}
        return next(stacked.members for stacked in self.parameters if stacked.name in used)

    def member_names(self, members: int) -> list[str]:
        """Return the names of the first members."""
        if self.names is not None:
            return [*self.names[:members]]
        return [f"member {k}" for k in range(members)]

    def _of_member(
        self, selection: Selection, read: Callable[[Stacked], npt.NDArray[Any]]
    ) -> SortedOut:
        parameters = [
            Parameter(s.name, s.shape, s.dtype, partial(read, s), layout=s.layout)
            for s in self.parameters
        ]
        return sorted_out(self.source, parameters, selection)

    def equal_members(self, layers: Collection[Layer], members: int) -> list[list[int]]:
        """Return groups of members that are finite and equal in all layers.

        Layers are read from the smallest on, and only of members that are equal so far: of an
        ensemble without equal members it is mostly the smallest.
        """
        used = {name for layer in layers for name in layer.parameters}
        arrays = sorted((s for s in self.parameters if s.name in used), key=lambda s: prod(s.shape))

        def look(stacked: Stacked, group: Sequence[int]) -> Iterator[Told]:
            for member, array in _each(stacked, group):
                if np.isfinite(array).all():
                    yield member, array.tobytes()

        return alike(members, (partial(look, stacked) for stacked in arrays))


def _each(stacked: Stacked, members: Sequence[int]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Read an array of some members, many at once where it is of all members."""
    step = max(1, _VALUES // prod(stacked.shape)) if len(members) == stacked.members else 1
    for start in range(0, len(members), step):
        some = members[start : start + step]
        yield from zip(some, stacked.read(some[0], some[-1] + 1), strict=True)


@contextmanager
def opened_hdf5(path: Path, epoch: int | None = None) -> Iterator[Stack]:
    """Open an HDF5 file of arrays (member, out, in), or of (member, epoch, out, in) at one epoch.

    Raises
    ------
    WeightLawsError
        If it is no such file.
    """
    with hdf5.open_file(path) as file:
        if keras.is_keras(file):
            raise WeightLawsError(
                f"{path}: file",
                "a network of Keras",
                "arrays (member, out, in)",
                "name it under checkpoints, or put several in a folder",
            )
        datasets = hdf5.datasets(file)
        epochs = _epochs(path, datasets)
        at: tuple[int, ...] = ()
        if epochs:
            at = (epochs.index(epochs[-1] if epoch is None else epoch),)
            del datasets[EPOCHS]
        stacked = []
        for name, dataset in datasets.items():
            # Arrays that are of no layer may have other axes: what is used is checked later.
            kept = at if (dataset.shape or ())[1:2] == (len(epochs),) else ()
            if dataset.shape:  # a number is nothing of each member
                stacked.append(
                    Stacked(
                        name,
                        dataset.shape[1 + len(kept) :],
                        dataset.dtype.name,
                        dataset.shape[0],
                        partial(_read, path, name, dataset, kept),
                        of_epochs=bool(kept),
                    )
                )
        yield Stack(path, stacked, epochs=len(epochs))


def hdf5_epochs(path: Path) -> list[int]:
    """Return the epochs of an HDF5 file of trajectories, ascending; empty if it has no `EPOCHS`.

    Raises
    ------
    WeightLawsError
        If they are no epochs.
    """
    with hdf5.open_file(path) as file:
        return _epochs(path, hdf5.datasets(file))


def _epochs(path: Path, datasets: Mapping[str, h5py.Dataset]) -> list[int]:
    if EPOCHS not in datasets:
        return []
    dataset = datasets[EPOCHS]
    numbers = dataset.dtype.kind in "iu" and len(dataset.shape or ()) == 1
    found = [int(epoch) for epoch in dataset[:]] if numbers else []
    if not found or found[0] < 0 or found != sorted({*found}):
        raise WeightLawsError(
            f"{path}: dataset {EPOCHS}",
            f"{found[:10] or f'shape {dataset.shape} of {dataset.dtype}'}",
            "the numbers of the epochs, whole and ascending",
            "correct it, or give an array that is something else another name",
        )
    return found


def _read(
    path: Path, name: str, dataset: h5py.Dataset, kept: tuple[int, ...], start: int, end: int
) -> npt.NDArray[Any]:
    try:
        values: npt.NDArray[Any] = dataset[(slice(start, end), *kept)]
    except OSError as error:
        found = f"damaged data ({messages.short(error)})"
        raise WeightLawsError(f"{path}: {name}", found, "numbers", messages.WHOLE_FILE) from error
    return values
