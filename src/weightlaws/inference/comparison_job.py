"""One job of comparing laws: from a condition's weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import pandas as pd

from weightlaws.inference.comparison import compare
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import read_weights
from weightlaws.training.networks import labelled_side


@dataclass(frozen=True)
class ComparisonSpec:
    """Everything that fixes the comparison of a condition's laws.

    Attributes
    ----------
    weights
        The spec of the condition's weights.
    n_members
        The number of members, diverged ones included.
    folds
        The number of parts that members are divided into; each is held out once.
    """

    weights: WeightsSpec
    n_members: int
    folds: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.comparison_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            weights=WeightsSpec.parse(stored["weights"]),
            n_members=stored["members"],
            folds=stored["folds"],
        )


def comparison_table(paths: Sequence[Path], stored: Spec, condition: str) -> pd.DataFrame:
    """Compare the laws of every layer of a condition at its snapshots, on held-out members.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.comparison_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        The table of `comparison.compare`, one row a layer, epoch, ``selection`` of members and
        law.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    spec, parts = ComparisonSpec.parse(stored), []
    for layer, epochs in spec.weights.snapshots.items():
        rows, columns = spec.weights.shapes[layer]
        place: dict[str, str | int] = {
            "condition": condition,
            "layer": layer,
            "rows": rows,
            "columns": columns,
        }
        table = partial(compare, labelled=labelled_side(layer), folds=spec.folds)
        ensembles = read_weights(paths, spec.weights, spec.n_members, layer, epochs)
        for epoch, ensemble in zip(epochs, ensembles, strict=True):
            values, dead = ensemble.values, ensemble.dead_output
            part = with_and_without_dead(values, dead, spec.folds, table, **place, epoch=epoch)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)
