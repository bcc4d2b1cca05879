"""The Monte Carlo null of all spectral statistics: random matrices of one shape."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import linalg

from weightlaws.arrays import Floats, Shape
from weightlaws.spectra.marchenko_pastur import MIN_VALUES, Ends, simulated_ends
from weightlaws.spectra.statistics import STATISTICS, spectral_statistics

#: Edges of the histogram of level spacings, in mean spacings.
SPACING_EDGES = np.linspace(0.0, 4.0, 33)
#: Random matrices of the shape that a bulk has when values are left out: there are many shapes.
MATCHED = 400
# Singular values that are measured at a time.
_CHUNK = 2**17


@dataclass(frozen=True)
class Null:
    """The law of spectral statistics of a matrix with independent Gaussian entries.

    Attributes
    ----------
    shape
        Of the matrices.
    ends
        Where their singular values end.
    singular_values
        For entries of variance 1, descending, (matrix, n).
    statistics
        By name, (matrix,); NaN where a matrix, or the inside of its bulk, is too small.
    spacings
        Histograms of level spacings over `SPACING_EDGES`, as densities, (matrix, bin).
    seed
        That they were simulated with.
    """

    shape: Shape
    ends: Ends
    singular_values: Floats
    statistics: dict[str, Floats]
    spacings: Floats
    seed: int

    def known(self, statistic: str) -> Floats:
        """Return a statistic of the matrices that have it, (matrix,)."""
        values = self.statistics[statistic]
        return values[np.isfinite(values)]


def gaussian_singular_values(shape: Shape, n: int, rng: np.random.Generator) -> Floats:
    """Draw the singular values of n matrices with independent N(0, 1) entries.

    A bidiagonal matrix of independent chi variables has the same law of singular values: Dumitriu
    and Edelman, Journal of Mathematical Physics 43 (2002) 5830. It takes O(min(shape)^2) steps.

    Returns
    -------
    array
        Descending, (n, min(shape)).
    """
    short, long = sorted(shape)
    if not short:  # a matrix of zeros, without its zeros
        return np.empty((n, 0))
    diagonal = np.sqrt(rng.chisquare(long - np.arange(short), (n, short)))
    below = np.sqrt(rng.chisquare(short - 1 - np.arange(short - 1), (n, short - 1)))
    # B B^T is tridiagonal. Squaring costs the smallest values of a square matrix some digits; at
    # 10,000 ten are left.
    on, off = diagonal**2, below * diagonal[:, :-1]
    on[:, 1:] += below**2
    squares = [
        linalg.eigvalsh_tridiagonal(d, e, lapack_driver="sterf", check_finite=False)
        for d, e in zip(on, off, strict=True)
    ]
    return np.asarray(np.sqrt(np.clip(squares, 0.0, None))[:, ::-1])


def simulate_null(shape: Shape, seed: int, *, matrices: int = 1000) -> Null:
    """Simulate the null of all spectral statistics of a shape.

    Seed and shape alone fix it, so that other shapes change nothing here.

    Parameters
    ----------
    shape
        (out, in).
    matrices
        Number of random matrices; no p-value of a single matrix is below 1 / (1 + matrices).
    """
    rng = np.random.default_rng([seed, *f"null/{shape[0]}x{shape[1]}".encode()])
    n = min(shape)
    values = gaussian_singular_values(shape, matrices, rng)
    statistics = {name: np.full(matrices, np.nan) for name in STATISTICS}
    spacings = np.full((matrices, len(SPACING_EDGES) - 1), np.nan)
    ends = Ends(float("nan"), float("nan"))
    if n >= MIN_VALUES:
        ends = simulated_ends(values, shape)
        step = max(1, _CHUNK // n)
        for start in range(0, matrices, step):
            part = slice(start, start + step)
            _, found, unfolded_spacings = spectral_statistics(values[part], shape, ends)
            for name, one in found.items():
                statistics[name][part] = one
            spacings[part] = [spacing_density(one) for one in unfolded_spacings]
    return Null(shape, ends, values, statistics, spacings, seed)


@lru_cache(maxsize=256)
def cached_null(shape: Shape, seed: int, matrices: int) -> Null:
    """Return the null of a shape, simulated once a process."""
    return simulate_null(shape, seed, matrices=matrices)


def matched_null(null: Null, shape: Shape, at_least: int = 1) -> Null:
    """Return a null of the shape that a bulk has, of the same seed.

    Parameters
    ----------
    null
        It serves itself if it is of that shape, whichever side is the longer, and large enough.
    shape
        Of the matrices.
    at_least
        Number of them that are needed.
    """
    if sorted(shape) == sorted(null.shape) and len(null.singular_values) >= at_least:
        return null
    return cached_null(shape, null.seed, max(MATCHED, at_least))


def spacing_density(spacings: Floats) -> Floats:
    """Return the histogram of spacings over `SPACING_EDGES`; NaN if there are none."""
    counts, _ = np.histogram(spacings, SPACING_EDGES)
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / (np.diff(SPACING_EDGES) * np.float64(len(spacings))))


def reference_null(shape: Shape) -> Null:
    """Return a null of a shape that is the same everywhere, simulated once a process."""
    return cached_null(shape, 0, 1000)
