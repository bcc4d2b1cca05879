"""The fits of a condition as its model file holds them, and the spec that fixes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from weightlaws.inference.layer_fit import Fits, LayerFit
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import InvariantsSpec, Spec


@dataclass(frozen=True)
class ModelSpec:
    """Everything that fixes the fits of a condition.

    Attributes
    ----------
    stored
        The plain dict, by which files are compared.
    invariants
        The spec of the condition's invariants.
    n_members
        The number of members, diverged ones included.
    seed
        The study's seed.
    bootstrap_replicates
        The number of resampled ensembles.
    """

    stored: Spec
    invariants: InvariantsSpec
    n_members: int
    seed: int
    bootstrap_replicates: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.model_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            stored=stored,
            invariants=InvariantsSpec.parse(stored["invariants"]),
            n_members=stored["members"],
            seed=stored["seed"],
            bootstrap_replicates=stored["bootstrap_replicates"],
        )

    def epochs(self, layer: str) -> tuple[int, ...]:
        """Return the epochs of a layer's fits."""
        return self.invariants.weights.snapshots[layer]

    def size(self, layer: str) -> int:
        """Return D of a layer's D x D matrices."""
        return self.invariants.weights.shapes[layer][0]


def store_fits(path: Path, spec: ModelSpec, fits: Mapping[str, LayerFit]) -> None:
    """Store the fits of a condition, each array under ``{layer}/{name}``."""
    with hdf5.create(path, "model", spec.stored) as writer:
        for layer, fit in fits.items():
            for name in LayerFit.names():
                writer.add(f"{layer}/{name}", getattr(fit, name))


def read_fits(path: Path, spec: Spec | None = None) -> Fits:
    """Read the fits of a condition, checked against the expected spec if given.

    Raises
    ------
    StorageError
        If the file does not hold the fits of that spec.
    """
    with hdf5.opened(path, "model", spec) as reader:
        stored = ModelSpec.parse(reader.spec)
        return {layer: _read_fit(reader, stored, layer) for layer in stored.invariants.layers}


def _read_fit(reader: hdf5.Reader, spec: ModelSpec, layer: str) -> LayerFit:
    n_snapshots = len(spec.epochs(layer))
    members = reader.read(f"{layer}/members", np.int64, (None,))
    shapes = {"statistics": (len(members), n_snapshots, 13)}
    # Some do not exist for every invariant or parameter, and are NaN there. All else is a number.
    with_gaps = ("deviation", "predicted_sd", "parameters_low", "parameters_high")
    arrays = {
        name: reader.read(
            f"{layer}/{name}",
            np.float64,
            shapes.get(name, (n_snapshots, None)),
            finite=not name.startswith(with_gaps),
        )
        for name in LayerFit.names()
        if name != "members"
    }
    return LayerFit(members=members, **arrays)
