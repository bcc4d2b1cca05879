"""Weights shards and invariants shards: their contents, and readers over all of a condition."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Bools, Floats, Integers, Shapes, Singles
from weightlaws.errors import WeightLawsError
from weightlaws.storage.hdf5 import Reader, StorageError, check_spec, opened
from weightlaws.storage.shard_specs import InvariantsSpec, Spec, WeightsSpec

# Values that are read from a shard before the next is opened, or one snapshot if that has more.
# To open a shard takes as long as to read some ten snapshots of small layers.
_VALUES = 2**21


@dataclass(frozen=True)
class WeightsShard:
    """The weights of a contiguous range of members of one condition.

    Attributes
    ----------
    spec
        Everything that fixes the numbers.
    members
        Member numbers, (member,).
    epochs
        By layer: the epochs of its snapshots, ascending, (snapshot,).
    weights
        By layer: float32 (member, snapshot, out, in).
    loss
        Mean training loss over the batches of each epoch, float64 (member, epoch).
    accuracy
        Share of test images classified rightly, from epoch 0 on, float64 (member, 1 + epoch).
    dead_output
        Whether all logits of the network itself, neither scaled nor centred, are 0 on every test
        image, from epoch 0 on, bool (member, 1 + epoch).
    finite
        Whether losses and weights are finite so far, from epoch 0 on, bool (member, 1 + epoch).
        Values that are not finite are stored as they came out.
    """

    spec: Spec
    members: Integers
    epochs: dict[str, Integers]
    weights: dict[str, Singles]
    loss: Floats
    accuracy: Floats
    dead_output: Bools
    finite: Bools


def read_shard(
    path: Path | str, spec: Spec | None = None, layers: Iterable[str] | None = None
) -> WeightsShard:
    """Read a weights shard, checked against its own spec and, if given, the expected one.

    Parameters
    ----------
    path
        A file under ``results/<study>/weights/``.
    spec
        The spec that the shard should have; without it, whatever it says it has.
    layers
        The layers whose weights to read; all of them if not given.

    Raises
    ------
    StorageError
        If the file is not a whole, undamaged weights shard of that spec.

    Examples
    --------
    >>> read_shard("nowhere.h5")
    Traceback (most recent call last):
    weightlaws.storage.hdf5.StorageError: nowhere.h5: file: found no such file, expected ...
    """
    with opened(Path(path), "weights", spec) as reader:
        return weights_shard(reader, layers)


def read_shapes(path: Path) -> Shapes:
    """Read the shapes (out, in) of the layers of a weights shard.

    Raises
    ------
    StorageError
        If the file is no weights shard.
    """
    return WeightsSpec.parse(read_shard(path, layers=()).spec).shapes


def weights_shard(reader: Reader, layers: Iterable[str] | None = None) -> WeightsShard:
    """Read an open weights shard, checked against its own spec; see ``read_shard``."""
    try:
        spec = WeightsSpec.parse(reader.spec)
        wanted = list(spec.snapshots if layers is None else layers)
        sizes = {layer: (len(spec.snapshots[layer]), *spec.shapes[layer]) for layer in wanted}
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(
            reader.path, "spec", f"no {error}", "the spec of a weights shard"
        ) from error
    if spec.members is None:
        raise StorageError(reader.path, "spec.members", "nothing", "the shard's members")
    n_members, n_recorded = len(spec.members), len(spec.recorded)
    epochs = {
        layer: reader.read(f"epochs/{layer}", np.int64, (len(spec.snapshots[layer]),))
        for layer in wanted
    }
    for layer, found in epochs.items():
        if found.tolist() != list(spec.snapshots[layer]):
            expected = list(spec.snapshots[layer])
            raise StorageError(reader.path, f"epochs/{layer}", found.tolist(), expected)
    dead_output, finite = (
        reader.read(name, np.bool_, (n_members, n_recorded)) for name in ("dead_output", "finite")
    )
    good = finite[:, -1]
    # Loss and accuracy of networks that were trained elsewhere are not known.
    known = spec.dataset is not None
    return WeightsShard(
        spec=reader.spec,
        members=np.array(spec.members),
        epochs=epochs,
        weights={
            layer: reader.read(f"weights/{layer}", np.float32, (n_members, *size), finite=good)
            for layer, size in sizes.items()
        },
        loss=reader.read("loss", np.float64, (n_members, n_recorded - 1), finite=good & known),
        accuracy=reader.read("accuracy", np.float64, (n_members, n_recorded), finite=known),
        dead_output=dead_output,
        finite=finite,
    )


@dataclass(frozen=True)
class MemberValues:
    """Values of one layer of a condition's members; diverged members are left out.

    Attributes
    ----------
    values
        (member, ...).
    members
        Numbers of the members, (member,).
    dead_output
        Whether a member's logits are all 0 at the end, (member,).
    """

    values: npt.NDArray[Any]
    members: Integers
    dead_output: Bools


def read_invariants(
    paths: Sequence[Path],
    spec: InvariantsSpec,
    n_members: int,
    layer: str,
    epochs: Iterable[int],
    n_invariants: int,
) -> Iterator[MemberValues]:
    """Read one layer's invariants, float64 (member, invariant), one epoch after another.

    Parameters
    ----------
    paths
        All invariants shards of the condition, in the order of their members.
    spec
        The spec that the shards share, without ``members``.
    n_members, n_invariants
        How many members and invariants there should be.
    epochs
        Some of the layer's snapshots.

    Raises
    ------
    StorageError
        If a shard is not of this spec, or the shards are not all members, each once.
    WeightLawsError
        If fewer than two members are finite.
    """
    kept = spec.weights.snapshots[layer]
    shape, numbers = (len(kept), n_invariants), [kept.index(epoch) for epoch in epochs]
    shards = partial(opened_shards, paths, "invariants", spec.stored, n_members)
    for some in _together(numbers, n_members * n_invariants):
        yield from _snapshots(shards(), f"invariants/{layer}", np.float64, shape, some)


def read_weights(
    paths: Sequence[Path], spec: WeightsSpec, n_members: int, layer: str, epochs: Iterable[int]
) -> Iterator[MemberValues]:
    """Read one layer's weights, float32 (member, out, in), one epoch after another.

    Parameters and errors are those of `read_invariants`.
    """
    kept = spec.snapshots[layer]
    shape, numbers = (len(kept), *spec.shapes[layer]), [kept.index(epoch) for epoch in epochs]
    shards = partial(opened_shards, paths, "weights", spec.stored, n_members)
    for some in _together(numbers, n_members * prod(spec.shapes[layer])):
        yield from _snapshots(shards(), f"weights/{layer}", np.float32, shape, some)


def _together(snapshots: list[int], n_values: int) -> Iterator[list[int]]:
    """Divide snapshots of so many values into parts to read at once."""
    step = max(1, _VALUES // n_values)
    for start in range(0, len(snapshots), step):
        yield snapshots[start : start + step]


def _snapshots(
    readers: Iterable[Reader],
    name: str,
    dtype: npt.DTypeLike,
    shape: tuple[int, ...],
    snapshots: list[int],
) -> Iterator[MemberValues]:
    """Join some snapshots of all shards, (member, *shape) each, without diverged members."""
    joined, finite, dead_output = _joined(readers, name, dtype, shape, snapshots)
    members = np.flatnonzero(finite)
    while joined:
        yield MemberValues(joined.pop(0), members, dead_output[finite])


def _joined(
    readers: Iterable[Reader],
    name: str,
    dtype: npt.DTypeLike,
    shape: tuple[int, ...],
    snapshots: list[int],
) -> tuple[list[npt.NDArray[Any]], Bools, Bools]:
    """Return finite members' values by snapshot, and two flags of all members: finite, and dead."""
    values: list[list[npt.NDArray[Any]]] = [[] for _ in snapshots]
    paths, finite, dead = [], [], []
    for reader in readers:
        paths.append(reader.path)
        finite.append(reader.read("finite", np.bool_, (None, None))[:, -1])
        dead.append(reader.read("dead_output", np.bool_, (None, None))[:, -1])
        whole, good = (len(finite[-1]), *shape), finite[-1]
        for parts, snapshot in zip(values, snapshots, strict=True):
            part = (slice(None), snapshot)
            parts.append(reader.read(name, dtype, whole, finite=good, part=part)[good])
    kept = np.concatenate(finite)
    if kept.sum() < 2:
        raise too_few_finite(paths[0], int(kept.sum()), len(kept), 2)
    return [np.concatenate(parts) for parts in values], kept, np.concatenate(dead)


def too_few_finite(place: object, found: int, members: int, least: int) -> WeightLawsError:
    """Say that too many members diverged; to make their files anew would change nothing."""
    return WeightLawsError(
        f"{place}: members",
        f"{found} of {members} whose losses and weights are finite",
        f"at least {least}",
        "replace the networks that diverged or add others, or train at a lower learning rate",
    )


def opened_shards(paths: Sequence[Path], kind: str, spec: Spec, n_members: int) -> Iterator[Reader]:
    """Open a condition's shards one after another, checking that together they are all members.

    Raises
    ------
    StorageError
        If a shard is not of this spec, or out of order, or members are missing.
    """
    following = 0
    for path in paths:
        with opened(path, kind) as reader:
            members = reader.spec.get("members", "none")
            if not isinstance(members, list) or members[0] != following:
                raise StorageError(path, "spec.members", members, f"a range from {following} on")
            check_spec(path, reader.spec, {**spec, "members": members})
            yield reader
        following = members[1] + 1
    if following != n_members:
        raise StorageError(paths[-1], "spec.members", f"{following} in all", f"{n_members} in all")
