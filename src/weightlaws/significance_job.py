"""One job of testing a condition's fitted laws: from its invariants shards to a table."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.admissibility import with_and_without_dead
from weightlaws.catalogue import catalogue, published_number
from weightlaws.deviations import deviations_in, fit_means
from weightlaws.graphs import Graph
from weightlaws.pigmm import FITTED
from weightlaws.shards import read_invariants
from weightlaws.significance import false_discovery, p_values
from weightlaws.storage import Spec

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
    weights = spec["invariants"]["weights"]
    graphs = catalogue(spec["invariants"]["invariants"])
    parts = []
    for layer in spec["invariants"]["layers"]:
        ensemble = read_invariants(paths, spec["invariants"], spec["members"], layer, len(graphs))
        size, snapshots = weights["shapes"][layer][0], weights["snapshots"][layer]
        # Seeded by the study and the place alone, so that other conditions change nothing here.
        seed = [spec["seed"], *f"significance/{condition}/{layer}".encode()]
        test = partial(_test, graphs=graphs, size=size, snapshots=snapshots, seed=seed, spec=spec)
        place = {"condition": condition, "layer": layer, "size": size}
        parts.append(with_and_without_dead(ensemble, 2, test, **place))
    return pd.concat(parts, ignore_index=True)


def _test(
    values: Values,
    graphs: tuple[Graph, ...],
    size: int,
    snapshots: list[int],
    seed: list[int],
    spec: Spec,
) -> pd.DataFrame:
    epochs, higher = spec["epochs"], graphs[len(FITTED) :]
    p, deviation = np.empty((2, len(epochs), len(graphs)))
    for k, epoch in enumerate(epochs):
        invariants = values[:, snapshots.index(epoch)]
        mean, sd = invariants.mean(axis=0), invariants.std(axis=0)
        deviation[k] = deviations_in(fit_means(mean, graphs, size)[1] - mean, sd)
        p[k] = p_values(
            invariants,
            graphs,
            size,
            np.random.default_rng([*seed, epoch]),
            n_matrices=spec["matrices"],
            n_ensembles=spec["ensembles"],
        )
    p, deviation = p[:, len(FITTED) :], deviation[:, len(FITTED) :]
    return pd.DataFrame(
        {
            "epoch": np.repeat(epochs, len(higher)),
            "invariant": np.tile([graph.name for graph in higher], len(epochs)),
            "published": np.tile([published_number(graph) for graph in higher], len(epochs)),
            "degree": np.tile([graph.degree for graph in higher], len(epochs)),
            "deviation_sd": deviation.ravel(),
            "p": p.ravel(),
            "q": false_discovery(p).ravel(),
        }
    )
