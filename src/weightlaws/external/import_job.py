"""One job of storing networks that were trained elsewhere as a weights shard."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from weightlaws.arrays import Bools
from weightlaws.errors import WeightLawsError
from weightlaws.external import networks
from weightlaws.external.ensembles import read_members, to_float32
from weightlaws.storage import hdf5
from weightlaws.storage.file_digest import file_digest
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
        A ``specs.import_spec``: ``source`` is the ensemble's path. A spec without ``digests`` is
        one of files that nobody else writes.

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
        A ``specs.import_spec``: ``source`` names the network, as in `networks.layers`.

    Raises
    ------
    WeightLawsError
        As `networks.layers` does, or if a weight is beyond the range of float32.
    """
    source = stored["source"]
    shapes = networks.layer_shapes(source)
    found = {
        "shapes": {layer: list(shape) for layer, shape in shapes.items()},
        "snapshots": {layer: [0] for layer in shapes},
    }
    with _shard(path, WeightsSpec.parse({**stored, **found})) as (weights, _):
        for layer, matrix in networks.layers(source):
            rounded = to_float32(matrix)
            if not np.isfinite(rounded).all():
                raise WeightLawsError(
                    f"{source}: layer {layer}",
                    f"a weight of size {np.abs(matrix).max():.3g}",
                    "weights in the range of float32, below 3.4e38",
                    "scale the layer",
                )
            weights[layer][0, 0] = rounded
            log.info("%s is a layer of shape %s", layer, matrix.shape)


def _members(spec: WeightsSpec) -> range:
    if spec.members is None:
        raise ValueError("spec: expected the members of a shard, found none")
    return spec.members


@contextmanager
def _shard(path: Path, spec: WeightsSpec) -> Iterator[tuple[dict[str, h5py.Dataset], Bools]]:
    """Open a weights shard with one snapshot: its weights, and a flag for finite members."""
    n_members = len(_members(spec))
    finite = np.ones((n_members, 1), np.bool_)
    own = {**spec.stored}
    digests = own.pop("digests", {})
    with hdf5.create(path, "weights", own, {"digests": digests}) as writer:
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
        _check_unchanged(digests)


def _check_unchanged(digests: Mapping[str, str]) -> None:
    """Refuse files that are not, or no longer, those that the run was planned with."""
    for path, expected in digests.items():
        if (found := file_digest(Path(path))) != expected:
            raise WeightLawsError(
                f"{path}: SHA-256",
                f"{found}...",
                f"{expected}..., as when the run began",
                "run snakemake again once the file is whole",
            )
