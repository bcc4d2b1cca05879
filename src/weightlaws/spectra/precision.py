"""What rounding can make of singular values: which are 0, and which are equal."""

import numpy as np

from weightlaws.arrays import Floats

# Rounding is taken for so many times its expected size.
_MARGIN = 10


def precision(matrix: Floats) -> float:
    """Return the relative precision of a matrix's entries.

    It is that of float32 if every entry is a float32 number, and that of float64 otherwise.
    """
    with np.errstate(over="ignore"):
        single = bool((matrix.astype(np.float32) == matrix).all())
    return float(np.finfo(np.float32 if single else np.float64).eps)


def zero(values: Floats, matrix: Floats) -> float:
    """Return up to where singular values, descending, are 0 to rounding: NumPy's rule for a rank.

    Parameters
    ----------
    values
        Singular values of the matrix, (n,).
    matrix
        (out, in).
    """
    return float(values[0] * max(matrix.shape) * precision(matrix))


def rounding(values: Floats, matrix: Floats) -> float:
    """Return how far rounding can move singular values apart.

    To round the entries adds a matrix of independent numbers of variance eps^2 / 12 times the
    square of an entry at most. Its norm is that of a random matrix. The decomposition has its own
    error, in float64. Parameters as for `zero`.
    """
    rms = float(values[0]) * np.linalg.norm(values / values[0]) / np.sqrt(matrix.size)
    noise = precision(matrix) / np.sqrt(12) * rms * np.sqrt(matrix.shape).sum()
    own = np.finfo(np.float64).eps * max(matrix.shape) * values[0]
    return float(max(_MARGIN * noise, own))
