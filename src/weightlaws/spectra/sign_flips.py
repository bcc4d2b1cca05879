"""Copies of a matrix with the sign of every entry flipped at random: scales without structure.

Independent entries with symmetric laws, each of any scale, stay as probable when the signs flip,
each with chance 1/2. So the matrix is one among its copies, and each comparison with F of them has
the level 1 / (1 + F), exactly. What exceeds all of them is more than a pattern of scales.

Source: Hong, Sheng, Dobriban, Selecting the number of components in PCA via random signflips,
arXiv:2012.02985.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import linalg

from weightlaws.arrays import Floats
from weightlaws.spectra.precision import zero
from weightlaws.spectra.vectors import undetermined, vector_distances

Real = TypeVar("Real", np.float32, np.float64)

#: Singular values exceed others by this share of them, or they are equal. It is more than float32
#: loses, and a hundredth of what the norms of copies scatter by.
EQUAL = 2e-5
# A value that exceeds the norms of a few copies by a share of 2.5 n^(-2/3) exceeds all: norms of
# copies scatter by a fraction of n^(-2/3), n the shorter side, as largest singular values do.
_FEW, _FAR = 5, 2.5
# Entries from which on a step takes so long that several components are counted at once.
_LARGE = 2**20
# Entries that are worked on at a time.
_CHUNK = 2**18
# A value that is found by its square is 0 below this share of the largest.
_SQUARED_ZERO = 1e-7


@dataclass(frozen=True)
class Copies:
    """What is known of the sign-flipped copies of a matrix.

    Attributes
    ----------
    singular_values
        Descending, (flip, n).
    distances
        Of the left and right singular vectors to the Porter-Thomas law, (flip, 2, n); NaN where a
        vector is not determined.
    """

    singular_values: Floats
    distances: Floats


def sign_flipped(
    matrix: npt.NDArray[Real], copies: int, rng: np.random.Generator
) -> npt.NDArray[Real]:
    """Return copies of a matrix (M, N) with random signs, (copies, M, N)."""
    size, bits = matrix.size, 8 * matrix.itemsize
    drawn = np.frombuffer(rng.bytes((copies * size + 7) // 8), np.uint8)
    signs = np.unpackbits(drawn, count=copies * size).reshape(copies, *matrix.shape)
    # The first bit of a number is its sign.
    flipped = signs.astype(np.dtype(f"u{matrix.itemsize}"))
    flipped <<= bits - 1
    flipped ^= np.ascontiguousarray(matrix).view(flipped.dtype)
    return flipped.view(matrix.dtype)


def flipped_copies(matrix: Floats, flips: int, rng: np.random.Generator, rounding: float) -> Copies:
    """Decompose sign-flipped copies of a matrix.

    Parameters
    ----------
    matrix
        (out, in), without rows and columns of zeros.
    flips
        Number of copies.
    rounding
        See `precision.rounding`.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    w = np.ascontiguousarray(matrix if wide else matrix.T)
    n, step = len(w), max(1, _CHUNK // w.size)
    values, distances = np.empty((flips, n)), np.empty((flips, 2, n))
    for start in range(0, flips, step):
        part = slice(start, min(start + step, flips))
        copies = sign_flipped(w, part.stop - start, rng)
        short = np.empty((len(copies), n, n), np.float32)
        for one, mine, vectors in zip(copies, values[part], short, strict=True):
            # Three halves as fast as NumPy's way to the same routine.
            squares, found, _ = linalg.lapack.dsyevd((one @ one.T).T, lower=1, overwrite_a=1)
            mine[:] = np.sqrt(np.maximum(squares[::-1], 0.0))
            vectors[:] = found.T[::-1]
        # Single precision is enough for a distance, and the norm of a vector is no part of it.
        scale = np.float64(values[part].max() or 1.0)
        long = short @ (copies / scale).astype(np.float32)
        for k, one in enumerate((short, long) if wide else (long, short)):
            distances[part, k] = vector_distances(one)
    unknown = undetermined(values, np.maximum(rounding, _SQUARED_ZERO * values[:, :1]))
    distances[np.broadcast_to(unknown[:, None], distances.shape)] = np.nan
    return Copies(values, distances)


def learned_rank(matrix: Floats, flips: int, rng: np.random.Generator) -> float:
    """Count the components beyond what scale explains, one after another.

    The k-th singular value counts if it lies above the norms of all sign-flipped copies of what is
    left of the matrix without the k - 1 components before it. The norms are taken times
    sqrt(M N / ((M - k + 1) (N - k + 1))), which gives back the noise that taking away removed. The
    first value that does not count ends the search. Each step has fresh copies.

    A matrix of independent entries with symmetric laws of any scales has a learned rank above 0
    with the chance 1 / (1 + flips).

    Parameters
    ----------
    matrix
        (M, N), finite.
    flips
        Number of copies at each step.
    rng
        Draws the signs.

    Returns
    -------
    float
        The number; NaN where signs cannot tell, as of a single row or column.
    """
    w = np.asarray(matrix, dtype=np.float64)
    u, s, vt = linalg.svd(w, full_matrices=False)
    return count_learned(w, u, np.where(s > zero(s, w), s, 0.0), vt, flips, rng)


def count_learned(
    w: Floats,
    u: Floats,
    s: Floats,
    vt: Floats,
    flips: int,
    rng: np.random.Generator,
    first: Floats | None = None,
) -> float:
    """Count as `learned_rank` does, with the singular value decomposition of the matrix at hand.

    Of a large matrix several components count at once, if the last of them lies above the norms of
    copies of what is left before the first: taking a component away makes the squares of each row
    and column smaller, and with them the norms of copies. If it does not, fewer are tried, at last
    one. So the decision on the first that does not count is that of single steps.

    Singular values that are 0 do not count. ``first`` has the norms of some copies of the first
    step, if they are known already.
    """
    if min(w.shape) < 2 or not flips or not s[0]:
        return float("nan")
    if w.shape[0] > w.shape[1]:
        w, u, vt = w.T, vt.T, u.T
    n, m = w.shape
    taken = np.arange(n)
    # The norms of copies that are as large, once the noise that was taken away is given back.
    bounds = s * np.sqrt((n - taken) * (m - taken) / (n * m)) * (1 - EQUAL)
    norms, large = np.empty(0) if first is None else first, w.size >= _LARGE
    left, found, step = w.copy(), 0, 1
    if large and len(norms):
        step = max(1, int(np.cumprod(bounds > norms.max()).sum()))
    while found < n:
        k = min(found + step, n) - 1
        more = flips - len(norms)
        if s[k] and not (norms >= bounds[k]).any() and not _reached(left, bounds[k], more, rng):
            counted = slice(found, k + 1)
            left -= (s[counted] * u[:, counted]) @ vt[counted]
            found, step, norms = k + 1, 2 * step if large else 1, np.empty(0)
        elif step == 1:
            break
        else:
            step = max(step // 4, 1)
    return float(found)


def _reached(matrix: Floats, bound: float, flips: int, rng: np.random.Generator) -> bool:
    """Tell whether one of so many sign-flipped copies has this norm; a few often tell of all."""
    far = bound / (1 + _FAR * min(matrix.shape) ** (-2 / 3))
    return _some_copy_reaches(matrix, far, min(_FEW, flips), rng) and _some_copy_reaches(
        matrix, bound, flips, rng
    )


def _some_copy_reaches(matrix: Floats, bound: float, flips: int, rng: np.random.Generator) -> bool:
    """Tell whether a sign-flipped copy has this norm at least, of as many as it takes to know.

    1 - X X^T / bound^2 is positive definite, and so has a Cholesky factor, if and only if the norm
    of X is smaller. That takes a tenth of the time of a norm. Single precision errs by some 1e-6.
    """
    scaled = (matrix / bound).astype(np.float32)
    n = len(scaled)
    for _ in range(flips):
        (copy,) = sign_flipped(scaled, 1, rng)
        rest = np.eye(n, dtype=np.float32, order="F")
        # 1 - X X^T, its upper triangle, which is all that the factor needs.
        rest = linalg.blas.ssyrk(-1.0, copy.T, beta=1.0, c=rest, trans=1, overwrite_c=1)
        _, failed = linalg.lapack.spotrf(rest, overwrite_a=1, clean=0)
        if failed:
            return True
    return False
