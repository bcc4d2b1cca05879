"""From an ensemble's invariants to its fit: parameters, predictions and deviations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from weightlaws.arrays import Floats, Integers
from weightlaws.inference.bootstrap import resampled_moments
from weightlaws.inference.intervals import jackknife_interval, leave_one_out
from weightlaws.invariants.graphs import Graph
from weightlaws.laws import wick
from weightlaws.laws.pigmm import (
    FITTED,
    PIGMM,
    VARIANCES,
    numbers_from_parameters,
    parameters_from_moments,
)
from weightlaws.laws.typicality import predicted_sd
from weightlaws.training.initial_law import InitialLaw

# The law fits the first invariants, of degrees 1 and 2, and predicts the others.
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
    mean_standard_error
        sd / sqrt(N), (snapshot, invariant).
    predicted_sd
        The exact ``sd`` of the fitted invariants under the fitted law; NaN for the others.
    prediction
        The fitted law's exact expectation of each invariant, (snapshot, invariant).
    deviation_start
        Of the fitted invariants from the initial law, in standard errors. Where that is not known,
        from the first snapshot: the change of the members' mean, in standard errors of the mean of
        the members' changes, NaN at the first snapshot itself. NaN for the other invariants.
    deviation_sd
        |prediction - mean| / sd of the invariants that are not fitted; NaN for the others.
    deviation_z
        |prediction - mean| over the standard error of that difference; NaN as ``deviation_sd``.
    members
        Numbers of the members, (member,).
    statistics
        Values of the fitted invariants, (member, snapshot, 13): all that a fit of some of the
        members needs.
    parameters_low, parameters_high
        The parameters' 95 % intervals, (snapshot, 13), as `parameter_intervals` makes them.
    parameters_standard_error, prediction_standard_error, deviation_sd_standard_error
        Bootstrap standard errors over members, in the shapes of their quantities.
    """

    parameters: Floats
    mean: Floats
    sd: Floats
    mean_standard_error: Floats
    predicted_sd: Floats
    prediction: Floats
    deviation_start: Floats
    deviation_sd: Floats
    deviation_z: Floats
    members: Integers
    statistics: Floats
    parameters_low: Floats
    parameters_high: Floats
    parameters_standard_error: Floats
    prediction_standard_error: Floats
    deviation_sd_standard_error: Floats

    @classmethod
    def names(cls) -> list[str]:
        """Names of the arrays, in order."""
        return [field.name for field in fields(cls)]


#: The fits of a condition, by layer.
Fits = dict[str, LayerFit]


def fit_layer(
    snapshots: Iterable[Floats],
    graphs: Sequence[Graph],
    size: int,
    start: InitialLaw | None,
    weights: Floats,
    members: Integers | None = None,
) -> LayerFit:
    """Fit the 13-parameter model to one layer's ensemble at every snapshot.

    Parameters
    ----------
    snapshots
        For each of them the values of the graphs, (member, invariant); the law fits the first 13.
        They are taken one after another, and need not be in memory together.
    size
        D of the D x D weight matrices.
    start
        The initial law, of independent entries, that ``deviation_start`` counts from. None if it is
        not known, or its entries depend on each other: it then counts from the first snapshot.
    weights
        The draw of `bootstrap.resampling_weights` for these members, (replicate, member).
    members
        Numbers of the members, (member,); from 0 on if not given.
    """
    graphs = tuple(graphs)
    means, sds, resampled, statistics = [], [], [], []
    for invariants in snapshots:
        means.append(invariants.mean(axis=0))
        sds.append(invariants.std(axis=0))
        resampled.append(_resampled(weights, invariants, graphs, size))
        statistics.append(invariants[:, :_N_FITTED])
    mean, sd = np.array(means), np.array(sds)
    parameters_error, prediction_error, deviation_error, difference_error = map(
        np.array, zip(*resampled, strict=True)
    )
    parameters, prediction = fit_means(mean, graphs, size)
    n_members, of_members = weights.shape[1], np.stack(statistics, axis=1)
    low, high = parameter_intervals(of_members, size)
    return LayerFit(
        parameters=parameters,
        mean=mean,
        sd=sd,
        mean_standard_error=sd / np.sqrt(n_members),
        predicted_sd=_padded(predicted_sd(parameters, size), len(graphs)),
        prediction=prediction,
        deviation_start=_padded(
            _change(of_members) if start is None else _from_law(mean, n_members, size, start),
            len(graphs),
        ),
        deviation_sd=deviations_in(prediction - mean, sd),
        deviation_z=deviations_in(prediction - mean, difference_error),
        members=np.arange(n_members) if members is None else members,
        statistics=of_members,
        parameters_low=low,
        parameters_high=high,
        parameters_standard_error=parameters_error,
        prediction_standard_error=prediction_error,
        deviation_sd_standard_error=deviation_error,
    )


def parameter_intervals(statistics: Floats, size: int) -> tuple[Floats, Floats]:
    """Make 95 % intervals of f1 to f13, by the jackknife; variances on a scale of logarithms.

    By simulation (``benchmarks/intervals.py``: 10 x 10 matrices of a trained layer's law, and
    independent entries of Student's t with 5 degrees of freedom) they hold each parameter in 93.5 %
    of cases or more at 20 members, and at 100.

    Parameters
    ----------
    statistics : (member, ..., 13)
        Values of `pigmm.FITTED`, of two or more members.
    size
        The matrices' size D > 3.

    Returns
    -------
    two arrays (..., 13)
        The lower and the upper ends; NaN for a variance that is 0 with one member left out.
    """
    fit = parameters_from_moments(statistics.mean(axis=0), size)
    left_out = parameters_from_moments(leave_one_out(statistics), size)
    return jackknife_interval(fit, left_out, log=VARIANCES)


def scatter_intervals(statistics: Floats, size: int) -> tuple[Floats, Floats]:
    """Make 95 % intervals of the scatter of members over what their fitted law predicts.

    By the jackknife, on a scale of logarithms, as for variances: each member left out changes the
    standard deviation and the law.

    Parameters
    ----------
    statistics : (member, snapshot, 13)
        Values of `pigmm.FITTED`, of three or more members.
    size
        The matrices' size D > 3.

    Returns
    -------
    two arrays (snapshot, 13)
        The lower and the upper ends.
    """
    ends = [_scatter_interval(snapshot, size) for snapshot in statistics.swapaxes(0, 1)]
    low, high = (np.array(side) for side in zip(*ends, strict=True))
    return low, high


def _scatter_interval(statistics: Floats, size: int) -> tuple[Floats, Floats]:
    """Make the intervals (13) of one snapshot's statistics (member, 13)."""
    centre = statistics.mean(axis=0)
    squares = np.square(statistics - centre)
    means = leave_one_out(statistics)
    # About the mean of all members, and then about that of the members left.
    variances = leave_one_out(squares) - np.square(means - centre)
    predicted = predicted_sd(parameters_from_moments(means, size), size)
    whole = predicted_sd(parameters_from_moments(centre, size), size)
    with np.errstate(divide="ignore", invalid="ignore"):  # members that are all the same
        ratio = np.sqrt(squares.mean(axis=0)) / whole
        left_out = np.sqrt(variances.clip(min=0)) / predicted
        return jackknife_interval(ratio, left_out, log=True)


def _resampled(
    weights: Floats, invariants: Floats, graphs: tuple[Graph, ...], size: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Fit resampled ensembles.

    Returns
    -------
    four arrays
        Standard errors of the parameters, the predictions, the deviations in SD, and the
        differences of predictions and means.
    """
    mean, sd = resampled_moments(weights, invariants)
    parameters, prediction = fit_means(mean, graphs, size)
    difference = prediction - mean
    return (
        parameters.std(axis=0),
        prediction.std(axis=0),
        deviations_in(difference, sd).std(axis=0),
        difference.std(axis=0),
    )


def fit_means(mean: Floats, graphs: tuple[Graph, ...], size: int) -> tuple[Floats, Floats]:
    """Fit laws to the averages (..., invariant) of ensembles, and predict the averages.

    Returns
    -------
    two arrays
        The parameters (..., 13), and the predictions (..., invariant). The first 13 predictions are
        the averages themselves.
    """
    parameters = parameters_from_moments(mean[..., :_N_FITTED], size)
    return parameters, wick.expectation(graphs, size, numbers_from_parameters(parameters, size))


def deviations_in(difference: Floats, unit: Floats) -> Floats:
    """Return |difference| / unit (..., invariant); NaN if the law fits it, or the unit is 0."""
    deviation = np.full_like(difference, np.nan)
    np.divide(np.abs(difference), unit, out=deviation, where=unit > 0)
    deviation[..., :_N_FITTED] = np.nan
    return deviation


def _from_law(mean: Floats, n_members: int, size: int, start: InitialLaw) -> Floats:
    """Return the distance (snapshot, 13) of means from the initial law, in standard errors."""
    start_mean, start_sd = initial_moments(start, size)
    distance = np.abs(mean[:, :_N_FITTED] - start_mean)
    return np.asarray(distance / (start_sd / np.sqrt(n_members)))


def _change(of_members: Floats) -> Floats:
    """Return the change (snapshot, 13) of values (member, snapshot, 13) since the first snapshot.

    In standard errors of paired differences; NaN where all members change alike, as at the first.
    """
    change = of_members - of_members[:, :1]
    standard_error = change.std(axis=0, ddof=1) / np.sqrt(len(change))
    scores = np.full_like(standard_error, np.nan)
    np.divide(np.abs(change.mean(axis=0)), standard_error, out=scores, where=standard_error > 0)
    return np.asarray(scores)


def _padded(values: Floats, n_invariants: int) -> Floats:
    """Add NaN for the invariants that are not fitted."""
    missing = n_invariants - values.shape[-1]
    return np.pad(values, [(0, 0), (0, missing)], constant_values=np.nan)


def initial_moments(law: InitialLaw, size: int) -> tuple[Floats, Floats]:
    """Exact mean and standard deviation, each (13,), of the fitted invariants before training.

    The entries of a D x D matrix are then independent, with mean 0 and the variance v of
    ``law``. An excess kurtosis k of the entries adds to the variance of an invariant:
    k v^2 times the sum of the squared coefficients of the W_ij^2 in the invariant.
    """
    variance = law.variance((size, size))
    gaussian = PIGMM.iid(size, variance)
    squares = np.array([_squared_coefficients(graph, size) for graph in FITTED])
    added = law.excess_kurtosis * variance**2 * squares
    sd = np.sqrt(predicted_sd(gaussian.parameters, size) ** 2 + added)
    return gaussian.expectation(FITTED), sd


def _squared_coefficients(graph: Graph, size: int) -> int:
    """Sum of the squared coefficients of the W_ij^2 in an invariant of degree at most 2.

    Both factors are W_ii when all vertices are i. Both are W_ij, i unlike j, when all row vertices
    are i and all column vertices are j; then no vertex may be both.
    """
    if graph.degree < 2:
        return 0
    rows, columns = ({edge[side] for edge in graph.edges} for side in (0, 1))
    return size + (size * (size - 1) if rows.isdisjoint(columns) else 0)
