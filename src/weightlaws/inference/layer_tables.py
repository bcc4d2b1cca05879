"""One table of all layers and epochs of a condition, from its weights shards."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.storage.member_matrices import read_matrices
from weightlaws.storage.shard_specs import WeightsSpec

#: From an ensemble, as `storage.matrices.Matrices`, and the keywords layer and epoch, to its table.
EnsembleTable = Callable[..., pd.DataFrame]


def place_of(weights: WeightsSpec, condition: str, layer: str) -> dict[str, str | int]:
    """Return the first columns of a layer's rows."""
    rows, columns = weights.shapes[layer]
    return {"condition": condition, "layer": layer, "rows": rows, "columns": columns}


def layer_tables(
    paths: Sequence[Path],
    weights: WeightsSpec,
    n_members: int,
    condition: str,
    table: EnsembleTable,
    *,
    least: int,
    epochs: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Make a table of each layer and epoch, and put them below each other.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    weights
        The spec that they share.
    n_members
        The number of members, diverged ones included.
    condition
        Its name.
    table
        Makes the table of one ensemble.
    least
        Members that it needs.
    epochs
        The epochs that are wanted, of those that a layer has; all if not given.

    Returns
    -------
    DataFrame
        With the columns of `place_of`, ``epoch`` and those of `dead_outputs.with_and_without_dead`
        in front.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    parts = []
    for layer, snapshots in weights.snapshots.items():
        wanted = [epoch for epoch in snapshots if epochs is None or epoch in epochs]
        place = place_of(weights, condition, layer)
        ensembles = read_matrices(paths, weights, n_members, layer, wanted)
        for epoch, ensemble in zip(wanted, ensembles, strict=True):
            of_members = partial(table, layer=layer, epoch=epoch)
            parts.append(
                with_and_without_dead(
                    ensemble.matrices,
                    ensemble.dead_output,
                    least,
                    of_members,
                    **place,
                    epoch=epoch,
                )
            )
    return pd.concat(parts, ignore_index=True)
