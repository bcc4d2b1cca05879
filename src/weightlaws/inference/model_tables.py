"""The tidy tables of a condition's fits."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from weightlaws.inference.admissibility import blocks_table
from weightlaws.inference.layer_fit import Fits, LayerFit, scatter_intervals
from weightlaws.inference.stored_fits import ModelSpec
from weightlaws.invariants.catalogue import catalogue, published_number

_PER_INVARIANT = (
    "mean",
    "mean_standard_error",
    "sd",
    "predicted_sd",
    "prediction",
    "prediction_standard_error",
    "deviation_start",
    "deviation_sd",
    "deviation_sd_standard_error",
    "deviation_z",
)


def fits_table(condition: str, spec: ModelSpec, fits: Fits) -> pd.DataFrame:
    """One row a layer, epoch and invariant; `LayerFit` describes the columns."""
    graphs = catalogue(spec.invariants.catalogue)

    def table(fit: LayerFit, size: int, epochs: Sequence[int]) -> pd.DataFrame:
        repeats = len(epochs)
        return pd.DataFrame(
            {
                "size": size,
                "epoch": np.repeat(epochs, len(graphs)),
                "invariant": np.tile([graph.name for graph in graphs], repeats),
                "published": np.tile([published_number(graph) for graph in graphs], repeats),
                "degree": np.tile([graph.degree for graph in graphs], repeats),
                **{name: getattr(fit, name).ravel() for name in _PER_INVARIANT},
            }
        )

    return _by_layer(condition, spec, fits, table)


def parameters_table(condition: str, spec: ModelSpec, fits: Fits) -> pd.DataFrame:
    """One row a layer, epoch and parameter f1 to f13, with its standard error and 95 % interval."""

    def table(fit: LayerFit, size: int, epochs: Sequence[int]) -> pd.DataFrame:
        n_parameters = fit.parameters.shape[1]
        return pd.DataFrame(
            {
                "size": size,
                "epoch": np.repeat(epochs, n_parameters),
                "parameter": np.tile([f"f{k + 1}" for k in range(n_parameters)], len(epochs)),
                "value": fit.parameters.ravel(),
                "standard_error": fit.parameters_standard_error.ravel(),
                "low": fit.parameters_low.ravel(),
                "high": fit.parameters_high.ravel(),
            }
        )

    return _by_layer(condition, spec, fits, table)


def typicality_table(fitted: pd.DataFrame, spec: ModelSpec, fits: Fits) -> pd.DataFrame:
    """One row a layer, epoch and fitted invariant: how much members scatter about its mean.

    Made of the table of `fits_table` for these fits. ``sd`` is the observed standard deviation over
    members, ``predicted_sd`` the fitted law's, ``ratio`` the first over the second, and ``low`` and
    ``high`` its 95 % interval; see `scatter_intervals`.
    """
    place = ["condition", "layer", "size", "epoch", "invariant", "published", "degree"]
    table = fitted.loc[fitted["degree"] <= 2, [*place, "sd", "predicted_sd"]]
    ends = [scatter_intervals(fit.statistics, spec.size(layer)) for layer, fit in fits.items()]
    low, high = (
        np.concatenate([each.ravel() for each in side]) for side in zip(*ends, strict=True)
    )
    return table.assign(ratio=table["sd"] / table["predicted_sd"], low=low, high=high)


def admissibility_table(condition: str, spec: ModelSpec, fits: Fits) -> pd.DataFrame:
    """One row a layer, epoch and covariance block of the fitted law; see `blocks_table`."""

    def table(fit: LayerFit, size: int, epochs: Sequence[int]) -> pd.DataFrame:
        return blocks_table(fit.parameters, size, epochs, spec.n_members)

    return _by_layer(condition, spec, fits, table)


def _by_layer(
    condition: str,
    spec: ModelSpec,
    fits: Fits,
    table: Callable[[LayerFit, int, Sequence[int]], pd.DataFrame],
) -> pd.DataFrame:
    parts = []
    for layer, fit in fits.items():
        part = table(fit, spec.size(layer), spec.epochs(layer))
        part.insert(0, "condition", condition)
        part.insert(1, "layer", layer)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
