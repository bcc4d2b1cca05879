"""How far a law misses an ensemble's invariants as a whole, with noise taken off.

The miss is the root mean square of the deviations in SD. Noise alone makes their mean square as
large as the mean of their squared standard errors. The mean square scatters as if there were fewer
invariants, as these go together. The jackknife has their covariances.
"""

from dataclasses import dataclass

import numpy as np

from weightlaws.arrays import Floats
from weightlaws.inference.intervals import jackknife_bias
from weightlaws.inference.noncentral import noncentrality


@dataclass(frozen=True)
class MeanSquare:
    """Mean square of deviations in SD, and what noise alone makes.

    Attributes
    ----------
    n_invariants
        Invariants that vary.
    mean_square
        Of their deviations, each with its bias taken off.
    noise
        Mean of their squared standard errors.
    degrees
        Of independent deviations of one error so many would scatter as these do: tr(C)^2 / tr(C^2)
        of their covariance C.

    References
    ----------
    Satterthwaite, F. E. (1946). Biometrics Bulletin 2, 110-114: the number of degrees.
    """

    n_invariants: int
    mean_square: float
    noise: float
    degrees: float


def mean_square(deviation: Floats, without: Floats) -> MeanSquare:
    """Measure the mean square of deviations in SD; it is NaN if none of them varies.

    Parameters
    ----------
    deviation : (invariant,)
        NaN where an invariant does not vary.
    without : (member, invariant)
        The same without each of the members.
    """
    varies = np.isfinite(without).all(axis=0) & np.isfinite(deviation)
    if not varies.any():
        return MeanSquare(0, np.nan, np.nan, np.nan)
    deviation, without = deviation[varies], without[:, varies]
    n, spread = len(without), without - without.mean(axis=0)
    covariance = (n - 1) / n * spread.T @ spread
    trace = float(np.trace(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):  # members that are all alike
        degrees = np.float64(trace) ** 2 / np.square(covariance).sum()
    return MeanSquare(
        n_invariants=int(varies.sum()),
        mean_square=float(np.square(deviation - jackknife_bias(deviation, without)).mean()),
        noise=trace / len(deviation),
        degrees=float(degrees),
    )


def miss(
    square: float, noise: float, degrees: float, *, members: int, tail: float
) -> tuple[float, float, float]:
    """Root mean square deviation in SD without noise, and its interval.

    Parameters
    ----------
    square, noise, degrees
        Of `MeanSquare`.
    members
        Members of the ensemble.
    tail
        Probability beyond each end of the interval.

    Returns
    -------
    three floats
        Value, lower and upper end; NaN if nothing varies. Deviations smaller than noise makes
        them are luck, and the upper end is that of as much noise as is expected.
    """
    if not noise > 0:
        return np.nan, np.nan, np.nan
    ratio, scale = square / noise, noise / degrees
    low, _ = noncentrality(ratio, degrees, members - 1, tail)
    _, high = noncentrality(max(ratio, 1.0), degrees, members - 1, tail)
    return np.sqrt(max(square - noise, 0.0)), np.sqrt(low * scale), np.sqrt(high * scale)
