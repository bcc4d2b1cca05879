"""One job of testing the laws of a condition: from its weights shards to a table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Integers, Singles
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.inference.layer_tables import place_of
from weightlaws.inference.max_t import require_simulations
from weightlaws.inference.significance import (
    Deviations,
    Family,
    deviations,
    joined,
    judge,
    simulated_deviations,
)
from weightlaws.invariants.catalogue import catalogue, published_number
from weightlaws.invariants.graphs import common_form
from weightlaws.laws.candidates import testable
from weightlaws.laws.moments import Moments, moments
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import MemberValues, read_weights
from weightlaws.training.networks import labelled_side


@dataclass(frozen=True)
class SignificanceSpec:
    """Everything that fixes the tests of a condition's laws.

    Attributes
    ----------
    weights
        The spec of the condition's weights.
    invariants
        The catalogue of invariants that the 13-parameter law predicts.
    n_members
        The number of members, diverged ones included.
    seed
        The study's seed.
    epochs
        The headline epochs.
    level
        The family-wise level.
    n_matrices, n_ensembles
        The numbers of simulated matrices and ensembles behind a family of tests.
    """

    weights: WeightsSpec
    invariants: str
    n_members: int
    seed: int
    epochs: tuple[int, ...]
    level: float
    n_matrices: int
    n_ensembles: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.significance_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            weights=WeightsSpec.parse(stored["weights"]),
            invariants=stored["invariants"],
            n_members=stored["members"],
            seed=stored["seed"],
            epochs=tuple(stored["epochs"]),
            level=stored["level"],
            n_matrices=stored["matrices"],
            n_ensembles=stored["ensembles"],
        )


def significance_table(paths: Sequence[Path], stored: Spec, condition: str) -> pd.DataFrame:
    """Test every layer of a condition at its headline epochs against every law.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.significance_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        One row a layer, ``selection`` of members, law, epoch and invariant that the law predicts
        and does not fit. ``deviation_sd`` is (mean - prediction) / sd, ``low`` and ``high`` its
        95 % interval, ``deviation_z`` the same in standard errors. ``p`` is of one test, and
        ``p_adjusted`` family-wise, over the invariants and epochs of a layer and law. For the other
        columns see `significance.Family`. A one-sided law needs more members than labels.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    ValueError
        If there are too few simulations for anything to be significant.
    """
    spec, parts = SignificanceSpec.parse(stored), []
    require_simulations(spec.n_ensembles, spec.level)
    for layer, snapshots in spec.weights.snapshots.items():
        epochs = [epoch for epoch in spec.epochs if epoch in snapshots]
        if not epochs:
            continue
        read = partial(read_weights, paths, spec.weights, spec.n_members, layer)
        first = next(read(epochs[:1]))
        place = place_of(spec.weights, condition, layer)
        table = partial(
            _layer_table, spec=spec, layer=layer, condition=condition, epochs=epochs, read=read
        )
        positions = np.arange(len(first.members))
        parts.append(with_and_without_dead(positions, first.dead_output, 2, table, **place))
    return pd.concat(parts, ignore_index=True)


def _layer_table(
    chosen: Integers,
    spec: SignificanceSpec,
    condition: str,
    layer: str,
    epochs: Sequence[int],
    read: Callable[[Sequence[int]], Iterator[MemberValues]],
) -> pd.DataFrame:
    """Test one layer of the members at some positions; see `significance_table`."""
    shape, labelled = spec.weights.shapes[layer], labelled_side(layer, spec.weights.labelled)
    laws = {
        law: moments(law, shape, labelled, catalogue(spec.invariants))
        for law in testable(shape, labelled, len(chosen))
    }
    found: dict[str, list[Deviations]] = {law: [] for law in laws}
    simulated: dict[str, list[Singles]] = {law: [] for law in laws}
    # Wide matrices of all epochs would be gigabytes: they are read one epoch after another.
    for epoch, ensemble in zip(epochs, read(epochs), strict=True):
        matrices = ensemble.values[chosen].astype(np.float64)
        for law, fitted in laws.items():
            # Seeded by the study and the place alone, so that other conditions change nothing here.
            place = f"significance/{condition}/{layer}/{law}".encode()
            rng = np.random.default_rng([spec.seed, *place, epoch])
            found[law].append(deviations(matrices, fitted))
            simulated[law].append(
                simulated_deviations(
                    fitted.fit(matrices),
                    fitted,
                    len(matrices),
                    rng,
                    n_matrices=spec.n_matrices,
                    n_ensembles=spec.n_ensembles,
                )
            )
    tables = []
    for law, fitted in laws.items():
        all_epochs = joined(found[law])
        family = judge(all_epochs, np.concatenate(simulated[law], axis=1), spec.level)
        tables.append(_family_table(law, fitted, epochs, all_epochs, family))
    return pd.concat(tables, ignore_index=True)


def _family_table(
    law: str, fitted: Moments, epochs: Sequence[int], found: Deviations, family: Family
) -> pd.DataFrame:
    graphs = [common_form(graph) for graph in fitted.graphs]
    low, high = found.interval
    return pd.DataFrame(
        {
            "law": law,
            "epoch": np.repeat(epochs, len(graphs)),
            "invariant": np.tile([graph.name for graph in graphs], len(epochs)),
            "published": np.tile([published_number(graph) for graph in graphs], len(epochs)),
            "degree": np.tile([graph.degree for graph in graphs], len(epochs)),
            "mean": found.mean,
            "prediction": found.prediction,
            "deviation_sd": found.deviation,
            "low": low,
            "high": high,
            "deviation_z": found.deviation / found.error,
            **{field.name: getattr(family, field.name) for field in fields(Family)},
        }
    )
