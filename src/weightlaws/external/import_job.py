"""One job of storing networks that were trained elsewhere as a weights shard."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from weightlaws.arrays import Bools
from weightlaws.errors import WeightLawsError
from weightlaws.external import networks
from weightlaws.external.ensembles import read_members, to_float32
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import Spec, WeightsSpec

log = logging.getLogger(__name__)


def import_shard(path: Path, stored: Spec) -> None:
    """Store members of an ensemble as a weights shard with one snapshot, at epoch 0.

    A member with weights that are not finite is stored as diverged.

    Parameters
    ----------
    path
        The shard to write.
    stored
        A ``specs.weights_spec`` of one shard: ``source`` is the ensemble's path.

    Raises
    ------
    WeightLawsError
        As `ensembles.read_members` does.
    """
    spec = WeightsSpec.parse(stored)
    members, shapes = _members(spec), {layer: [*shape] for layer, shape in spec.shapes.items()}
    with _shard(path, spec) as (weights, finite):
        found = read_members(stored["source"], shapes, members[0], members[-1])
        for member, layer, matrix in found:
            weights[layer][member - members[0], 0] = matrix
            finite[member - members[0]] &= np.isfinite(matrix).all()
    for diverged in np.flatnonzero(~finite[:, 0]):
        log.warning(
            "member %d has weights that are not finite: it is listed, and left out of every law",
            members[diverged],
        )


def import_network(path: Path, stored: Spec) -> None:
    """Store a single network as a weights shard of one member, with one snapshot at epoch 0.

    Parameters
    ----------
    path
        The shard to write. Its spec has the shapes and snapshots of the layers, too.
    stored
        A ``specs.weights_spec`` of a single network: ``source`` names it, as in `networks.opened`.

    Raises
    ------
    WeightLawsError
        As `networks.opened` does, or if a weight is beyond the range of float32.
    """
    source = stored["source"]
    with networks.opened(source) as network:
        # Layers that are not finite show when they are read; the file is laid out before.
        shapes = {layer: [*matrix.shape] for layer, matrix in network.matrices()}
        found = {"shapes": shapes, "snapshots": {layer: [0] for layer in shapes}}
        for name, reason in network.skipped.items():
            log.info("%s is left out: %s", name, reason)
        log.info("layers hold %.1f %% of the network's weights", 100 * network.share)
        _store(path, WeightsSpec.parse({**stored, **found}), network)


def _store(path: Path, spec: WeightsSpec, network: networks.Network) -> None:
    with _shard(path, spec) as (weights, _):
        for layer, matrix in network.matrices():
            rounded = to_float32(matrix)
            if not np.isfinite(rounded).all():
                raise WeightLawsError(
                    f"{network.name}: layer {layer}",
                    f"a weight of size {np.abs(matrix).max():.3g}",
                    "weights in the range of float32, below 3.4e38",
                    "scale the layer",
                )
            weights[layer][0, 0] = rounded
            notes = "".join(f"; {note}" for note in network.layers[layer].notes)
            log.info("%s is a layer of shape %s%s", layer, matrix.shape, notes)


def _members(spec: WeightsSpec) -> range:
    if spec.members is None:
        raise ValueError("spec: expected the members of a shard, found none")
    return spec.members


@contextmanager
def _shard(path: Path, spec: WeightsSpec) -> Iterator[tuple[dict[str, h5py.Dataset], Bools]]:
    """Open a weights shard with one snapshot: its weights, and a flag for finite members."""
    n_members = len(_members(spec))
    finite = np.ones((n_members, 1), np.bool_)
    with hdf5.create(path, "weights", spec.stored) as writer:
        yield (
            {
                layer: writer.create(f"weights/{layer}", (n_members, 1, *shape), np.float32)
                for layer, shape in spec.shapes.items()
            },
            finite,
        )
        for layer in spec.shapes:
            writer.add(f"epochs/{layer}", np.zeros(1, np.int64))
        writer.add("loss", np.empty((n_members, 0)))
        writer.add("accuracy", np.full((n_members, 1), np.nan))
        writer.add("dead_output", np.zeros((n_members, 1), np.bool_))
        writer.add("finite", finite)
