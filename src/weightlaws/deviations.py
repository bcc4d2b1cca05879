"""From an ensemble's invariants to its fit: parameters, predictions and deviations."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws import wick
from weightlaws.graphs import PUBLISHED, Graph
from weightlaws.networks import INITIAL_LAWS, InitialLaw
from weightlaws.pigmm import FITTED, PIGMM, numbers_from_parameters, parameters_from_moments

Values = npt.NDArray[np.float64]

GRAPHS = tuple(PUBLISHED.values())
# The model fits the first of them, those of degrees 1 and 2, and predicts the others.
_N_FITTED = len(FITTED)


@dataclass(frozen=True)
class LayerFit:
    """The fits of one layer at all its snapshots.

    Attributes
    ----------
    parameters
        The 13 parameters of the diagonal S_D law, (snapshot, 13).
    mean, sd
        Of each invariant over the members, with 1/N, (snapshot, invariant).
    prediction
        The fitted law's exact expectation of each invariant, (snapshot, invariant).
    deviation_start
        Of the fitted invariants from the initial law, in standard errors; NaN for the others.
    deviation_sd
        |prediction - mean| / sd of the invariants that are not fitted; NaN for the others.
    """

    parameters: Values
    mean: Values
    sd: Values
    prediction: Values
    deviation_start: Values
    deviation_sd: Values

    @classmethod
    def names(cls) -> list[str]:
        """Names of the arrays, in order."""
        return [field.name for field in fields(cls)]


def fit_layer(invariants: Values, size: int, initialisation: str) -> LayerFit:
    """Fit the 13-parameter model to one layer's ensemble at every snapshot.

    Parameters
    ----------
    invariants
        The published invariants I1 to I52, (member, snapshot, 52).
    size
        D of the D x D weight matrices.
    initialisation
        A key of ``networks.INITIAL_LAWS``: the law that ``deviation_start`` counts from.
    """
    mean, sd = invariants.mean(axis=0), invariants.std(axis=0)
    parameters = parameters_from_moments(mean[:, :_N_FITTED], size)
    numbers = numbers_from_parameters(parameters, size)
    prediction = wick.expectation(GRAPHS, size, numbers)
    start_mean, start_sd = initial_moments(INITIAL_LAWS[initialisation], size)
    deviation_start = np.full_like(mean, np.nan)
    deviation_start[:, :_N_FITTED] = np.abs(mean[:, :_N_FITTED] - start_mean) / (
        start_sd / np.sqrt(len(invariants))
    )
    deviation_sd = np.full_like(mean, np.nan)
    np.divide(np.abs(prediction - mean), sd, out=deviation_sd, where=sd > 0)
    deviation_sd[:, :_N_FITTED] = np.nan
    return LayerFit(parameters, mean, sd, prediction, deviation_start, deviation_sd)


def initial_moments(law: InitialLaw, size: int) -> tuple[Values, Values]:
    """Exact mean and standard deviation, each (13,), of the fitted invariants before training.

    The entries of a D x D matrix are then independent, of mean 0 and variance v, here that of
    ``law`` over D. The second moment of an invariant is the expectation of its graph beside a copy
    of itself. Wick's theorem gives it for Gaussian entries; an excess kurtosis k of the entries
    adds k v^2 times the sum of the squared coefficients of the W_ij^2 in the invariant.
    """
    variance = law.variance / size
    numbers = numbers_from_parameters(PIGMM.iid(size, variance).parameters, size)
    mean = wick.expectation(FITTED, size, numbers)
    second = wick.expectation(tuple(_beside_itself(graph) for graph in FITTED), size, numbers)
    squares = np.array([_squared_coefficients(graph, size) for graph in FITTED])
    second = second + law.excess_kurtosis * variance**2 * squares
    return mean, np.sqrt(second - mean**2)


def _beside_itself(graph: Graph) -> Graph:
    shift = graph.n_vertices
    return Graph(graph.edges + tuple((i + shift, j + shift) for i, j in graph.edges))


def _squared_coefficients(graph: Graph, size: int) -> int:
    """Sum of the squared coefficients of the W_ij^2 in an invariant of degree at most 2.

    Both factors are W_ii when all vertices are i; both are W_ij, i unlike j, when all row vertices
    are i and all column vertices are j, which no vertex can be that is both.
    """
    if graph.degree < 2:
        return 0
    rows, columns = ({edge[side] for edge in graph.edges} for side in (0, 1))
    return size + (size * (size - 1) if rows.isdisjoint(columns) else 0)


def invariants_table(
    condition: str, layer: str, size: int, epochs: npt.NDArray[np.int64], n: int, fit: LayerFit
) -> pd.DataFrame:
    """One row an epoch and invariant of one layer, tidy; ``n`` is the number of members.

    ``standard_error`` is that of the mean, sd / sqrt(n).
    """
    invariant = np.array(list(PUBLISHED))
    degree = np.array([graph.degree for graph in GRAPHS])
    return pd.DataFrame(
        {
            "condition": condition,
            "layer": layer,
            "size": size,
            "epoch": np.repeat(epochs, len(GRAPHS)),
            "invariant": np.tile(invariant, len(epochs)),
            "degree": np.tile(degree, len(epochs)),
            "mean": fit.mean.ravel(),
            "sd": fit.sd.ravel(),
            "standard_error": fit.sd.ravel() / np.sqrt(n),
            "prediction": fit.prediction.ravel(),
            "deviation_start": fit.deviation_start.ravel(),
            "deviation_sd": fit.deviation_sd.ravel(),
        }
    )


def parameters_table(
    condition: str, layer: str, size: int, epochs: npt.NDArray[np.int64], fit: LayerFit
) -> pd.DataFrame:
    """One row an epoch and parameter f1 to f13 of one layer, tidy."""
    n_parameters = fit.parameters.shape[1]
    return pd.DataFrame(
        {
            "condition": condition,
            "layer": layer,
            "size": size,
            "epoch": np.repeat(epochs, n_parameters),
            "parameter": np.tile([f"f{k + 1}" for k in range(n_parameters)], len(epochs)),
            "value": fit.parameters.ravel(),
        }
    )
