"""Intervals for sums of squares that are larger than noise alone, from the noncentral F law."""

import numpy as np
from scipy import optimize, special

# Of larger sums of squares above, the scatter below is all that counts, and SciPy's law is NaN.
_LARGE = 1e6


def noncentrality(f: float, degrees: float, rest: float, tail: float) -> tuple[float, float]:
    """Interval of the noncentrality of an F statistic.

    Parameters
    ----------
    f
        The statistic.
    degrees, rest
        Degrees of freedom above and below; they need not be whole numbers.
    tail
        Probability beyond each end of the interval.

    Returns
    -------
    two floats
        The ends; 0 where noise alone makes as much, and NaN if the statistic is.

    References
    ----------
    Steiger, J. H. (2004). Psychological Methods 9, 164-182.
    """
    if not np.isfinite(f):
        return np.nan, np.nan
    return _end(f, degrees, rest, 1 - tail), _end(f, degrees, rest, tail)


def _end(f: float, degrees: float, rest: float, probability: float) -> float:
    """Return the noncentrality at which the statistic is the quantile of this probability."""
    if f * degrees > _LARGE:
        return float(f * degrees * special.chdtri(rest, probability) / rest)

    # SciPy's own inverse in the noncentrality, ncfdtrinc, stops at 10,000 and is often less exact.
    def excess(value: float) -> float:
        return float(special.ncfdtr(degrees, rest, value, f)) - probability

    if excess(0.0) <= 0:
        return 0.0
    top = f * degrees + 10.0
    while excess(top) > 0:
        top *= 2
    return float(optimize.brentq(excess, 0.0, top))
