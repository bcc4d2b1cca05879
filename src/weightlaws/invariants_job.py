"""One job of evaluating invariants: from a shard's stored weights to its stored invariants."""

from pathlib import Path

import numpy as np

from weightlaws import storage
from weightlaws.catalogue import catalogue
from weightlaws.invariants import evaluate
from weightlaws.shards import read_shard


def evaluate_shard(path: Path, spec: storage.Spec, weights_path: Path) -> None:
    """Evaluate the invariants that a spec names on a weights shard, and store them.

    Parameters
    ----------
    path
        The file to write.
    spec
        A ``specs.invariants_spec`` of one shard.
    weights_path
        The weights shard.

    Raises
    ------
    StorageError
        If the weights shard is not the spec's.
    """
    graphs = catalogue(spec["invariants"])
    weights_spec = {**spec["weights"], "members": spec["members"]}
    shard = read_shard(weights_path, weights_spec, spec["layers"])
    with storage.create(path, "invariants", spec) as writer:
        writer.add("finite", shard.finite)
        writer.add("dead_output", shard.dead_output)
        for layer, weights in shard.weights.items():
            values = np.full((*weights.shape[:2], len(graphs)), np.nan)
            values[shard.finite] = evaluate(graphs, weights[shard.finite])
            writer.add(f"epochs/{layer}", shard.epochs[layer])
            writer.add(f"invariants/{layer}", values)
