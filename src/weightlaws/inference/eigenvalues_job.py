"""One job: where the eigenvalues of a condition's square matrices lie, as two tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.inference.condition_spec import ConditionSpec
from weightlaws.inference.dead_outputs import in_front
from weightlaws.inference.eigenvalues import eigenvalues
from weightlaws.inference.layer_tables import place_of
from weightlaws.storage.member_matrices import read_matrices
from weightlaws.storage.shard_specs import Spec


@dataclass(frozen=True)
class EigenvaluesSpec(ConditionSpec):
    """Everything that fixes the eigenvalues of a condition's matrices.

    Attributes
    ----------
    layers
        The square layers.
    bootstrap_replicates
        The number of resampled ensembles.
    """

    layers: Sequence[str]
    bootstrap_replicates: int


def eigenvalues_tables(
    paths: Sequence[Path], stored: Spec, condition: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure the eigenvalues of the square layers, at the first and the last tested epoch.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.eigenvalues_spec``.
    condition
        Its name.

    Returns
    -------
    shares, plane : DataFrame
        Those of `eigenvalues.eigenvalues`, one layer and epoch below the other, after ``condition,
        layer, rows, columns, epoch`` and ``n_members``.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    spec = EigenvaluesSpec.parse(stored)
    tables: tuple[list[pd.DataFrame], list[pd.DataFrame]] = ([], [])
    for layer in spec.layers:
        kept = [epoch for epoch in spec.epochs if epoch in spec.weights.snapshots[layer]]
        epochs = sorted({kept[0], kept[-1]})
        place = place_of(spec.weights, condition, layer)
        read = read_matrices(paths, spec.weights, spec.members, layer, epochs)
        for epoch, ensemble in zip(epochs, read, strict=True):
            # Seeded by the study and the place alone, so that other conditions change nothing here.
            key = f"eigenvalues/{condition}/{layer}".encode()
            rng = np.random.default_rng([spec.seed, *key, epoch])
            found = eigenvalues(ensemble.matrices, spec.bootstrap_replicates, rng)
            n_members = len(ensemble.members)
            for parts, part in zip(tables, found, strict=True):
                parts.append(in_front(part, **place, epoch=epoch, n_members=n_members))
    shares, plane = (pd.concat(parts, ignore_index=True) for parts in tables)
    return shares, plane
