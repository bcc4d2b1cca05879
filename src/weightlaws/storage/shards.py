"""Weights shards and invariants shards: their contents, and readers over all of a condition."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Bools, Floats, Integers, Shapes, Singles
from weightlaws.storage.hdf5 import Reader, StorageError, check_spec, opened
from weightlaws.storage.shard_specs import InvariantsSpec, Spec, WeightsSpec


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
        By layer: the epochs of its snapshots, ascending from 0, (snapshot,).
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
    n_members, n_epochs = len(spec.members), spec.epochs
    epochs = {
        layer: reader.read(f"epochs/{layer}", np.int64, (len(spec.snapshots[layer]),))
        for layer in wanted
    }
    for layer, found in epochs.items():
        if found.tolist() != list(spec.snapshots[layer]):
            expected = list(spec.snapshots[layer])
            raise StorageError(reader.path, f"epochs/{layer}", found.tolist(), expected)
    dead_output, finite = (
        reader.read(name, np.bool_, (n_members, n_epochs + 1)) for name in ("dead_output", "finite")
    )
    good = finite[:, -1]
    return WeightsShard(
        spec=reader.spec,
        members=np.array(spec.members),
        epochs=epochs,
        weights={
            layer: reader.read(f"weights/{layer}", np.float32, (n_members, *size), finite=good)
            for layer, size in sizes.items()
        },
        loss=reader.read("loss", np.float64, (n_members, n_epochs), finite=good),
        # The accuracy of networks that were trained elsewhere is not known.
        accuracy=reader.read(
            "accuracy", np.float64, (n_members, n_epochs + 1), finite=spec.dataset is not None
        ),
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
    epoch: int,
    n_invariants: int,
) -> MemberValues:
    """Read one layer's invariants after one epoch, float64 (member, invariant), of a condition.

    Parameters
    ----------
    paths
        All invariants shards of the condition, in the order of their members.
    spec
        The spec that the shards share, without ``members``.
    n_members, n_invariants
        How many members and invariants there should be.
    epoch
        One of the layer's snapshots.

    Raises
    ------
    StorageError
        If a shard is not of this spec, the shards are not all members, each once, or fewer than two
        members are finite.
    """
    epochs = spec.weights.snapshots[layer]
    shape, part = (len(epochs), n_invariants), (slice(None), epochs.index(epoch))
    readers = opened_shards(paths, "invariants", spec.stored, n_members)
    return _ensemble(paths, readers, f"invariants/{layer}", np.float64, shape, part)


def read_weights(
    paths: Sequence[Path], spec: WeightsSpec, n_members: int, layer: str, epoch: int
) -> MemberValues:
    """Read one layer's weights after one epoch, float32 (member, out, in), of a condition.

    Parameters and errors are those of `read_invariants`.
    """
    epochs = spec.snapshots[layer]
    shape, part = (len(epochs), *spec.shapes[layer]), (slice(None), epochs.index(epoch))
    readers = opened_shards(paths, "weights", spec.stored, n_members)
    return _ensemble(paths, readers, f"weights/{layer}", np.float32, shape, part)


def _ensemble(
    paths: Sequence[Path],
    readers: Iterable[Reader],
    name: str,
    dtype: npt.DTypeLike,
    shape: tuple[int, ...],
    part: tuple[int | slice, ...],
) -> MemberValues:
    """Join a part of each shard, (member, *shape), and leave out members that diverged."""
    values, finite, dead = [], [], []
    for reader in readers:
        finite.append(reader.read("finite", np.bool_, (None, None))[:, -1])
        dead.append(reader.read("dead_output", np.bool_, (None, None))[:, -1])
        whole = (len(finite[-1]), *shape)
        found = reader.read(name, dtype, whole, finite=finite[-1], part=part)
        values.append(found[finite[-1]])
    kept = np.concatenate(finite)
    if kept.sum() < 2:
        raise StorageError(
            paths[0], "finite", f"{kept.sum()} of {len(kept)} members", "at least two"
        )
    return MemberValues(np.concatenate(values), np.flatnonzero(kept), np.concatenate(dead)[kept])


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
