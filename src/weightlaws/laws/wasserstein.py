"""Wasserstein distances between permutation-invariant Gaussian laws, block by block.

For Gaussian laws W2^2 = |mu1 - mu2|^2 + tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2. A covariance with
the symmetry S_D has a 2 x 2 block, a 3 x 3 block D-1 times, and two multiples of identities.
Source: arXiv:2510.05218.
"""

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats
from weightlaws.laws.pigmm import PIGMM, blocks, multiplicities, square_root


def squared_distance(p: PIGMM, q: PIGMM) -> float:
    """Squared 2-Wasserstein distance of two laws of one size.

    Raises
    ------
    ValueError
        If the sizes differ.

    Examples
    --------
    Standard deviations of 1 and 3 in each of 25 entries:

    >>> round(squared_distance(PIGMM.iid(5, 1.0), PIGMM.iid(5, 9.0)), 6)
    100.0
    """
    if p.size != q.size:
        raise ValueError(f"expected two laws of one size, found sizes {p.size} and {q.size}")
    return float(squared_distances(p.parameters, q.parameters, p.size))


def distance(p: PIGMM, q: PIGMM) -> float:
    """2-Wasserstein distance of two laws of one size.

    Raises
    ------
    ValueError
        If the sizes differ.

    Examples
    --------
    >>> round(distance(PIGMM.iid(5, 1.0), PIGMM.iid(5, 9.0)), 6)
    10.0
    """
    return float(np.sqrt(squared_distance(p, q)))


def squared_distances(f: npt.ArrayLike, g: npt.ArrayLike, size: int) -> Floats:
    r"""Squared 2-Wasserstein distances of laws given by their parameters.

    .. math:: W_2^2 = |\mu_f - \mu_g|^2 + \sum_b n_b \min_Q \| A_b^{1/2} - B_b^{1/2} Q \|^2

    over orthogonal Q, which is the usual formula with the trace written as the nuclear norm of
    A^1/2 B^1/2; as a sum of squares it is never negative and exact near 0.

    Parameters
    ----------
    f, g : (..., 13)
        Parameters f1 to f13, which broadcast against each other.
    size
        The matrices' size D > 3.

    Returns
    -------
    (...)
        The squared distances.

    Raises
    ------
    ValueError
        If a last axis is not 13, or the size is not above 3.
    """
    f, g = np.asarray(f, dtype=np.float64), np.asarray(g, dtype=np.float64)
    for parameters in (f, g):
        if parameters.shape[-1:] != (13,):
            raise ValueError(f"expected parameters of shape (..., 13), found {parameters.shape}")
    total = np.square(f[..., :2] - g[..., :2]).sum(-1)
    for number, a, b in zip(multiplicities(size), blocks(f), blocks(g), strict=True):
        total = total + number * squared_bures(a, b)
    return np.asarray(total)


def squared_bures(a: Floats, b: Floats) -> Floats:
    r"""Squared distances (...) of centred Gaussian laws with covariances (..., p, p)."""
    root_a, root_b = square_root(a), square_root(b)
    if root_b.shape[-1] > 1:  # otherwise the best Q is 1
        left, _, right = np.linalg.svd(root_a @ root_b)
        root_b = root_b @ (left @ right).swapaxes(-1, -2)
    return np.asarray(np.square(root_a - root_b).sum((-2, -1)))
