"""The Hyvärinen score: how well a law describes members, without its normalising constant.

Of a member it is |grad log p|^2 / 2 + laplacian log p, by the entries of its matrix. Lower is
better: the average over members is least, among all laws with a smooth density, for the law that
they follow. So Gaussian and interacting laws compare on held-out members on one scale. It is in
units of 1 / entry^2: divide all matrices by one number first to compare ensembles.

Source: Hyvärinen, A. (2005). Estimation of non-normalized statistical models by score matching.
Journal of Machine Learning Research 6.
"""

from functools import singledispatch

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats
from weightlaws.laws import bipartite, one_sided, pigmm
from weightlaws.laws.base import check_matrices
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.interacting import Interacting
from weightlaws.laws.one_sided import OneSided
from weightlaws.laws.pigmm import PIGMM


@singledispatch
def hyvarinen_score(law: object, matrices: npt.ArrayLike) -> Floats:
    r"""Score each matrix under a law; lower is better.

    .. math:: \tfrac12 \sum_{ij} (\partial_{ij} \log p)^2 + \sum_{ij} \partial_{ij}^2 \log p

    For a Gaussian law with precision P and mean m this is \|P (W - m)\|^2 / 2 - tr P.

    Parameters
    ----------
    law
        An `IID`, `Bipartite`, `PIGMM`, `OneSided` or `Interacting`.
    matrices : (n, rows, columns)
        Of the law's shape.

    Returns
    -------
    (n,)
        In units of 1 / entry^2.

    Raises
    ------
    TypeError
        If it is another law.
    ValueError
        If the matrices have another shape.
    numpy.linalg.LinAlgError
        If a Gaussian law is singular, and so has no density; the message names the part.

    Examples
    --------
    A standard normal law has precision 1: at its mean each of the 6 entries counts -1.

    >>> hyvarinen_score(IID((2, 3), [0.0, 1.0]), np.zeros((1, 2, 3)))
    array([-6.])
    """
    raise TypeError(f"expected a law with a density, found {law!r} for {np.shape(matrices)}")


@hyvarinen_score.register
def _(law: IID, matrices: npt.ArrayLike) -> Floats:
    matrices = check_matrices(matrices, law.shape)
    law.require_density()
    mean, variance = law.parameters
    squares = np.square(matrices - mean).sum(axis=(1, 2))
    return np.asarray(squares / (2 * variance**2) - matrices[0].size / variance)


@hyvarinen_score.register
def _(law: Bipartite, matrices: npt.ArrayLike) -> Floats:
    matrices = check_matrices(matrices, law.shape)
    law.require_density()
    mean, variances = law.parameters[0], law.parameters[1:]
    norms = bipartite.squared_norms(matrices, mean)
    return np.asarray(
        norms @ (0.5 / variances**2) - (bipartite.dimensions(law.shape) / variances).sum()
    )


@hyvarinen_score.register
def _(law: PIGMM, matrices: npt.ArrayLike) -> Floats:
    matrices = check_matrices(matrices, law.shape)
    moments = law.moments(matrices)
    scores = np.zeros(len(matrices))
    for number, covariance, moment in zip(
        pigmm.multiplicities(law.size), pigmm.blocks(law.parameters), moments, strict=True
    ):
        precision = np.linalg.inv(covariance)
        exponent = np.trace(precision @ precision @ moment, axis1=-2, axis2=-1)
        scores += number * (exponent / 2 - np.trace(precision))
    return scores


@hyvarinen_score.register
def _(law: OneSided, matrices: npt.ArrayLike) -> Floats:
    matrices = check_matrices(matrices, law.shape)
    of_sums, of_contrasts = (white @ white.T for white in law.whitening())
    averages, contrasts = one_sided.split(matrices, law.labelled)
    _, n = one_sided.sides(law.shape, law.labelled)
    squares = n * np.square((averages - law.means) @ of_sums).sum(axis=1)
    squares += np.square(contrasts @ of_contrasts).sum(axis=1).reshape(-1, n).sum(axis=1)
    return np.asarray(squares / 2 - np.trace(of_sums) - (n - 1) * np.trace(of_contrasts))


@hyvarinen_score.register
def _(law: Interacting, matrices: npt.ArrayLike) -> Floats:
    return law.hyvarinen_score(matrices)
