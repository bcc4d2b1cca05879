"""One job: how the entries of a condition's weights are distributed, from its shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.inference.dead_outputs import in_front
from weightlaws.inference.entries import entry_densities
from weightlaws.inference.layer_tables import place_of
from weightlaws.inference.sided_spec import SidedSpec
from weightlaws.storage.member_matrices import read_matrices
from weightlaws.storage.shard_specs import Spec


@dataclass(frozen=True)
class EntriesSpec(SidedSpec):
    """Everything that fixes the densities of a condition's entries.

    Attributes
    ----------
    bootstrap_replicates
        The number of resampled ensembles.
    """

    bootstrap_replicates: int


def entries_table(paths: Sequence[Path], stored: Spec, condition: str) -> pd.DataFrame:
    """Compare the entries of each layer with those of its laws, at the headline epochs it has.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.entries_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        One row a layer, epoch and bin, with the columns of `entries.entry_densities` after
        ``condition, layer, rows, columns, epoch`` and ``n_members``.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    spec, parts = EntriesSpec.parse(stored), []
    for layer, kept in spec.weights.snapshots.items():
        epochs = [epoch for epoch in spec.epochs if epoch in kept]
        place = place_of(spec.weights, condition, layer)
        labelled = spec.side(layer)
        read = read_matrices(paths, spec.weights, spec.members, layer, epochs)
        for epoch, ensemble in zip(epochs, read, strict=True):
            # Seeded by the study and the place alone, so that other conditions change nothing here.
            key = f"entries/{condition}/{layer}".encode()
            rng = np.random.default_rng([spec.seed, *key, epoch])
            found = entry_densities(ensemble.matrices, labelled, spec.bootstrap_replicates, rng)
            n_members = len(ensemble.members)
            parts.append(in_front(found, **place, epoch=epoch, n_members=n_members))
    return pd.concat(parts, ignore_index=True)
