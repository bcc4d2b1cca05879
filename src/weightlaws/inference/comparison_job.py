"""One job of comparing laws: from a condition's weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats, Side
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
    seed
        The study's seed.
    folds
        The number of parts that members are divided into; each is held out once.
    epochs, n_orders
        The epochs at which members are divided in several random orders, and how many these are.
    """

    weights: WeightsSpec
    n_members: int
    seed: int
    folds: int
    epochs: tuple[int, ...]
    n_orders: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.comparison_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            weights=WeightsSpec.parse(stored["weights"]),
            n_members=stored["members"],
            seed=stored["seed"],
            folds=stored["folds"],
            epochs=tuple(stored["epochs"]),
            n_orders=stored["orders"],
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
        side, key = labelled_side(layer), f"comparison/{condition}/{layer}".encode()
        ensembles = read_weights(paths, spec.weights, spec.n_members, layer, epochs)
        for epoch, ensemble in zip(epochs, ensembles, strict=True):
            values, dead = ensemble.values, ensemble.dead_output
            seed, n_orders = [spec.seed, *key, epoch], spec.n_orders if epoch in spec.epochs else 1
            table = partial(_compared, side=side, folds=spec.folds, seed=seed, n_orders=n_orders)
            part = with_and_without_dead(values, dead, spec.folds, table, **place, epoch=epoch)
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _compared(
    values: Floats, *, side: Side | None, folds: int, seed: list[int], n_orders: int
) -> pd.DataFrame:
    return compare(values, side, folds, np.random.default_rng(seed), n_orders)
