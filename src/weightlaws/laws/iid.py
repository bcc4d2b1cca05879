"""The law of independent entries, all of one mean and variance."""

from collections.abc import Iterable
from typing import Self

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats, Shape
from weightlaws.invariants.graphs import Graph, enumerate_graphs
from weightlaws.laws.base import (
    ParametricLaw,
    bipartite_expectation,
    check_density,
    check_matrices,
    check_variances,
)

#: The invariants that a fit needs: the sum of the entries, and the sum of their squares.
FITTED: tuple[Graph, ...] = (
    *enumerate_graphs(1, bipartite=True),
    Graph(((0, 0), (0, 0)), bipartite=True),
)


def parameters_from_moments(averages: npt.ArrayLike, shape: Shape) -> Floats:
    """Fit the law to averages (..., 2) of `FITTED` over members: mean and variance, (..., 2)."""
    mean, square = np.moveaxis(np.asarray(averages) / (shape[0] * shape[1]), -1, 0)
    return np.stack([mean, square - mean**2], axis=-1)


def expectation(graphs: Iterable[Graph], shape: Shape, parameters: Floats) -> Floats:
    """Return exact expectations (..., len(graphs)) under laws with parameters (..., 2)."""
    numbers = np.zeros((*parameters.shape[:-1], 5))
    numbers[..., :2] = parameters
    return bipartite_expectation(graphs, shape, numbers)


class IID(ParametricLaw):
    """Independent entries N(mean, variance).

    Parameters
    ----------
    shape
        Rows and columns of the matrices.
    parameters : (2,)
        The mean and the variance.

    Raises
    ------
    ValueError
        If the shape is not positive, the parameters are not 2 finite numbers, or the variance is
        negative.

    Examples
    --------
    >>> law = IID((2, 3), [0.0, 1.0])
    >>> law.sample(5, np.random.default_rng(0)).shape
    (5, 2, 3)
    >>> law.log_likelihood(np.zeros((1, 2, 3))).round(3)  # six factors 1 / sqrt(2 pi)
    array([-5.514])
    >>> IID.fit([[[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]]]).parameters.round(3)
    array([2.   , 0.667])
    """

    def __init__(self, shape: Shape, parameters: npt.ArrayLike) -> None:
        super().__init__(shape, parameters, 2)
        check_variances(self.parameters[1:])

    def __repr__(self) -> str:
        return f"IID(shape={self.shape}, parameters={self.parameters.tolist()})"

    @classmethod
    def fit(cls, matrices: npt.ArrayLike) -> Self:
        """Fit to matrices (n, rows, columns), n >= 1, by maximum likelihood."""
        matrices = check_matrices(matrices)
        _, rows, columns = matrices.shape
        mean = matrices.mean()
        offsets = matrices - mean
        return cls((rows, columns), [mean, np.vdot(offsets, offsets) / matrices.size])

    def expectation(self, graphs: Iterable[Graph]) -> Floats:
        """Return the exact expectations (len(graphs),).

        A graph that is not bipartite needs square matrices.
        """
        return expectation(graphs, self.shape, self.parameters)

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n matrices, (n, rows, columns)."""
        mean, variance = self.parameters
        return np.asarray(mean + np.sqrt(variance) * rng.standard_normal((n, *self.shape)))

    def log_likelihood(self, matrices: npt.ArrayLike) -> Floats:
        """Log-density (n,) of matrices (n, rows, columns).

        Raises
        ------
        ValueError
            If the matrices have another shape.
        numpy.linalg.LinAlgError
            If the variance is 0.
        """
        matrices = check_matrices(matrices, self.shape)
        mean, variance = self.parameters
        self.require_density()
        offsets = matrices - mean
        exponents = np.einsum("nij,nij->n", offsets, offsets) / variance
        n_entries = self.shape[0] * self.shape[1]
        return np.asarray(-0.5 * (exponents + n_entries * np.log(2 * np.pi * variance)))

    def require_density(self) -> None:
        """Refuse, by a LinAlgError, a variance of 0."""
        mean, variance = self.parameters
        check_density(mean, {"the entries": variance})
