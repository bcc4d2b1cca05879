"""Singular vectors that live on few entries: further from Porter-Thomas than scale explains.

The singular vectors of a random matrix are uniform on the sphere. For long ones the square of an
entry, times their number, follows the law of Porter and Thomas, chi-squared with one degree of
freedom: the entries are Gaussian. Source of its use on weight matrices: arXiv:2203.14661. Where
rows or columns differ in scale, the vectors of independent entries are not uniform either. So they
are compared with those of sign-flipped copies: see `sign_flips`.
"""

import numpy as np
from scipy import special

from weightlaws.arrays import Bools, Floats, Singles
from weightlaws.spectra.kolmogorov_smirnov import ks_distance

# The Gaussian distribution function on a grid, to 2e-4: ten times as fast as the function.
_REACH, _PER_UNIT = 6.0, 1024
_GAUSSIAN = special.ndtr(np.arange(-_REACH, _REACH + 1 / _PER_UNIT, 1 / _PER_UNIT))
_GAUSSIAN = _GAUSSIAN.astype(np.float32)
# Distances scatter by more than this, or are the same to rounding.
_SAME = 1e-3


def vector_distances(vectors: Floats | Singles) -> Floats:
    """Kolmogorov-Smirnov distance of the entries of vectors to the Porter-Thomas law.

    Parameters
    ----------
    vectors
        (..., length), of any norm.

    Returns
    -------
    array
        Distance (...,) between the distribution of the entries, scaled to mean square 1, and
        N(0, 1), to 2e-4. It is the same for a vector and its negative. NaN for a vector of zeros.
    """
    x = np.sort(vectors.astype(np.float32, copy=False), axis=-1)
    squares = np.einsum("...i,...i->...", x, x, dtype=np.float32)
    with np.errstate(divide="ignore"):
        scale = np.sqrt(np.float32(x.shape[-1]) / squares) * np.float32(_PER_UNIT)
    zero = ~np.isfinite(scale)
    scale[zero] = 0
    x *= scale[..., None]
    x += np.float32(_REACH * _PER_UNIT + 0.5)
    distances = ks_distance(_GAUSSIAN.take(x.astype(np.int32), mode="clip"))
    return np.where(zero, np.nan, distances)


def undetermined(values: Floats, rounding: Floats | float) -> Bools:
    """Tell which singular values have no vectors of their own, (..., n).

    They are 0, or equal to a neighbour, to rounding.

    Parameters
    ----------
    values
        Descending, (..., n).
    rounding
        See `precision.rounding`, (..., 1) or one number.
    """
    apart = values[..., :-1] - values[..., 1:] > rounding
    edge = np.ones_like(values[..., :1], dtype=np.bool_)
    clear = np.concatenate([edge, apart], axis=-1) & np.concatenate([apart, edge], axis=-1)
    return np.asarray(~clear | (values <= rounding))


def family_wise_p_values(own: Floats, copies: Floats) -> Floats:
    """Chance that some vector of a sign-flipped copy stands out as much as this one.

    At each rank and side a matrix's distance is standardised by mean and standard deviation of the
    others', the matrix and its copies all treated alike. The largest of each is compared (max-T:
    Westfall and Young 1993). So the chance of any p of 1 / (1 + flips), the least there is, is that
    number: the level is family-wise, over all ranks and both sides.

    Parameters
    ----------
    own
        Distances of the matrix's vectors, (2, rank); NaN where one is not determined.
    copies
        Of its copies' vectors, (flip, 2, rank).

    Returns
    -------
    array
        (2, rank); NaN where a vector is not determined.
    """
    if not len(copies):
        return np.full(own.shape, np.nan)
    every = np.concatenate([own[None], copies])
    # Differences from the mean, so that sums of squares lose no digits.
    known = np.isfinite(every)
    n = known.sum(axis=0)
    centred = np.where(known, every, 0.0)
    centred = np.where(known, centred - centred.sum(axis=0) / np.maximum(n, 1), 0.0)
    others = np.maximum(n - known, 1)
    mean = (centred.sum(axis=0) - centred) / others
    square = ((centred**2).sum(axis=0) - centred**2) / others
    spread = np.sqrt(np.maximum(square - mean**2, _SAME**2))
    # Of fewer than two others there is no spread.
    standing = np.where(known & (others > 1), (centred - mean) / spread, -np.inf)
    largest = standing.max(axis=(1, 2))
    p = (largest[:, None, None] >= standing[0]).mean(axis=0)
    return np.where(known[0], p, np.nan)


def participation(vectors: Floats) -> Floats:
    """Inverse participation ratio sum_i v_i^4 of unit vectors (..., length), (...,).

    It is 1 / (number of entries that a vector lives on): 1 on a single one, 1 / length if all are
    of one size, and 3 / (length + 2) in the mean over random vectors.
    """
    squares = vectors**2
    return np.asarray((squares**2).sum(axis=-1))
