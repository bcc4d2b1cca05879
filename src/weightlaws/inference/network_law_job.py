"""One job of testing whether layers know of each other: from weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats, Integers
from weightlaws.inference.condition_spec import ConditionSpec
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.inference.network_test import held_out_gain, independence_tests, neurons
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import too_few_finite
from weightlaws.training.layer_chain import chain

# The statistic of the covariance that a joint Gaussian law has between two layers.
_SUMS = "sums"

_COLUMNS = (
    *("epoch", "hidden", "before", "after", "statistic", "correlation", "z", "p", "p_gaussian"),
    *("p_adjusted", "n_parameters", "gain", "standard_error", "low", "high", "note"),
)


@dataclass(frozen=True)
class NetworkLawSpec(ConditionSpec):
    """Everything that fixes the tests of a condition's neighbouring layers.

    Attributes
    ----------
    epochs
        The headline epochs at which all layers are kept.
    randomisations
        The number of copies with permuted labels that an ensemble is compared with.
    folds
        The number of parts that members are divided into; each is held out once.
    """

    randomisations: int
    folds: int


def network_law_table(paths: Sequence[Path], stored: Spec, condition: str) -> pd.DataFrame:
    """Test at each hidden layer whether the layers before and after it know of each other.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.network_law_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        One row an epoch, ``selection`` of members, hidden layer and statistic; for the columns see
        `network_test.independence_tests`. ``before`` and ``after`` are the layers on both sides. In
        the rows of the statistic ``sums`` stands the held-out gain of the joint Gaussian law at
        that layer; see `network_test.held_out_gain`. Rows without a statistic have its gain by the
        ``totals`` of layers, and in ``all``.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    WeightLawsError
        If fewer members are finite than there are folds.
    """
    spec = NetworkLawSpec.parse(stored)
    first = spec.read(paths, next(iter(spec.weights.shapes)), spec.epochs[0])
    n = len(first.members)
    if n < spec.folds:
        raise too_few_finite(condition, n, spec.members, spec.folds)
    table = partial(_tested, paths=paths, spec=spec, condition=condition)
    return with_and_without_dead(
        np.arange(n), first.dead_output, spec.folds, table, condition=condition
    )


def _tested(
    chosen: Integers, paths: Sequence[Path], spec: NetworkLawSpec, condition: str
) -> pd.DataFrame:
    """Test the networks of the members at some positions; see `network_law_table`."""
    # Seeded by the study and the place alone, so that other conditions change nothing here.
    seed = [spec.seed, *f"network_law/{condition}".encode()]
    networks, gains = {}, []
    for epoch in spec.epochs:
        layers: list[Floats] = [
            spec.read(paths, layer, epoch).values[chosen].astype(np.float64)
            for layer in chain(spec.weights.shapes)
        ]
        networks[epoch] = neurons(layers)
        found = held_out_gain(layers, spec.folds, np.random.default_rng([*seed, epoch]))
        gains.append(found.assign(epoch=epoch))
    tests = independence_tests(networks, spec.randomisations, np.random.default_rng(seed))
    gained = pd.concat(gains, ignore_index=True).rename(columns={"part": "hidden"})
    gained["statistic"] = np.where(gained["hidden"].isin(tests["hidden"]), _SUMS, "")
    joined = tests.merge(gained, how="left", on=["epoch", "hidden", "statistic"])
    table = pd.concat([joined, gained[gained["statistic"] == ""]], ignore_index=True)
    table["note"] = table["note"].fillna("")
    pairs = pairwise(chain(spec.weights.shapes))
    sides = {f"hidden{k}": pair for k, pair in enumerate(pairs, start=1)}
    for place, name in enumerate(("before", "after")):
        table[name] = [
            sides[hidden][place] if hidden in sides else "" for hidden in table["hidden"]
        ]
    return table.sort_values("epoch", kind="stable")[[*_COLUMNS]].reset_index(drop=True)
