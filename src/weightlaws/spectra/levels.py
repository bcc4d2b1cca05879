"""Level statistics of singular values: how a spectrum fluctuates on the scale of its spacings.

Whatever the law of independent entries, singular values s repel each other as the eigenvalues of
the Gaussian orthogonal ensemble (GOE) do; unrelated levels are a Poisson process. Sources:
arXiv:2203.14661; Mehta, Random Matrices, 3rd ed.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import gamma, ndtr, sici

from weightlaws.arrays import Floats
from weightlaws.spectra.brody import require_not_negative
from weightlaws.spectra.kolmogorov_smirnov import ks_distance

# Atas et al., arXiv:1212.5611: GOE of large matrices, and exact of a Poisson process.
GOE_MEAN_RATIO = 0.5307
POISSON_MEAN_RATIO = 2 * np.log(2) - 1

# Ranks to either side that the unfolding averages over, and the fewest levels that it may leave.
WINDOW = 15
MIN_LEVELS = 20

# In mean spacings, up to a third of the window: beyond, unfolding takes too much away.
NUMBER_VARIANCE_LENGTHS = (1.0, 2.0, 3.0, 4.0, 5.0)

# Beyond so many widths a Gaussian kernel's 3e-14 is left out: below 1e-9 for 30 000 levels in all.
_REACH = 7.5

# Kernels at a time: they reach over much the same levels, and a block of them bounds memory.
_BLOCK = 32


def spacing_ratios(levels: npt.ArrayLike) -> Floats:
    """Ratios of each two consecutive spacings, the smaller over the larger.

    Source: Oganesyan and Huse, Phys. Rev. B 75 (2007) 155111; arXiv:1212.5611.

    Parameters
    ----------
    levels : (..., n)
        Levels, ascending; no unfolding is needed.

    Returns
    -------
    (..., max(n - 2, 0))
        Ratios from 0 to 1. Two spacings of 0, of three equal levels, have the ratio 0: levels that
        coincide do not repel, and a spectrum of nothing else has a mean ratio of 0.

    Raises
    ------
    ValueError
        If the levels are not finite or not ascending.
    """
    gaps = np.diff(_ascending(levels), axis=-1)
    larger = np.maximum(gaps[..., :-1], gaps[..., 1:])
    smaller = np.minimum(gaps[..., :-1], gaps[..., 1:])
    return np.divide(smaller, larger, out=np.zeros_like(larger), where=larger > 0)


def mean_ratio(levels: npt.ArrayLike) -> Floats:
    """Mean spacing ratio, 0.5307 of the GOE and 0.3863 of a Poisson process.

    At the edges it differs, at the hard edge of a square matrix by little. Of Gaussian matrices:

    ========= ====== ====== ====== =========== ====== ======= ======
    shape     lowest second third  middle half second highest error
    ========= ====== ====== ====== =========== ====== ======= ======
    10 x 10   0.5283 0.5306 0.5306 0.5304      0.5290 0.5221  0.0004
    30 x 30   0.5273 0.5308 0.5310 0.5308      0.5277 0.5193  0.0005
    30 x 31   0.5303 0.5298 0.5308 0.5306      0.5287 0.5215  0.0008
    30 x 200  0.5233 0.5296 0.5316 0.5310      0.5277 0.5198  0.0008
    128 x 784 0.5202 0.5255 0.5273 0.5316      0.5243 0.5146  0.0033
    300 x 300 0.5222 0.5233 0.5328 0.5313      0.5271 0.5162  0.0033
    ========= ====== ====== ====== =========== ====== ======= ======

    The highest ratios, and the lowest of matrices far from square, are some 0.01 low: `bulk` leaves
    edges out. The mean over a whole matrix is 0.5290 of 10 x 10 and 0.5306 of 128 x 784, from which
    single matrices scatter by 0.107 and 0.027.

    Parameters
    ----------
    levels : (..., n)
        Levels, ascending.

    Returns
    -------
    (...)
        The means; NaN where there are fewer than 3 levels.

    Raises
    ------
    ValueError
        As `spacing_ratios` does.
    """
    ratios = spacing_ratios(levels)
    return np.asarray(ratios.mean(-1) if ratios.shape[-1] else np.full(ratios.shape[:-1], np.nan))


def bulk(levels: Floats) -> Floats:
    """Leave out 2 % of the ranks at either end, none of fewer than 50: (..., n - 2 (n // 50))."""
    edge = levels.shape[-1] // 50
    return levels[..., edge : levels.shape[-1] - edge]


def can_unfold(n: int, window: int = WINDOW) -> bool:
    """Tell whether n levels are enough to unfold, which leaves out 4 windows: see `unfold`."""
    return window > 0 and n - 4 * window >= MIN_LEVELS


def unfold(levels: npt.ArrayLike, window: int = WINDOW) -> Floats:
    r"""Positions of levels in units of the local mean spacing, by Gaussian broadening.

    .. math:: N(s) = \sum_k \Phi((s - s_k) / \sigma_k), \quad
        \sigma_k = (s_{k+w} - s_{k-w}) / 2

    Source: arXiv:2203.14661. A window that runs over an end is cut there, and its
    width scaled to 2w spacings. Where 2w + 1 levels coincide the width is 0 and the kernel a step,
    with one half at the level itself.

    The smoothed staircase follows the fluctuations of the levels themselves on scales of w spacings
    and more. So Gaussian matrices have a Brody parameter of 0.96 instead of 1, and Poisson
    processes one of 0.03 instead of 0.

    Parameters
    ----------
    levels : (..., n)
        Levels, ascending.
    window
        The ranks w to either side.

    Returns
    -------
    (..., n - 4 w)
        Unfolded positions of the ranks 2w to n - 2w - 1, exact to 1e-9. Of Gaussian matrices their
        mean spacing exceeds 1 by some 1 / n to 3 / n.

    Raises
    ------
    ValueError
        If the levels are not finite, not ascending or fewer than 4 w + `MIN_LEVELS`, or w is 0.
    """
    levels = _ascending(levels)
    n = levels.shape[-1]
    if not can_unfold(n, window):
        raise ValueError(
            "expected a window of at least 1 and 4 windows of levels, plus "
            f"{MIN_LEVELS} of them; found a window of {window} and {n} levels"
        )
    ranks = np.arange(n)
    low, high = np.maximum(ranks - window, 0), np.minimum(ranks + window, n - 1)
    widths = (levels[..., high] - levels[..., low]) * (window / (high - low))
    # Too narrow to differ from a step, yet no distance divided by it overflows.
    narrowest = 1e-100 * np.abs(levels).max(-1, keepdims=True)
    widths = np.maximum(widths, np.maximum(narrowest, np.finfo(np.float64).tiny))
    unfolded = np.empty((*levels.shape[:-1], n - 4 * window))
    for index in np.ndindex(levels.shape[:-1]):
        kept = levels[index][2 * window : n - 2 * window]
        unfolded[index] = _staircase(kept, levels[index], widths[index])
    return unfolded


def _staircase(positions: Floats, centres: Floats, widths: Floats) -> Floats:
    """Sum Gaussian distribution functions of all centres (n,) at ascending positions (p,)."""
    total = np.zeros(len(positions))
    first = np.searchsorted(positions, centres - _REACH * widths)
    last = np.searchsorted(positions, centres + _REACH * widths, side="right")
    for start in range(0, len(centres), _BLOCK):
        block = slice(start, start + _BLOCK)
        low, high = first[block].min(), last[block].max()
        distances = (positions[low:high] - centres[block, None]) / widths[block, None]
        total[low:high] += ndtr(distances).sum(0)
        total[high:] += len(distances)
    return total


def spacings(unfolded: npt.ArrayLike) -> Floats:
    """Nearest-neighbour spacings (..., n - 1) of unfolded levels (..., n), in mean spacings.

    They are not scaled to a mean of 1, as unfolding has set the unit. The mean differs from 1 by
    the kernels near the ends. Scaling by it would raise the Brody parameter of 140 spacings of a
    200 x 600 matrix from 0.965 to 0.978, and of 452 spacings from 0.962 to 0.964.
    """
    return np.diff(np.asarray(unfolded, dtype=np.float64), axis=-1)


def number_variance(
    unfolded: npt.ArrayLike, lengths: npt.ArrayLike = NUMBER_VARIANCE_LENGTHS
) -> Floats:
    """Mean square deviation from L of the number of levels in a window of length L.

    The mean is over all positions of windows wholly between the first level and the last.

    It is meaningful up to a third of the unfolding's window, L = 5, since local unfolding takes
    fluctuations over longer scales away: of Gaussian matrices 1 % at L = 2, 4 % at L = 5, 10 % at
    L = 10, 19 % at L = 15. Of Poisson processes, whose long scales fluctuate more, it takes 5 % at
    L = 1, 23 % at L = 5 and 43 % at L = 10.

    Parameters
    ----------
    unfolded : (..., n)
        Unfolded levels, ascending.
    lengths : (l,)
        Window lengths L > 0, in mean spacings.

    Returns
    -------
    (..., l)
        The variances; NaN where no window of that length fits.

    Raises
    ------
    ValueError
        If levels are missing, not finite or not ascending, or a length is not positive.
    """
    unfolded = _ascending(unfolded)
    lengths = require_not_negative(lengths, "window lengths", positive=True)
    n = unfolded.shape[-1]
    if not n:
        raise ValueError("expected at least one level, found none")
    # A window [x, x + L) gains a level as x passes s - L, and loses it as x passes s.
    steps = np.repeat([1.0, -1.0], n)
    variances = np.full((*unfolded.shape[:-1], len(lengths)), np.nan)
    for column, length in enumerate(lengths):
        events = np.concatenate([unfolded - length, unfolded], axis=-1)
        order = events.argsort(-1)
        counts = steps[order].cumsum(-1)[..., :-1]
        inside = np.clip(
            np.take_along_axis(events, order, -1), unfolded[..., :1], unfolded[..., -1:] - length
        )
        squares = (np.square(counts - length) * np.diff(inside, axis=-1)).sum(-1)
        room = unfolded[..., -1] - unfolded[..., 0] - length
        np.divide(squares, room, out=variances[..., column], where=room > 0)
    return variances


def goe_number_variance(lengths: npt.ArrayLike) -> Floats:
    """Exact number variance of the GOE. A Poisson process has the number variance L.

    Source: Mehta, Random Matrices, 3rd ed., chapter 16.

    Parameters
    ----------
    lengths : (...)
        Window lengths L > 0, in mean spacings.

    Returns
    -------
    (...)
        The variances.

    Raises
    ------
    ValueError
        If a length is not positive.
    """
    lengths = require_not_negative(lengths, "window lengths", positive=True)
    x = np.pi * lengths
    (half, _), (sine, cosine) = sici(x), sici(2 * x)
    unitary = (np.log(2 * x) + np.euler_gamma + 1 - np.cos(2 * x) - cosine) / np.pi**2
    unitary += lengths * (1 - 2 / np.pi * sine)
    return np.asarray(2 * unitary + (half / np.pi) ** 2 - half / np.pi)


def wigner_surmise(s: npt.ArrayLike) -> Floats:
    """Density of spacings s, in mean spacings, of GOE matrices 2 x 2; of larger ones nearly so."""
    s = np.asarray(s, dtype=np.float64)
    rate = gamma(1.5) ** 2  # pi / 4
    return np.asarray(2 * rate * s * np.exp(-rate * s**2))


def poisson_spacing(s: npt.ArrayLike) -> Floats:
    """Density of spacings s, in mean spacings, of a Poisson process."""
    return np.asarray(np.exp(-np.asarray(s, dtype=np.float64)))


def spacing_distance(spacings: npt.ArrayLike) -> Floats:
    """Kolmogorov-Smirnov distances (...) of spacings (..., n) from Wigner's surmise.

    Raises
    ------
    ValueError
        As `brody` does.
    """
    spacings = np.sort(require_not_negative(spacings, "spacings"), axis=-1)
    return ks_distance(-np.expm1(-np.pi / 4 * np.square(spacings)))


def _ascending(levels: npt.ArrayLike) -> Floats:
    levels = np.asarray(levels, dtype=np.float64)
    if levels.ndim == 0 or not np.isfinite(levels).all() or (np.diff(levels, axis=-1) < 0).any():
        raise ValueError(
            "expected finite levels, ascending along the last axis; found shape "
            f"{levels.shape}, {np.sum(~np.isfinite(levels))} that are not finite"
        )
    return levels
