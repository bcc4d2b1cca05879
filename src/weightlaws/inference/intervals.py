"""Intervals for any statistic of an ensemble, from its values without one member each.

The jackknife gives bias and standard error, and Student's t with one degree of freedom fewer than
members the width. A variance is taken on the scale of its logarithm: there its estimates are nearly
symmetric, while about itself they are skewed, and intervals from few members lie too low.
"""

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from weightlaws.arrays import Bools, Floats


def leave_one_out(values: Floats) -> Floats:
    """Averages without one member each, (member, ...), of values (member, ...) of two or more."""
    n = len(values)
    centre = values.mean(axis=0)
    return np.asarray(centre - (values - centre) / (n - 1))


def jackknife_bias(estimate: npt.ArrayLike, left_out: Floats) -> Floats:
    """Bias (...) of a statistic, to the order of 1 over the number of members.

    Parameters
    ----------
    estimate : (...)
        The statistic of the whole ensemble.
    left_out : (member, ...)
        The statistic without one member each.

    References
    ----------
    Quenouille, M. H. (1956). Biometrika 43, 353-360.
    """
    return np.asarray((len(left_out) - 1) * (left_out - np.asarray(estimate)).mean(axis=0))


def jackknife_error(left_out: Floats) -> Floats:
    """Standard error (...) of a statistic, from its values (member, ...) without one member each.

    Raises
    ------
    ValueError
        If there are fewer than two members.

    References
    ----------
    Tukey, J. W. (1958). Annals of Mathematical Statistics 29, 614 (abstract).
    """
    n = len(left_out)
    if n < 2:
        raise ValueError(f"expected two or more members to leave one out of, found {n}")
    spread = left_out - left_out.mean(axis=0)
    return np.asarray(np.sqrt((n - 1) / n * np.square(spread).sum(axis=0)))


def mean_and_error(values: Floats) -> tuple[float, float]:
    """Mean of the values (member,), and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def student_quantile(n_members: npt.ArrayLike, level: float = 0.95, together: int = 1) -> Floats:
    """Standard errors from the centre of an interval to its end (...), for members (...).

    Parameters
    ----------
    n_members
        Student's t has one degree of freedom fewer.
    level
        Share of intervals that are to hold the true value.
    together
        So many intervals all hold theirs with a chance of `level` or more (Bonferroni).
    """
    tail = (1 - level) / 2 / together
    return np.asarray(-special.stdtrit(np.asarray(n_members) - 1, tail))


def student_interval(
    centre: npt.ArrayLike,
    error: npt.ArrayLike,
    n_members: npt.ArrayLike,
    level: float = 0.95,
    together: int = 1,
) -> tuple[Floats, Floats]:
    """Ends (...) of intervals of Student's t; see `student_quantile`."""
    half = student_quantile(n_members, level, together) * np.asarray(error)
    return np.asarray(centre - half), np.asarray(centre + half)


def wilson_interval(
    successes: int, n: int, level: float = 0.95, together: int = 1
) -> tuple[float, float]:
    """Ends of the interval of a share, one of several that hold together.

    References
    ----------
    Wilson, E. B. (1927). Journal of the American Statistical Association 22, 209-212.
    """
    found = stats.binomtest(successes, n).proportion_ci(1 - (1 - level) / together, "wilson")
    return float(found.low), float(found.high)


def jackknife_interval(
    estimate: npt.ArrayLike,
    left_out: Floats,
    log: bool | Bools = False,
    level: float = 0.95,
) -> tuple[Floats, Floats]:
    """Confidence intervals of statistics, each with its bias taken off.

    Parameters
    ----------
    estimate : (...)
        The statistics of the whole ensemble.
    left_out : (member, ...)
        The statistics without one member each, of two or more; `leave_one_out` makes averages.
    log : (...)
        Which are positive by nature, such as variances, and are taken on the scale of their
        logarithm. Such an interval is NaN where a value is not above 0.
    level
        Share of the intervals that are to hold the true value.

    Returns
    -------
    two arrays (...)
        The lower and the upper ends.

    Raises
    ------
    ValueError
        If there are fewer than two members.

    References
    ----------
    Logarithms of variances: Miller, R. G. (1974). The jackknife: a review. Biometrika 61, 1-15.

    Examples
    --------
    For a mean it is the usual interval of Student's t:

    >>> values = np.array([1.0, 2.0, 3.0, 6.0])
    >>> low, high = jackknife_interval(values.mean(), leave_one_out(values))
    >>> print(f"{low:.3f} to {high:.3f}")
    -0.437 to 6.437
    """
    estimate, left_out = _scaled(np.asarray(estimate), log), _scaled(left_out, log)
    error = jackknife_error(left_out)
    centre = estimate - jackknife_bias(estimate, left_out)
    low, high = student_interval(centre, error, len(left_out), level)
    return _unscaled(low, log), _unscaled(high, log)


def _scaled(values: Floats, log: bool | Bools) -> Floats:
    """Take logarithms where asked; NaN stands for that of what is not positive."""
    positive = np.where(np.logical_and(log, values > 0), values, np.nan)
    return np.where(log, np.log(positive), values)


def _unscaled(values: Floats, log: bool | Bools) -> Floats:
    with np.errstate(over="ignore"):  # two or three members can say as little as "below infinity"
        return np.where(log, np.exp(np.where(log, values, 0)), values)
