"""One job of comparing laws: from a condition's weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Singles
from weightlaws.inference.comparison import compare
from weightlaws.inference.layer_tables import layer_tables
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import too_few_finite
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
    WeightLawsError
        If fewer members are finite than there are folds.
    """
    spec = ComparisonSpec.parse(stored)
    table = partial(_compared, spec=spec, condition=condition)
    return layer_tables(paths, spec.weights, spec.n_members, condition, table, least=spec.folds)


def _compared(
    values: Singles, *, spec: ComparisonSpec, condition: str, layer: str, epoch: int
) -> pd.DataFrame:
    if len(values) < spec.folds:
        raise too_few_finite(condition, len(values), spec.n_members, spec.folds)
    seed = [spec.seed, *f"comparison/{condition}/{layer}".encode(), epoch]
    n_orders = spec.n_orders if epoch in spec.epochs else 1
    rng = np.random.default_rng(seed)
    return compare(values, labelled_side(layer, spec.weights.labelled), spec.folds, rng, n_orders)
