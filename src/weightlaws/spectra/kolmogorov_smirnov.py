"""The distance between the distribution of a sample and a law."""

import numpy as np

from weightlaws.arrays import Floats, Singles


def ks_distance(probabilities: Floats | Singles) -> Floats:
    """Kolmogorov-Smirnov distance, two-sided, of samples to a law.

    SciPy's tests take one sample at a time. They also work out a p-value, which does not hold where
    the law is fitted or the sample correlated.

    Parameters
    ----------
    probabilities
        The law's distribution function at each value of a sample, ascending, (..., n); in single
        precision if these are.

    Returns
    -------
    array
        (...,).
    """
    n = probabilities.shape[-1]
    # The empirical function steps from k / n to (k + 1) / n: the farther end is half a step on.
    middles = ((np.arange(n) + 0.5) / n).astype(probabilities.dtype)
    apart = probabilities - middles
    return np.asarray(np.maximum(apart.max(axis=-1), -apart.min(axis=-1)) + 0.5 / n)
