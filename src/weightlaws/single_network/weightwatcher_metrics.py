"""The metrics of a layer that WeightWatcher reports, by its definitions.

All are of lambda, the squares of singular values. A convolution counts as WeightWatcher counts one
in two dimensions: not as one matrix, but as one for each position of its kernel. They are scaled by
1 / sqrt(2), and their singular values pooled. Definitions are those of WeightWatcher 0.7.7 with its
default settings and ``mp_fit=True``. Where it reports -1, for a fit that failed, there is NaN here
with a note.

Sources: Martin and Mahoney, Journal of Machine Learning Research 22 (2021) 165, arXiv:1810.01075;
Clauset, Shalizi and Newman, SIAM Review 51 (2009) 661.
"""

from math import prod

import numpy as np
from scipy import linalg, optimize

from weightlaws.arrays import Floats, Singles

#: In the order of a table's columns.
METRICS = (
    "alpha",
    "stable_rank",
    "matrix_rank",
    "log_norm",
    "log_spectral_norm",
    "entropy",
    "mp_softrank",
)
#: WeightWatcher leaves out layers with fewer values.
FEWEST = 8

# Values up to this one have no part in the fit of a power law, whatever the scale of the layer.
_SMALLEST = 1e-5
# Of fewer values tails are at least `_SHORTEST` long, and the exponent is corrected for bias.
_FEW, _SHORTEST = 20, 8
_EPSILON = 1e-10
# Of the kernel density that the Marchenko-Pastur law is fitted to.
_BANDWIDTH, _POINTS, _BEYOND, _THINNEST, _REFUSED = 0.1, 1000, 0.5, 0.01, 1000.0


def metrics(
    matrix: Floats | Singles, kernel: tuple[int, ...] = (), singular_values: Floats | None = None
) -> tuple[dict[str, float], dict[str, str]]:
    """Measure a layer as WeightWatcher does.

    Parameters
    ----------
    matrix
        (out, in), finite; of a convolution (out, in x kernel), the kernel's axes last.
    kernel
        Its shape; empty for what is no convolution.
    singular_values
        Of the matrix, if they are known. Those of a kernel's parts are not.

    Returns
    -------
    dict
        All of `METRICS` by name, NaN where they are not determined.
    dict
        By name, why.
    """
    n, m, values = _spectrum(matrix, kernel, singular_values)
    found, notes = dict.fromkeys(METRICS, float("nan")), {}
    largest = float(values[-1])
    if not largest > 0:
        return found, dict.fromkeys(METRICS, "all entries are 0")
    total = float(values.sum())
    rank = int(np.count_nonzero(np.sqrt(values) > np.sqrt(largest) * n * np.finfo(float).eps))
    found |= {
        "stable_rank": total / largest,
        "matrix_rank": float(rank),
        "log_norm": float(np.log10(total)),
        "log_spectral_norm": float(np.log10(largest)),
    }
    if rank > 1:
        found["entropy"] = _entropy(values / total, rank)
    else:
        notes["entropy"] = "the rank is 1"
    if len(values) < FEWEST:
        few = f"found {len(values)} singular values, expected at least {FEWEST}"
        return found, notes | dict.fromkeys(("alpha", "mp_softrank"), few)
    found["alpha"] = exponent(values)
    if not np.isfinite(found["alpha"]):
        found["alpha"] = float("nan")
        notes["alpha"] = f"too few different squared singular values above {_SMALLEST:g}"
    found["mp_softrank"], fits = _softrank(values, n / m)
    if not fits:
        notes["mp_softrank"] = "no law fits: the value is where WeightWatcher's search begins"
    return found, notes


def _spectrum(
    matrix: Floats | Singles, kernel: tuple[int, ...], singular_values: Floats | None
) -> tuple[int, int, Floats]:
    """Return the longer and the shorter side of the parts, and the values lambda, ascending."""
    if not kernel:
        known = singular_values
        s = linalg.svdvals(matrix.astype(np.float64)) if known is None else known
        return max(matrix.shape), min(matrix.shape), np.sort(s**2)
    parts = matrix.astype(np.float64).reshape(len(matrix), -1, prod(kernel))
    s = np.linalg.svd(np.moveaxis(parts, -1, 0), compute_uv=False).ravel()
    return max(parts.shape[:2]), min(parts.shape[:2]), np.sort(s**2 / 2)


def _entropy(shares: Floats, rank: int) -> float:
    p = shares + _EPSILON
    return float(-(p * np.log(p)).sum() / np.log(rank + _EPSILON))


def exponent(values: Floats) -> float:
    """Exponent alpha of the power law whose tail is nearest to the values, by maximum likelihood.

    Each value but the largest is tried as the start of the tail; the tail with the least
    Kolmogorov-Smirnov distance to its own fit counts.

    Parameters
    ----------
    values
        In any order; those up to 1e-5 are left out.

    Returns
    -------
    float
        NaN or infinite if there are too few values, or all are equal.
    """
    logs = np.sort(np.log(values[values > _SMALLEST]))
    if len(logs) < 2:
        return float("nan")
    few, n = len(logs) < _FEW, len(logs)
    lengths = np.arange(n, 1, -1)
    excess = np.cumsum(logs[::-1])[::-1][:-1] - lengths * logs[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (lengths - few) / excess
    distances = np.ones(n - 1)
    for k, (length, slope) in enumerate(zip(lengths, slopes, strict=True)):
        if slope > 0 and np.isfinite(slope):
            law = -np.expm1(-slope * (logs[k:] - logs[k]))
            distances[k] = np.abs(law - np.arange(length) / length).max()
    if few:
        distances[lengths < _SHORTEST] = np.inf
    return float(1 + slopes[distances.argmin()])


def _softrank(values: Floats, aspect: float) -> tuple[float, bool]:
    """Upper edge of the Marchenko-Pastur law that is fitted to the values, over the largest.

    The law is fitted to a kernel density, by least squares, without a care for outliers. Of square
    matrices it is a half circle of fixed width, of which the fit moves the height alone.

    Parameters
    ----------
    values
        Ascending.
    aspect
        Longer side over the shorter one.

    Returns
    -------
    float
        NaN if the values are so thinly spread that they have no density.
    bool
        Whether some law lies where the density has its peak.
    """
    scaled = values * len(values) / values.sum()
    largest = float(scaled[-1])
    fitted = np.sqrt(scaled) if aspect == 1 else scaled
    x = np.linspace(0, fitted[-1] + _BEYOND, _POINTS)
    y = _density(x, fitted)
    x, y = x[y > _THINNEST], y[y > _THINNEST]
    if not len(x):
        return float("nan"), False
    peak = x[y.argmax()]
    width = 1 + 1 / np.sqrt(aspect)

    def misfit(parameter: Floats) -> float:
        sigma = float(np.squeeze(parameter))
        lower, upper = (sigma * (2 - width)) ** 2, (sigma * width) ** 2
        with np.errstate(all="ignore"):
            if aspect == 1:
                law = np.sqrt(4 - x**2) / (np.pi * sigma**2)
            elif peak > upper or peak < lower or upper > x[-1]:
                return float(len(x) * _REFUSED**2)
            else:
                law = np.sqrt((upper - x) * (x - lower)) * aspect / (2 * np.pi * sigma**2 * x)
            return float(((np.nan_to_num(law) - y) ** 2).sum())

    unit = np.sqrt(largest) / width
    grid = (slice(0.05 * unit, 2.0 * unit, 0.01 * unit),)
    sigma, least, *_ = optimize.brute(misfit, grid, full_output=True)
    edge = (float(np.squeeze(sigma)) * width) ** 2
    return float(edge / largest), bool(least < len(x) * _REFUSED**2)


def _density(x: Floats, ascending: Floats) -> Floats:
    """Return the kernel density of values at x, with a triangular kernel."""
    sums = np.concatenate([[0.0], np.cumsum(ascending)])
    left, middle, right = (
        np.searchsorted(ascending, x + step) for step in (-_BANDWIDTH, 0.0, _BANDWIDTH)
    )
    below = (middle - left) * (1 - x / _BANDWIDTH) + (sums[middle] - sums[left]) / _BANDWIDTH
    above = (right - middle) * (1 + x / _BANDWIDTH) - (sums[right] - sums[middle]) / _BANDWIDTH
    return np.asarray((below + above) / (_BANDWIDTH * len(ascending)))
