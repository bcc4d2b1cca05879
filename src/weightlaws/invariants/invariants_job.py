"""One job of evaluating invariants: from a shard's stored weights to its stored invariants."""

from math import prod
from pathlib import Path

import numpy as np

from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import InvariantsSpec, Spec
from weightlaws.storage.shards import weights_shard

# Weights that are read at once; a whole shard of wide layers would be gigabytes.
_TOGETHER = 2**24


def evaluate_shard(path: Path, stored: Spec, weights_path: Path) -> None:
    """Evaluate a study's invariants on a weights shard, and store them.

    Parameters
    ----------
    path
        The file to write.
    stored
        A ``specs.invariants_spec`` of one shard.
    weights_path
        The weights shard.

    Raises
    ------
    StorageError
        If the weights shard is not the spec's.
    """
    spec = InvariantsSpec.parse(stored)
    graphs, weights = catalogue(spec.catalogue), spec.weights
    weights_spec = {**weights.stored, "members": stored["members"]}
    with (
        hdf5.opened(weights_path, "weights", weights_spec) as reader,
        hdf5.create(path, "invariants", stored) as writer,
    ):
        shard = weights_shard(reader, layers=())
        good = shard.finite[:, -1]
        writer.add("finite", shard.finite)
        writer.add("dead_output", shard.dead_output)
        for layer in spec.layers:
            epochs, name = weights.snapshots[layer], f"weights/{layer}"
            shape = (len(shard.members), len(epochs), *weights.shapes[layer])
            values = np.full((*shape[:2], len(graphs)), np.nan)
            step = max(1, _TOGETHER // prod(shape[1:]))
            for start in range(0, len(values), step):
                part = slice(start, start + step)
                matrices = reader.read(name, np.float32, shape, finite=good, part=(part,))
                values[part][good[part]] = evaluate(graphs, matrices[good[part]])
            writer.add(f"epochs/{layer}", np.array(epochs, dtype=np.int64))
            writer.add(f"invariants/{layer}", values)
