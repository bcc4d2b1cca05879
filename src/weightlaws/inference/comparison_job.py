"""One job of comparing laws: from a condition's weights shards to a table."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from weightlaws.inference.admissibility import with_and_without_dead
from weightlaws.inference.comparison import compare
from weightlaws.laws.one_sided import Side
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import read_weights


def labelled_side(layer: str) -> Side | None:
    """Return the side of a layer's matrices whose labels training can tell apart.

    Rows before the output are classes, columns after the input are pixels. Hidden neurons can be
    permuted without changing the training problem.
    """
    if layer.endswith("-output"):
        return "rows"
    return "columns" if layer.startswith("input-") else None


def comparison_table(paths: Sequence[Path], spec: Spec, condition: str) -> pd.DataFrame:
    """Compare the laws of every layer of a condition at its snapshots, on held-out members.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    spec
        A ``specs.comparison_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        What `comparison.compare` says, one row a layer, epoch, choice of ``members`` and law.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    weights, parts = WeightsSpec.parse(spec["weights"]), []
    for layer, epochs in weights.snapshots.items():
        rows, columns = weights.shapes[layer]
        place: dict[str, str | int] = {
            "condition": condition,
            "layer": layer,
            "rows": rows,
            "columns": columns,
        }
        table = partial(compare, labelled=labelled_side(layer), folds=spec["folds"])
        for epoch in epochs:
            ensemble = read_weights(paths, weights, spec["members"], layer, epoch)
            part = with_and_without_dead(ensemble, spec["folds"], table, **place, epoch=epoch)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)
