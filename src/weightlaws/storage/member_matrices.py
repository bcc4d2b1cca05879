"""The matrices of a condition's members, read from its weights shards a part at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from weightlaws.arrays import Bools, Integers, Shape, Singles
from weightlaws.storage.hdf5 import Reader
from weightlaws.storage.matrices import TOGETHER, Matrices
from weightlaws.storage.shard_specs import WeightsSpec
from weightlaws.storage.shards import opened_shards, read_weights, too_few_finite


@dataclass(frozen=True)
class MemberMatrices:
    """The matrices of one layer of a condition's members; diverged members are left out.

    Attributes
    ----------
    matrices
        Of the members.
    members
        Numbers of the members, (member,).
    dead_output
        Whether a member's logits are all 0 at the end, (member,).
    """

    matrices: Matrices
    members: Integers
    dead_output: Bools


def read_matrices(
    paths: Sequence[Path], spec: WeightsSpec, n_members: int, layer: str, epochs: Sequence[int]
) -> Iterator[MemberMatrices]:
    """Read one layer's weights, float32, one epoch after another, and wide ones part by part.

    Parameters and errors are those of `shards.read_invariants`.
    """
    shape, kept = spec.shapes[layer], spec.snapshots[layer]
    if n_members * prod(shape) <= TOGETHER:
        for found in read_weights(paths, spec, n_members, layer, epochs):
            yield MemberMatrices(Matrices.of(found.values), found.members, found.dead_output)
        return
    shards = partial(opened_shards, paths, "weights", spec.stored, n_members)
    flags = [[_last(reader, name) for name in ("finite", "dead_output")] for reader in shards()]
    finite, dead_output = (np.concatenate(parts) for parts in zip(*flags, strict=True))
    if finite.sum() < 2:
        raise too_few_finite(paths[0], int(finite.sum()), len(finite), 2)
    for epoch in epochs:
        read = partial(_parts, shards, layer, shape, (kept.index(epoch), len(kept)))
        alive = np.ones(int(finite.sum()), dtype=np.bool_)
        members = np.flatnonzero(finite)
        yield MemberMatrices(Matrices(shape, read, alive), members, dead_output[finite])


def _last(reader: Reader, name: str) -> Bools:
    """A flag of a shard's members at the end, (member,)."""
    flags: Bools = reader.read(name, np.bool_, (None, None))[:, -1]
    return flags


def _parts(
    shards: Callable[[], Iterator[Reader]], layer: str, shape: Shape, snapshot: tuple[int, int]
) -> Iterator[Singles]:
    """Read one snapshot, by its place among so many, of the finite members of all shards."""
    place, n_snapshots = snapshot
    step = max(1, TOGETHER // prod(shape))
    for reader in shards():
        good = _last(reader, "finite")
        whole = (len(good), n_snapshots, *shape)
        for start in range(0, len(good), step):
            few = slice(start, start + step)
            values = reader.read(
                f"weights/{layer}", np.float32, whole, finite=good, part=(few, place)
            )
            if good[few].any():
                yield values[good[few]]
