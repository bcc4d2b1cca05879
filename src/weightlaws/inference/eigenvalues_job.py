"""One job: where the eigenvalues of a condition's square matrices lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weightlaws.inference.condition_spec import ConditionSpec
from weightlaws.inference.eigenvalues import Eigenvalues, eigenvalues
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


#: By layer and epoch.
Found = dict[tuple[str, int], Eigenvalues]


def condition_eigenvalues(paths: Sequence[Path], stored: Spec, condition: str) -> Found:
    """Measure the eigenvalues of the square layers, at the first and the last tested epoch.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.eigenvalues_spec``.
    condition
        Its name.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    spec, found = EigenvaluesSpec.parse(stored), {}
    for layer in spec.layers:
        kept = [epoch for epoch in spec.epochs if epoch in spec.weights.snapshots[layer]]
        epochs = sorted({kept[0], kept[-1]})
        read = read_matrices(paths, spec.weights, spec.members, layer, epochs)
        for epoch, ensemble in zip(epochs, read, strict=True):
            # Seeded by the study and the place alone, so that other conditions change nothing here.
            key = f"eigenvalues/{condition}/{layer}".encode()
            rng = np.random.default_rng([spec.seed, *key, epoch])
            found[layer, epoch] = eigenvalues(ensemble.matrices, spec.bootstrap_replicates, rng)
    return found
