r"""Samples whose density ends at an edge, for which score matching is wrong.

Score matching integrates by parts. The term at the boundary vanishes only if the density does: of a
uniform law it does not, and couplings would come out wrong without a sign of it. So a sample that
shows an edge is refused.

The test looks at the excesses x of the k largest absolute entries over the next one. Of a density
that jumps to 0 they are uniform, E[x^2] / E[x]^2 = 4/3; of one that falls to 0 linearly it is 3/2;
of an exponential tail 2, and of a normal or quartic one in between. The hypothesis is 3/2, the
least that allows to integrate by parts; below, an edge is shown.

The statistic: Neves, C. & Fraga Alves, M. I. (2007). Semi-parametric approach to the Hasofer-Wang
and Greenwood statistics in extremes. Test 16.
"""

import numpy as np
from scipy.stats import norm

from weightlaws.arrays import Floats

#: Initial laws that have an edge by definition, whatever a sample shows.
EDGED = frozenset({"uniform", "xavier"})

#: The chance that a sample whose density falls to 0 linearly is refused.
LEVEL = 1e-3

# The share of the entries that are looked at, and how many at most.
_SHARE, _MOST = 0.05, 1000

# Variance of the statistic times k under the hypothesis: excesses of density 2 (1 - x), with
# E[x^r] = 2 / ((r + 1) (r + 2)), by the delta method.
_VARIANCE = 0.45


def edge_p_value(matrices: Floats) -> float:
    """Return how likely a density without an edge shows so even excesses at the largest entries.

    Parameters
    ----------
    matrices : (n, rows, columns)
        Entries count as independent.

    Returns
    -------
    float
        NaN if there are too few entries, below 200, or the largest ones are equal.
    """
    entries = np.abs(matrices).ravel()
    k = min(_MOST, int(_SHARE * entries.size))
    if k < 10:
        return float("nan")
    largest = np.partition(entries, entries.size - k - 1)[-k - 1 :]
    excesses = largest[1:] - largest[0]
    if not excesses.any():
        return float("nan")
    ratio = np.square(excesses).mean() / excesses.mean() ** 2
    return float(norm.cdf((ratio - 1.5) * np.sqrt(k / _VARIANCE)))


def hard_edge(matrices: Floats, initial_law: str = "", epoch: int | None = None) -> str:
    """Say why score matching is wrong for a sample, or nothing if it is not.

    Parameters
    ----------
    matrices : (n, rows, columns)
        The sample.
    initial_law
        The law that networks started from, if it is known.
    epoch
        The epoch of the sample, if it is known.

    Returns
    -------
    str
        Empty if no edge is known or shown.
    """
    if epoch == 0 and initial_law in EDGED:
        return f"the {initial_law} start has a hard edge"
    p = edge_p_value(matrices)
    if p < LEVEL:
        return f"the largest entries lie as evenly as before a hard edge (p = {p:.1g})"
    return ""
