"""One job of comparing learning rates and batch sizes: from weights shards to three tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats, Integers
from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.inference.noise_scale import (
    Run,
    comparisons_table,
    parameters_table,
    scaling_table,
)
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.bipartite import FITTED
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import read_weights, too_few_finite

_PLACE = ("recipe", "layer", "rows", "columns", "n_members")
Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class NoiseScaleSpec:
    """Everything that fixes the comparison of conditions that differ in rate and batch size.

    Attributes
    ----------
    weights
        The spec of each condition's weights, by name.
    n_members
        The number of members of each condition, diverged ones included.
    layers
        The layers to compare.
    seed
        The study's seed.
    epochs
        The headline epochs.
    level
        The family-wise level.
    replicates
        The number of ensembles that are drawn from the members with replacement.
    randomisations
        The number of times that members swap the weights of two conditions at random.
    """

    weights: Mapping[str, WeightsSpec]
    n_members: Mapping[str, int]
    layers: tuple[str, ...]
    seed: int
    epochs: tuple[int, ...]
    level: float
    replicates: int
    randomisations: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.noise_scale_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            weights={name: WeightsSpec.parse(spec) for name, spec in stored["weights"].items()},
            n_members=stored["members"],
            layers=tuple(stored["layers"]),
            seed=stored["seed"],
            epochs=tuple(stored["epochs"]),
            level=stored["level"],
            replicates=stored["bootstrap_replicates"],
            randomisations=stored["randomisations"],
        )


def noise_scale_tables(paths: Sequence[Path], stored: Spec, recipe: str) -> Tables:
    """Compare the bipartite laws of conditions that differ in learning rate and batch size.

    Parameters
    ----------
    paths
        The weights shards of all conditions, one after another, in the order of their members.
    stored
        A ``specs.noise_scale_spec``.
    recipe
        The name of what the conditions have in common.

    Returns
    -------
    three DataFrames
        Those of `noise_scale.parameters_table`, `noise_scale.comparisons_table` and
        `noise_scale.scaling_table`, each with ``recipe``, ``layer``, ``rows``, ``columns``
        and ``n_members`` in front. Members that diverged in a condition are left out of all.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    WeightLawsError
        If fewer than two members are finite in all conditions.
    """
    spec = NoiseScaleSpec.parse(stored)
    # Seeded by the study and the place alone, so that other conditions change nothing here.
    rng = np.random.default_rng([spec.seed, *f"noise_scale/{recipe}".encode()])
    folders = [path.parent.name for path in paths]
    by_condition = {
        name: [path for path, folder in zip(paths, folders, strict=True) if folder == name]
        for name in spec.weights
    }
    tables: list[Tables] = []
    for layer in spec.layers:
        runs = _runs(by_condition, spec, layer)
        n = len(runs[0].moments)
        weights = resampling_weights(n, spec.replicates, rng)
        shape = next(iter(spec.weights.values())).shapes[layer]
        compared = comparisons_table(runs, shape, spec.epochs, weights, spec.randomisations, rng)
        summed_up = scaling_table(compared, spec.level)
        own = parameters_table(runs, shape, weights), compared, summed_up
        for table in own:
            for k, name in enumerate(_PLACE):
                table.insert(k, name, (recipe, layer, *shape, n)[k])
        tables.append(own)
    parameters, comparisons, scalings = (
        pd.concat(parts, ignore_index=True) for parts in zip(*tables, strict=True)
    )
    return parameters, comparisons, scalings


def _runs(paths: Mapping[str, Sequence[Path]], spec: NoiseScaleSpec, layer: str) -> list[Run]:
    """Read a layer of all conditions, and keep the members that are finite in all of them."""
    found = {name: _moments(paths[name], spec, name, layer) for name in spec.weights}
    common = reduce(np.intersect1d, (members for members, _ in found.values()))
    if len(common) < 2:
        raise too_few_finite(
            f"{', '.join(spec.weights)} together", len(common), min(spec.n_members.values()), 2
        )
    return [
        Run(
            condition=name,
            learning_rate=spec.weights[name].stored["learning_rate"],
            batch_size=spec.weights[name].stored["batch_size"],
            epochs=spec.weights[name].snapshots[layer],
            moments=moments[np.isin(numbers, common)],
        )
        for name, (numbers, moments) in found.items()
    ]


def _moments(
    paths: Sequence[Path], spec: NoiseScaleSpec, condition: str, layer: str
) -> tuple[Integers, Floats]:
    """Numbers of the finite members, and their `FITTED` (member, epoch, 5)."""
    weights = spec.weights[condition]
    epochs = weights.snapshots[layer]
    ensembles = read_weights(paths, weights, spec.n_members[condition], layer, epochs)
    values = [(ensemble.members, evaluate(FITTED, ensemble.values)) for ensemble in ensembles]
    return values[0][0], np.stack([moments for _, moments in values], axis=1)
