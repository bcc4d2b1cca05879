"""The fits of a condition: made from its invariants shards, stored, and read back."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws import storage
from weightlaws.deviations import GRAPHS, LayerFit, fit_layer, invariants_table, parameters_table
from weightlaws.shards import read_invariants


def fit_condition(paths: Sequence[Path], spec: storage.Spec) -> dict[str, LayerFit]:
    """Fit every layer of a condition, one layer's invariants in memory at a time.

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
    weights = spec["invariants"]["weights"]
    return {
        layer: fit_layer(
            read_invariants(paths, spec["invariants"], spec["members"], layer, len(GRAPHS)),
            weights["shapes"][layer][0],
            weights["initialisation"],
        )
        for layer in weights["layers"]
    }


def store_fits(path: Path, spec: storage.Spec, fits: dict[str, LayerFit]) -> None:
    """Store the fits of a condition, each array under ``{layer}/{name}``."""
    with storage.create(path, "model", spec) as writer:
        for layer, fit in fits.items():
            for name in LayerFit.names():
                writer.add(f"{layer}/{name}", getattr(fit, name))


def read_fits(path: Path, spec: storage.Spec | None = None) -> dict[str, LayerFit]:
    """Read the fits of a condition, checked against the expected spec if given.

    Raises
    ------
    StorageError
        If the file does not hold the fits of that spec.
    """
    with storage.opened(path, "model", spec) as reader:
        weights = reader.spec["invariants"]["weights"]
        # Deviations are NaN where they do not exist; everything else is a number.
        return {
            layer: LayerFit(
                **{
                    name: reader.read(
                        f"{layer}/{name}",
                        np.float64,
                        (len(weights["snapshots"]), None),
                        finite=not name.startswith("deviation"),
                    )
                    for name in LayerFit.names()
                }
            )
            for layer in weights["layers"]
        }


def tables(
    condition: str, spec: storage.Spec, fits: dict[str, LayerFit]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tidy tables of a condition: its invariants, and its parameters."""
    weights = spec["invariants"]["weights"]
    epochs = np.array(weights["snapshots"])
    sizes = {layer: weights["shapes"][layer][0] for layer in fits}
    invariants = [
        invariants_table(condition, layer, sizes[layer], epochs, spec["members"], fit)
        for layer, fit in fits.items()
    ]
    parameters = [
        parameters_table(condition, layer, sizes[layer], epochs, fit) for layer, fit in fits.items()
    ]
    return pd.concat(invariants, ignore_index=True), pd.concat(parameters, ignore_index=True)
