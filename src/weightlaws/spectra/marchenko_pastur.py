"""The law of a random matrix's singular values, fitted to the bulk of a trained matrix.

Singular values of an n x m matrix, n <= m, of independent entries of variance sigma^2 follow the
law of Marchenko and Pastur (1967), written for singular values, not their squares: the quarter of
a circle where n = m. Source of its use on weight matrices: arXiv:2203.14661.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import optimize, special

from weightlaws.arrays import Bools, Floats, Integers, Shape

#: Chance that a random matrix's largest singular value counts as outside; and its smallest.
OUTLIER_LEVEL = 0.01
#: Singular values that a fit needs.
MIN_VALUES = 5

# The Tracy-Widom law of beta = 1 as a shifted gamma law, right to 1e-3 in probability:
# Chiani, arXiv:1209.3394, table 1.
_FORM, _SCALE, _START = 46.446, 0.186054, -9.84801
_TRACY_WIDOM_MEAN, _TRACY_WIDOM_SD = _FORM * _SCALE + _START, np.sqrt(_FORM * _SCALE * _SCALE)


def tracy_widom_quantile(p: float) -> float:
    """Return a quantile of the Tracy-Widom law of beta = 1."""
    return float(special.gammaincinv(_FORM, p) * _SCALE + _START)


def edges(shape: Shape, sigma: float = 1.0) -> tuple[float, float]:
    """Return the ends of the law's support, sigma (sqrt(m) -+ sqrt(n)), lower and upper."""
    n, m = sorted(shape)
    return sigma * (np.sqrt(m) - np.sqrt(n)), sigma * (np.sqrt(m) + np.sqrt(n))


def density(values: Floats, shape: Shape, sigma: float = 1.0) -> Floats:
    """Return the law's density at singular values (...,); 0 outside its support."""
    lower, upper = edges(shape, sigma)
    # At 0 a square matrix's density is finite; nothing else has 0 in its support.
    s = np.maximum(values, np.finfo(np.float64).tiny ** 0.25)
    inside = np.clip((s**2 - lower**2) * (upper**2 - s**2), 0.0, None)
    return np.asarray(np.sqrt(inside) / (np.pi * min(shape) * sigma**2 * s))


def cdf(values: Floats, shape: Shape, sigma: float = 1.0) -> Floats:
    """Return the law's distribution function at singular values (...,)."""
    n, m = sorted(shape)
    return _cdf(values, np.asarray(n / m), np.asarray(m * sigma**2))


def _cdf(values: Floats, q: Floats, unit: Floats) -> Floats:
    """Return it at values (..., n) of laws of aspect q and unit m sigma^2, (...) or (..., 1)."""
    root_q = np.sqrt(q)
    a, b = (1 - root_q) ** 2, (1 + root_q) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.minimum(np.maximum(values**2 / unit, a), b)
        half = 2 * root_q  # half the width of the support of the squares
        inner = np.where(x > 0, ((1 + q) * x - (1 - q) ** 2) / (half * x), -1.0)
    rising, falling = (
        np.arcsin(np.minimum(np.maximum(part, -1.0), 1.0)) + np.pi / 2
        for part in ((x - 1 - q) / half, inner)
    )
    root = np.sqrt(np.maximum((b - x) * (x - a), 0.0))
    return np.asarray((root + (1 + q) * rising - (1 - q) * falling) / (2 * np.pi * q))


@lru_cache(maxsize=1024)
def median(shape: Shape) -> float:
    """Return the law's median for entries of variance 1."""
    ends = edges(shape)
    return float(optimize.brentq(lambda s: cdf(np.asarray(s), shape) - 0.5, *ends))


def edge_scale(shape: Shape, sigma: float = 1.0) -> float:
    """Return the standard deviation of the largest singular value, of the Tracy-Widom law.

    With the scale of Ma, Bernoulli 18 (2012) 322, which errs by order n^(-2/3).
    """
    n, m = (length - 0.5 for length in sorted(shape))
    scale = (1 / np.sqrt(m) + 1 / np.sqrt(n)) ** (1 / 3) / 2  # of the squares over twice the root
    return float(sigma * scale * _TRACY_WIDOM_SD)


@dataclass(frozen=True)
class Ends:
    """Limits of the singular values of random matrices; a value beyond one is outside.

    Attributes
    ----------
    smallest, largest
        For entries of variance 1, each passed by a share `OUTLIER_LEVEL` of random matrices,
        ``largest`` in units of the sigma that is fitted without the largest value.
    """

    smallest: float
    largest: float


def simulated_ends(values: Floats, shape: Shape) -> Ends:
    """Return where random matrices of a shape end.

    The law of the largest value is Tracy and Widom's about a centre and on a scale that are
    simulated, as theirs are right for large matrices only and a fit left the value out. No closed
    law covers the smallest from the hard edge of a square matrix to the soft one of a wide one.

    Parameters
    ----------
    values
        Singular values of random matrices with entries of variance 1, descending, (matrix, n).
    """
    n, m = sorted(shape)
    sigma = np.sqrt((values[:, 1:] ** 2).sum(axis=1) / ((n - 1) * (m - 1)))
    largest = values[:, 0] / sigma
    out = (tracy_widom_quantile(1 - OUTLIER_LEVEL) - _TRACY_WIDOM_MEAN) / _TRACY_WIDOM_SD
    return Ends(
        smallest=float(np.quantile(values[:, -1], OUTLIER_LEVEL)),
        largest=float(largest.mean() + out * largest.std()),
    )


@dataclass(frozen=True)
class Bulk:
    """The law fitted to the singular values that are not outside of it.

    Attributes
    ----------
    shape
        Of a random matrix with the bulk's singular values: the matrix's own, less the rows and
        columns that the values outside take away.
    sigma
        Standard deviation of that matrix's entries; 0 if nothing of the matrix is random.
    above, below
        Number of singular values outside, on either side.
    threshold
        The singular value above which one is outside.
    distance
        Kolmogorov-Smirnov distance of the bulk's singular values to the law.
    is_none
        Whether more singular values are above the threshold than are left out.
    """

    shape: Shape
    sigma: float
    above: int
    below: int
    threshold: float
    distance: float
    is_none: bool


@dataclass(frozen=True)
class Bulks:
    """The laws fitted to many matrices of one shape: the fields of `Bulk`, (matrix,) each."""

    shape: Shape
    sigma: Floats
    above: Integers
    below: Integers
    threshold: Floats
    distance: Floats
    is_none: Bools

    def one(self, k: int) -> Bulk:
        """Return the law of one of the matrices."""
        above, below = int(self.above[k]), int(self.below[k])
        return Bulk(
            deflated(self.shape, above, below),
            float(self.sigma[k]),
            above,
            below,
            float(self.threshold[k]),
            float(self.distance[k]),
            bool(self.is_none[k]),
        )


def deflated(shape: Shape, above: int, below: int) -> Shape:
    """Return the shape, (short, long), of what is left without so many singular values.

    Values above take rows and columns with them. Values below come from rows without randomness.
    """
    n, m = sorted(shape)
    return n - above - below, m - above


def fit_bulks(values: Floats, shape: Shape, ends: Ends) -> Bulks:
    """Fit the law to the bulk of matrices' singular values, the ones outside left out.

    The variance is first matched to the median, which outliers hardly move, and then, over and
    over until nothing changes, to the sum of squares of the values inside. k singular values above
    take k rows and columns of the random matrix with them. Values below come from rows without
    randomness, and take rows. A bulk is at least half of the values: where more of them lie
    outside, the law fits none, and `Bulk.is_none` says so.

    Parameters
    ----------
    values
        Singular values, descending, (matrix, n).
    shape
        Of the matrices.
    ends
        Of random matrices of this shape.

    Raises
    ------
    ValueError
        If there are fewer than `MIN_VALUES` values.
    """
    size = values.shape[1]
    if size < MIN_VALUES:
        raise ValueError(f"found {size} singular values, expected at least {MIN_VALUES}")
    n, m = sorted(shape)
    most = size - max(MIN_VALUES, -(-size // 2))
    largest = ends.largest / edges((n - 1, m - 1))[1]  # in units of the law's upper edge
    # The values are sorted, so that their median is in the middle.
    sigma = (values[:, (size - 1) // 2] + values[:, size // 2]) / 2 / median((n, m))
    above, below = (np.zeros(len(values), np.int64) for _ in range(2))
    threshold, ranks = np.empty(len(values)), np.arange(size)
    tried: list[Integers] = []  # by round, above and below as one number
    left = np.arange(len(values))
    while len(left):
        tried.append(np.full(len(values), -1))
        tried[-1][left] = above[left] * (size + 1) + below[left]
        mine = values[left]
        outer = np.sqrt(n - above[left] - below[left]) + np.sqrt(m - above[left])
        threshold[left] = sigma[left] * largest * outer
        above[left] = np.minimum((mine > threshold[left, None]).sum(axis=1), most)
        under = (mine < (sigma[left] * ends.smallest)[:, None]).sum(axis=1)
        below[left] = np.minimum(under, most - above[left])
        inside = (ranks >= above[left, None]) & (ranks < size - below[left, None])
        room = (n - above[left] - below[left]) * (m - above[left])
        sigma[left] = np.sqrt(np.where(inside, mine**2, 0.0).sum(axis=1) / room)
        now = above[left] * (size + 1) + below[left]
        left = left[~np.any([one[left] == now for one in tried], axis=0)]
    is_none = values[np.arange(len(values)), above] > threshold
    distance = _distances(values, (n - above - below, m - above), sigma, above)
    return Bulks(shape, sigma, above, below, threshold, distance, is_none)


def _distances(
    values: Floats, inner: tuple[Integers, Integers], sigma: Floats, above: Integers
) -> Floats:
    """Kolmogorov-Smirnov distances (matrix,) of the values inside; NaN where sigma is 0."""
    n, m = (length[:, None] for length in inner)
    law = _cdf(values, n / m, m * sigma[:, None] ** 2)
    # Position among the values inside, from the smallest on.
    rank = n - 1 - (np.arange(values.shape[1]) - above[:, None])
    apart = np.maximum((rank + 1) / n - law, law - rank / n)
    distances = np.where((rank >= 0) & (rank < n), apart, -np.inf).max(axis=1)
    return np.where(sigma > 0, distances, np.nan)
