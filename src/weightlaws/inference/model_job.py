"""The fits of a condition: made from its invariants shards, stored, and read back."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from weightlaws.inference.bootstrap import resampling_weights, restricted
from weightlaws.inference.layer_fit import LayerFit, fit_layer
from weightlaws.invariants.catalogue import catalogue
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import InvariantsSpec, Spec
from weightlaws.storage.shards import read_invariants


def fit_condition(paths: Sequence[Path], spec: Spec) -> dict[str, LayerFit]:
    """Fit every square layer of a condition, one snapshot's invariants in memory at a time.

    Members that diverged are left out. Conditions of one seed and number of members resample the
    same members.

    Parameters
    ----------
    paths
        The condition's invariants shards, in the order of their members.
    spec
        A ``specs.model_spec``.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    invariants, n_members = InvariantsSpec.parse(spec["invariants"]), spec["members"]
    graphs = catalogue(invariants.catalogue)
    rng = np.random.default_rng([spec["seed"], *b"bootstrap"])
    weights = resampling_weights(n_members, spec["bootstrap_replicates"], rng)
    fits = {}
    for layer in invariants.layers:
        epochs = invariants.weights.snapshots[layer]
        read = partial(read_invariants, paths, invariants, n_members, layer)
        # Who diverged is left out at all epochs alike.
        finite = np.isin(np.arange(n_members), read(epochs[0], len(graphs)).members)
        fits[layer] = fit_layer(
            (read(epoch, len(graphs)).values for epoch in epochs),
            graphs,
            invariants.weights.shapes[layer][0],
            invariants.weights.initialisation,
            restricted(weights, finite),
        )
    return fits


def store_fits(path: Path, spec: Spec, fits: dict[str, LayerFit]) -> None:
    """Store the fits of a condition, each array under ``{layer}/{name}``."""
    with hdf5.create(path, "model", spec) as writer:
        for layer, fit in fits.items():
            for name in LayerFit.names():
                writer.add(f"{layer}/{name}", getattr(fit, name))


def read_fits(path: Path, spec: Spec | None = None) -> dict[str, LayerFit]:
    """Read the fits of a condition, checked against the expected spec if given.

    Raises
    ------
    StorageError
        If the file does not hold the fits of that spec.
    """
    with hdf5.opened(path, "model", spec) as reader:
        stored = reader.spec
        snapshots = stored["invariants"]["weights"]["snapshots"]

        def shape(layer: str, name: str) -> tuple[int | None, ...]:
            if name == "replicates":
                return (stored["bootstrap_replicates"], len(snapshots[layer]), 13)
            return (len(snapshots[layer]), None)

        # What does not exist for every invariant is NaN there; everything else is a number.
        partial = ("deviation", "predicted_sd")
        return {
            layer: LayerFit(
                **{
                    name: reader.read(
                        f"{layer}/{name}",
                        np.float64,
                        shape(layer, name),
                        finite=not name.startswith(partial),
                    )
                    for name in LayerFit.names()
                }
            )
            for layer in stored["invariants"]["layers"]
        }
