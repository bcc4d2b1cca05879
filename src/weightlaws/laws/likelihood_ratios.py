"""Likelihood ratios of nested Gaussian laws, from an ensemble's averaged invariants alone.

A ratio is on the usual scale: twice the gain in maximal log-likelihood from the smaller law to the
larger. The fits need only averages of invariants of degree 2, so many ensembles are done at once.
Matrices are taken about their common mean entry. Source of the laws: arXiv:1809.07559.
"""

import numpy as np

from weightlaws.arrays import Floats
from weightlaws.invariants.graphs import common_form
from weightlaws.laws import bipartite
from weightlaws.laws.base import ROUNDING
from weightlaws.laws.names import BIPARTITE
from weightlaws.laws.pigmm import (
    BLOCKS,
    FITTED,
    blocks,
    multiplicities,
    parameters_from_moments,
)

#: Members, rows and columns.
EnsembleShape = tuple[int, int, int]

#: The invariants that the bipartite law fits: the sums of squares of the entries, row sums and
#: column sums, and the squared total.
BIPARTITE_FITTED = bipartite.FITTED[1:]
_WITHIN_FITTED = [FITTED.index(common_form(graph)) for graph in BIPARTITE_FITTED]


def diagonal_ratio(averages: Floats, shape: EnsembleShape) -> Floats:
    """Twice the log-likelihood ratio of the 13-parameter and the bipartite fit.

    Up to a constant that both share, -2/n of a maximal log-likelihood is the logarithm of the
    fitted covariance's determinant.

    Parameters
    ----------
    averages : (..., 13)
        Of `pigmm.FITTED` over the members of square matrices, D > 3.
    shape
        Members, rows and columns.

    Returns
    -------
    (...)
        For many members of a bipartite Gaussian law, chi-square with 8 degrees of freedom.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a fit is singular, so that it has no likelihood; the message names law and part.
    """
    numbers = multiplicities(shape[1])
    parameters = parameters_from_moments(averages, shape[1])
    spectra = [np.asarray(np.linalg.eigvalsh(block)) for block in blocks(parameters)]
    parts = list(zip(BLOCKS, numbers, spectra, strict=True))
    averages = averages[..., _WITHIN_FITTED]
    diagonal = _log_determinant("13-parameter", parts, averages[..., 0])
    return np.asarray(shape[0] * (_bipartite(averages, shape) - diagonal))


def entries_ratio(averages: Floats, shape: EnsembleShape) -> Floats:
    """Twice the log-likelihood ratio of the bipartite and the independent fit.

    A fourth cumulant of independent entries moves all variances alike and leaves this ratio. So it
    tells dependence and not heavy tails, unlike `diagonal_ratio`.

    Parameters
    ----------
    averages : (..., 4)
        Of `BIPARTITE_FITTED` over the members.
    shape
        Members, rows and columns.

    Returns
    -------
    (...)
        For many members of independent Gaussian entries, chi-square with 3 degrees of freedom.

    Raises
    ------
    numpy.linalg.LinAlgError
        As `diagonal_ratio` does.
    """
    size, squares = shape[1] * shape[2], averages[..., 0]
    parts = [("entries", size, squares[..., None] / size)]
    entries = _log_determinant("independent", parts, squares)
    return np.asarray(shape[0] * (entries - _bipartite(averages, shape)))


def _bipartite(averages: Floats, shape: EnsembleShape) -> Floats:
    """Log-determinant of the bipartite fit to averages (..., 4) of its invariants."""
    _, rows, columns = shape
    norms = np.moveaxis(bipartite.norms_from_moments(averages, (rows, columns)), -1, 0)
    numbers = bipartite.dimensions((rows, columns))
    names = ("total", "rows", "columns", "rest")
    parts = [
        (name, int(number), norm[..., None] / number)
        for name, number, norm in zip(names, numbers, norms, strict=True)
    ]
    return _log_determinant(BIPARTITE, parts, averages[..., 0])


def _log_determinant(law: str, parts: list[tuple[str, int, Floats]], energy: Floats) -> Floats:
    """Sum the logarithms of a law's eigenvalues (..., p), each part with its multiplicity.

    `energy` is E|W|^2. Each part is a difference of moments of its size, and has its rounding.
    """
    for name, number, values in parts:
        least, rounding = values.min(axis=-1), ROUNDING * energy / number
        if np.any(least <= rounding):
            raise np.linalg.LinAlgError(
                f"expected a positive variance of part {name} of the {law} law, found "
                f"{least.min():.3g}: its fit to the matrices has no density"
            )
    return np.asarray(sum(number * np.log(values).sum(-1) for _, number, values in parts))
