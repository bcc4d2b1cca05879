"""One job of storing networks that were trained elsewhere as a weights shard."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from weightlaws.external import formats, networks
from weightlaws.external.ensembles import read_members, to_float32
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import Spec

log = logging.getLogger(__name__)


def import_shard(path: Path, spec: Spec) -> None:
    """Store a range of an ensemble's members as a weights shard, with one snapshot at epoch 0.

    The accuracy of networks that were trained elsewhere is not known: it is NaN. A member whose
    weights are not all finite is listed as such, with its weights as they are, and logged.

    Parameters
    ----------
    path
        The shard to write.
    spec
        ``source``, the ensemble's path; ``shapes``, [out, in] by layer; ``epochs``, 0;
        ``snapshots``, [0] by layer; ``members``, [first, last]; and ``code``.

    Raises
    ------
    EnsembleError, CheckpointError
        As for `user_ensembles.read_members`.
    """
    first, last = spec["members"]
    with _shard(path, spec) as (weights, finite):
        for member, layer, matrix in read_members(spec["source"], spec["shapes"], first, last):
            weights[layer][member - first, 0] = matrix
            finite[member - first] &= np.isfinite(matrix).all()
    for diverged in np.flatnonzero(~finite[:, 0]):
        log.warning(
            "member %d has weights that are not finite: it is listed, and left out of every law",
            first + diverged,
        )


def import_network(path: Path, spec: Spec) -> None:
    """Store a single network as a weights shard of one member, with one snapshot at epoch 0.

    Parameters
    ----------
    path
        The shard to write. Its spec has the shapes and snapshots of the layers, too.
    spec
        ``source``, of `checkpoints.layers`; ``epochs``, 0; ``members``, [0, 0]; and ``code``.

    Raises
    ------
    CheckpointError
        As for `checkpoints.layers`, or if a weight is beyond the range of float32.
    """
    source, shapes = spec["source"], networks.layer_shapes(spec["source"])
    found = {
        "shapes": {layer: list(shape) for layer, shape in shapes.items()},
        "snapshots": {layer: [0] for layer in shapes},
    }
    with _shard(path, {**spec, **found}) as (weights, _):
        for layer, matrix in networks.layers(source):
            rounded = to_float32(matrix)
            if not np.isfinite(rounded).all():
                raise formats.CheckpointError(
                    source,
                    f"layer {layer}",
                    f"a weight of size {np.abs(matrix).max():.3g}",
                    "weights in the range of float32, below 3.4e38",
                    "scale the layer",
                )
            weights[layer][0, 0] = rounded
            log.info("%s is a layer of shape %s", layer, matrix.shape)


@contextmanager
def _shard(
    path: Path, spec: Spec
) -> Iterator[tuple[dict[str, h5py.Dataset], npt.NDArray[np.bool_]]]:
    """Open a weights shard with one snapshot for its weights, and for which members are finite."""
    first, last = spec["members"]
    n_members = last - first + 1
    finite = np.ones((n_members, 1), np.bool_)
    with hdf5.create(path, "weights", spec) as writer:
        yield (
            {
                layer: writer.create(f"weights/{layer}", (n_members, 1, *shape), np.float32)
                for layer, shape in spec["shapes"].items()
            },
            finite,
        )
        for layer in spec["shapes"]:
            writer.add(f"epochs/{layer}", np.zeros(1, np.int64))
        writer.add("loss", np.empty((n_members, 0)))
        writer.add("accuracy", np.full((n_members, 1), np.nan))
        writer.add("dead_output", np.zeros((n_members, 1), np.bool_))
        writer.add("finite", finite)
