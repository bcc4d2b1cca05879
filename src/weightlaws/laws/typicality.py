"""The scatter of single members about an ensemble's averages, if a Gaussian law is true."""

from functools import cache

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats
from weightlaws.laws.pigmm import (
    FITTED,
    blocks,
    multiplicities,
    numbers_from_parameters,
    square_root,
)
from weightlaws.laws.wick import expectation


def predicted_sd(parameters: npt.ArrayLike, size: int) -> Floats:
    r"""Exact standard deviations over members of the 13 fitted invariants.

    In the orthonormal coordinates h of the blocks of the law, an invariant of degree 1 is b . h and
    one of degree 2 is a sum of forms h^T A h, with one A for all copies of a block. So with means
    m, which only V0 has, covariances C and multiplicities n_B,

    .. math:: Var(I) = |C_0^{1/2} (b + 2 A_0 m)|^2
              + 2 \sum_B n_B |C_B^{1/2} A_B C_B^{1/2}|^2.

    It equals the expectation of the graph beside a copy of itself, less the squared mean. As a sum
    of squares it loses no digits where the mean is many times the standard deviation, and cannot
    be negative.

    Parameters
    ----------
    parameters : (..., 13)
        f1 to f13, one law each.
    size
        The matrices' size D > 3.

    Returns
    -------
    (..., 13)
        In the order of `pigmm.FITTED`.

    Raises
    ------
    ValueError
        If the last axis is not 13, or the size is not above 3.

    References
    ----------
    Typicality of matrices under such laws: arXiv:1912.10839.
    """
    parameters = np.asarray(parameters, dtype=np.float64)
    if parameters.ndim < 1 or parameters.shape[-1] != 13:
        raise ValueError(f"expected parameters of shape (..., 13), found {parameters.shape}")
    numbers = multiplicities(size)
    gradient, forms = _coefficients(size)
    # The axis of the invariants stands before the two axes of a block.
    roots = [square_root(covariance)[..., None, :, :] for covariance in blocks(parameters)]
    means = parameters[..., None, :2, None]
    slopes = roots[0] @ (gradient[..., None] + 2 * forms[0] @ means)
    variance = np.square(slopes).sum((-2, -1))
    for number, root, form in zip(numbers, roots, forms, strict=True):
        variance += 2 * number * np.square(root @ form @ root).sum((-2, -1))
    return np.asarray(np.sqrt(variance))


@cache
def _coefficients(size: int) -> tuple[Floats, tuple[Floats, ...]]:
    """Return b (13, 2) and A (13, p, p) for each block, of the invariants.

    They follow from the expectations that one parameter alone gives: f1 and f2 for invariants of
    degree 1; for degree 2 a variance gives n_B A_ii, and a covariance 2 n_B A_ij.
    """
    moments = expectation(FITTED, size, numbers_from_parameters(np.eye(13), size)).T
    degrees = np.array([graph.degree for graph in FITTED])
    gradient = np.where(degrees[:, None] == 1, moments[:, :2], 0)
    forms = [
        form / (number * (2 - np.eye(form.shape[-1])))
        for number, form in zip(multiplicities(size), blocks(moments), strict=True)
    ]
    return gradient, tuple(forms)
