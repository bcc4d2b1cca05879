"""One job of testing a condition's fitted laws: from its invariants shards to a table."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.inference.admissibility import with_and_without_dead
from weightlaws.inference.layer_fit import deviations_in, fit_means
from weightlaws.inference.significance import false_discovery, p_values
from weightlaws.invariants.catalogue import catalogue, published_number
from weightlaws.invariants.graphs import Graph
from weightlaws.laws.pigmm import FITTED
from weightlaws.storage.shard_specs import InvariantsSpec, Spec
from weightlaws.storage.shards import read_invariants

Values = npt.NDArray[np.float64]


def significance_table(paths: Sequence[Path], spec: Spec, condition: str) -> pd.DataFrame:
    """Test every square layer of a condition at its headline epochs.

    Parameters
    ----------
    paths
        The condition's invariants shards, in the order of their members.
    spec
        A ``specs.significance_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        One row a layer, choice of ``members``, epoch and invariant that the law does not fit:
        ``deviation_sd``, ``p`` of `p_values`, and ``q``, which is ``p`` adjusted by
        `false_discovery` over the epochs and invariants of the layer.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    invariants, parts = InvariantsSpec.parse(spec["invariants"]), []
    graphs = catalogue(invariants.catalogue)
    for layer in invariants.layers:
        size = invariants.weights.shapes[layer][0]
        # Seeded by the study and the place alone, so that other conditions change nothing here.
        seed = [spec["seed"], *f"significance/{condition}/{layer}".encode()]
        place: dict[str, str | int] = {"condition": condition, "layer": layer, "size": size}
        tests = []
        for epoch in spec["epochs"]:
            ensemble = read_invariants(
                paths, invariants, spec["members"], layer, epoch, len(graphs)
            )
            test = partial(_test, graphs=graphs, size=size, epoch=epoch, seed=seed, spec=spec)
            tests.append(with_and_without_dead(ensemble, 2, test, **place))
        together = pd.concat(tests, ignore_index=True)
        for _, chosen in together.groupby("members", sort=False):
            parts.append(chosen.assign(q=false_discovery(chosen["p"].to_numpy())))
    return pd.concat(parts, ignore_index=True)


def _test(
    invariants: Values,
    graphs: tuple[Graph, ...],
    size: int,
    epoch: int,
    seed: list[int],
    spec: Spec,
) -> pd.DataFrame:
    higher = graphs[len(FITTED) :]
    mean, sd = invariants.mean(axis=0), invariants.std(axis=0)
    deviation = deviations_in(fit_means(mean, graphs, size)[1] - mean, sd)
    p = p_values(
        invariants,
        graphs,
        size,
        np.random.default_rng([*seed, epoch]),
        n_matrices=spec["matrices"],
        n_ensembles=spec["ensembles"],
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
