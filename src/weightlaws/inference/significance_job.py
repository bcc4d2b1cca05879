"""One job of testing a condition's fitted laws: from its invariants shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.inference.layer_fit import deviations_in, fit_means
from weightlaws.inference.significance import false_discovery, p_values
from weightlaws.invariants.catalogue import catalogue, published_number
from weightlaws.invariants.graphs import Graph
from weightlaws.laws.pigmm import FITTED
from weightlaws.storage.shard_specs import InvariantsSpec, Spec
from weightlaws.storage.shards import read_invariants


@dataclass(frozen=True)
class SignificanceSpec:
    """Everything that fixes the tests of a condition's fitted laws.

    Attributes
    ----------
    invariants
        The spec of the condition's invariants.
    n_members
        The number of members, diverged ones included.
    seed
        The study's seed.
    epochs
        The headline epochs.
    n_matrices, n_ensembles
        The numbers of simulated matrices and ensembles behind a p-value.
    """

    invariants: InvariantsSpec
    n_members: int
    seed: int
    epochs: tuple[int, ...]
    n_matrices: int
    n_ensembles: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.significance_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            invariants=InvariantsSpec.parse(stored["invariants"]),
            n_members=stored["members"],
            seed=stored["seed"],
            epochs=tuple(stored["epochs"]),
            n_matrices=stored["matrices"],
            n_ensembles=stored["ensembles"],
        )


def significance_table(paths: Sequence[Path], stored: Spec, condition: str) -> pd.DataFrame:
    """Test every square layer of a condition at its headline epochs.

    Parameters
    ----------
    paths
        The condition's invariants shards, in the order of their members.
    stored
        A ``specs.significance_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        One row a layer, ``selection`` of members, epoch and invariant that the law does not fit:
        ``deviation_sd``, ``p`` of `p_values`, and ``q``: ``p`` adjusted by `false_discovery` over
        the epochs and invariants of the layer.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    spec, parts = SignificanceSpec.parse(stored), []
    weights, graphs = spec.invariants.weights, catalogue(spec.invariants.catalogue)
    for layer in spec.invariants.layers:
        size = weights.shapes[layer][0]
        # Seeded by the study and the place alone, so that other conditions change nothing here.
        seed = [spec.seed, *f"significance/{condition}/{layer}".encode()]
        place: dict[str, str | int] = {"condition": condition, "layer": layer, "size": size}
        ensembles = read_invariants(
            paths, spec.invariants, spec.n_members, layer, spec.epochs, len(graphs)
        )
        tests = []
        for epoch, ensemble in zip(spec.epochs, ensembles, strict=True):
            test = partial(_test, graphs=graphs, size=size, epoch=epoch, seed=seed, spec=spec)
            values, dead = ensemble.values, ensemble.dead_output
            tests.append(with_and_without_dead(values, dead, 2, test, **place))
        together = pd.concat(tests, ignore_index=True)
        for _, chosen in together.groupby("selection", sort=False):
            parts.append(chosen.assign(q=false_discovery(chosen["p"].to_numpy())))
    return pd.concat(parts, ignore_index=True)


def _test(
    invariants: Floats,
    graphs: tuple[Graph, ...],
    size: int,
    epoch: int,
    seed: list[int],
    spec: SignificanceSpec,
) -> pd.DataFrame:
    higher = graphs[len(FITTED) :]
    mean, sd = invariants.mean(axis=0), invariants.std(axis=0)
    deviation = deviations_in(fit_means(mean, graphs, size)[1] - mean, sd)
    p = p_values(
        invariants,
        graphs,
        size,
        np.random.default_rng([*seed, epoch]),
        n_matrices=spec.n_matrices,
        n_ensembles=spec.n_ensembles,
    )
    return pd.DataFrame(
        {
            "epoch": epoch,
            "invariant": [graph.name for graph in higher],
            "published": [published_number(graph) for graph in higher],
            "degree": [graph.degree for graph in higher],
            "deviation_sd": deviation[len(FITTED) :],
            "p": p[len(FITTED) :],
        }
    )
