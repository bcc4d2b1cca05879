"""One job of comparing laws: from a condition's weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.inference.comparison import compare
from weightlaws.inference.layer_tables import layer_tables
from weightlaws.inference.sided_spec import SidedSpec
from weightlaws.storage.matrices import Matrices
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import too_few_finite


@dataclass(frozen=True)
class ComparisonSpec(SidedSpec):
    """Everything that fixes the comparison of a condition's laws.

    Attributes
    ----------
    folds
        The number of parts that members are divided into; each is held out once.
    epochs, orders
        The epochs at which members are divided in several random orders, and how many these are.
    """

    folds: int
    orders: int


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
    return layer_tables(paths, spec.weights, spec.members, condition, table, least=spec.folds)


def _compared(
    values: Matrices, *, spec: ComparisonSpec, condition: str, layer: str, epoch: int
) -> pd.DataFrame:
    if len(values) < spec.folds:
        raise too_few_finite(condition, len(values), spec.members, spec.folds)
    seed = [spec.seed, *f"comparison/{condition}/{layer}".encode(), epoch]
    n_orders = spec.orders if epoch in spec.epochs else 1
    rng = np.random.default_rng(seed)
    return compare(values, spec.side(layer), spec.folds, rng, n_orders)
