"""One family of tests, judged by its largest statistic: step-down max-T.

If all tests of a family with an adjusted p of at most a are called significant, the chance that any
true hypothesis is among them is at most a, however the tests depend on each other. Unlike bounds
that hold for any dependence, a lone deviation among hundreds of tests can be found.

Source: Westfall, P. H. & Young, S. S. (1993). Resampling-Based Multiple Testing, algorithm 2.8.
"""

import numpy as np

from weightlaws.arrays import Floats


def p_values(observed: Floats, simulated: Floats) -> Floats:
    """Share of simulations whose statistic is at least as large, each test by itself.

    Parameters
    ----------
    observed : (k,)
        Statistics, large ones unusual; NaN is no test, and stays.
    simulated : (n, k)
        The same statistics under the hypothesis.

    Returns
    -------
    (k,)
        With 1 added to numerator and denominator, so at least 1 / (n + 1).
    """
    beyond = 1 + np.count_nonzero(~(simulated < observed), axis=0)
    return np.where(np.isnan(observed), np.nan, beyond / (1 + len(simulated)))


def adjusted_p_values(observed: Floats, simulated: Floats) -> Floats:
    """Adjust the p-values of one family of tests, step by step from the largest statistic down.

    Each test is compared with the largest simulated statistic among the tests that are not larger
    than it. All tests of a family should have statistics of one scale.

    Parameters
    ----------
    observed : (k,)
        Statistics, large ones unusual; NaN is no test, and stays.
    simulated : (n, k)
        The same statistics, simulated together under the hypothesis.

    Returns
    -------
    (k,)
        At least 1 / (n + 1).
    """
    adjusted = np.full(len(observed), np.nan)
    order = np.flatnonzero(~np.isnan(observed))
    order = order[np.argsort(observed[order])]  # ascending
    largest = np.full(len(simulated), -np.inf)
    for k in order:
        # Not fmax: NaN, of a simulated ensemble that does not vary, counts as larger than all.
        largest = np.maximum(largest, simulated[:, k])
        beyond = 1 + np.count_nonzero(~(largest < observed[k]))
        adjusted[k] = beyond / (1 + len(simulated))
    # A smaller statistic is never more significant than a larger one.
    adjusted[order] = np.maximum.accumulate(adjusted[order][::-1])[::-1]
    return adjusted


def critical_value(simulated: Floats, level: float) -> float:
    """Return the value that the largest of the statistics (n, k) exceeds with chance ``level``.

    Raises
    ------
    ValueError
        If there are too few simulations for any statistic to be significant.
    """
    require_simulations(len(simulated), level)
    largest = np.nan_to_num(simulated, nan=np.inf).max(axis=1)
    return float(np.sort(largest)[-int(level * (1 + len(simulated)))])


def require_simulations(n: int, level: float) -> None:
    """Refuse, by a ValueError, so few simulations that nothing could ever be significant."""
    if level * (1 + n) < 1:
        raise ValueError(
            f"found {n} simulations at the level {level:g}, expected at least "
            f"{int(np.ceil(1 / level)) - 1}: no p-value would be below the level, and no deviation "
            "could be found; simulate more, or raise the level"
        )
