"""Singular vectors that carry learned structure: their entries are not Porter-Thomas.

The singular vectors of a random matrix are uniform on the sphere. For long ones the square of an
entry, times their number, follows the law of Porter and Thomas, chi-squared with one degree of
freedom: the entries are Gaussian. Source of its use on weight matrices: arXiv:2203.14661.
"""

from collections.abc import Iterator

import numpy as np
from scipy import special

from weightlaws.arrays import Bools, Floats
from weightlaws.spectra.kolmogorov_smirnov import ks_distance

# Values that are sorted at a time.
_CHUNK = 2**22
# Distances behind the start of the null's tail, from where on its shape is known.
_TAIL = 200


def porter_thomas_distances(vectors: Floats) -> Floats:
    """Kolmogorov-Smirnov distance of the entries of unit vectors to the Porter-Thomas law.

    Parameters
    ----------
    vectors
        (..., length), each row of norm 1, or several vectors of one length one after the other, of
        norm 1 in the mean.

    Returns
    -------
    array
        Distance (...,) between the distribution of sqrt(length) times the entries and N(0, 1). It
        is the same for a vector and its negative.
    """
    *batch, length = vectors.shape
    rows = vectors.reshape(-1, length)
    scale = np.sqrt(length / (rows**2).sum(axis=1, keepdims=True))
    distances = np.empty(len(rows))
    for part in _chunks(len(rows), length):
        law = special.ndtr(np.sort(rows[part] * scale[part], axis=1))
        distances[part] = ks_distance(law)
    return distances.reshape(batch)


def _chunks(rows: int, length: int) -> Iterator[slice]:
    step = max(1, _CHUNK // length)
    return (slice(start, start + step) for start in range(0, rows, step))


def pooled(vectors: Floats, ranks: int) -> Floats:
    """Put each vector together with its neighbours of nearest rank, itself included.

    Parameters
    ----------
    vectors
        (rank, length).
    ranks
        How many vectors to put together; at either end, the outermost ones.

    Returns
    -------
    array
        (rank, ranks * length).
    """
    n = len(vectors)
    if not 1 <= ranks <= n:
        raise ValueError(f"ranks: found {ranks}, expected 1 to {n}, the number of vectors")
    first = np.clip(np.arange(n) - ranks // 2, 0, n - ranks)
    return np.asarray(vectors[first[:, None] + np.arange(ranks)].reshape(n, -1))


def null_distances(length: int, draws: int, rng: np.random.Generator, ranks: int = 1) -> Floats:
    """Simulate `porter_thomas_distances` of vectors that are uniform on the sphere.

    Textbook p-values of the Kolmogorov-Smirnov test do not hold for them, as a vector's norm is 1.

    Parameters
    ----------
    length, ranks
        The length of a vector, and how many of them are `pooled`.

    Returns
    -------
    array
        Distances, ascending, (draws,).
    """
    parts = []
    for part in _chunks(draws, length * ranks):
        n = min(part.stop, draws) - part.start
        vectors = rng.standard_normal((n, ranks, length))
        vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
        parts.append(porter_thomas_distances(vectors.reshape(n, -1)))
    return np.sort(np.concatenate(parts))


def p_values(distances: Floats, null: Floats, entries: int) -> Floats:
    """Chance that a random vector is as far from the Porter-Thomas law, by simulation.

    Beyond the last 200 simulated distances p falls as exp(-2 N d^2), with N the number of entries.
    The reason: the difference of the distributions varies most at the median. Its variance there is
    1 / (4 N), whether or not the norm is fixed. And a Gaussian process exceeds a high level with
    the chance that its widest point does (Borell, Tsirelson, Ibragimov, Sudakov). So p can be as
    small as a test of thousands of ranks at once needs.

    Parameters
    ----------
    distances
        Of the vectors, (...,).
    null
        From `null_distances`, (draw,).
    entries
        N, the number of entries of each vector or pool of vectors.
    """
    draws = len(null)
    beyond = draws - np.searchsorted(null, distances, side="left")
    p = (1 + beyond) / (1 + draws)
    tail = min(_TAIL, draws)
    start = null[draws - tail]
    extrapolated = (1 + tail) / (1 + draws) * np.exp(-2 * entries * (distances**2 - start**2))
    return np.where(distances > start, extrapolated, p)


def participation(vectors: Floats) -> Floats:
    """Inverse participation ratio sum_i v_i^4 of unit vectors (..., length), (...,).

    It is 1 / (number of entries that a vector lives on): 1 on a single one, 1 / length if all are
    of one size, and 3 / (length + 2) in the mean over random vectors.
    """
    squares = vectors**2
    return np.asarray((squares**2).sum(axis=-1))


def informative_ranks(left: Floats, right: Floats, rate: float) -> Bools:
    """Tell the ranks whose left or right vector is not Porter-Thomas.

    Parameters
    ----------
    left, right
        p-values by rank, (rank,); NaN where a vector is not determined.
    rate
        False discovery rate over all vectors: Benjamini and Hochberg (1995).

    Returns
    -------
    array
        bool (rank,).
    """
    both = np.stack([left, right])
    known = np.sort(both[np.isfinite(both)])
    # The k-th smallest of m is compared with rate k / m; SciPy's function takes a second to import.
    passed = known * (len(known) / np.arange(1, len(known) + 1)) <= rate
    if not passed.any():
        return np.zeros(both.shape[1], dtype=np.bool_)
    return np.asarray((both <= known[passed][-1]).any(axis=0))
