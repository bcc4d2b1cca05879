"""The law of independent entries, all of one mean and variance."""

from collections.abc import Iterable
from typing import Self

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats, Shape
from weightlaws.invariants.catalogue import graphs_of
from weightlaws.invariants.graphs import Graph, enumerate_graphs
from weightlaws.laws.base import (
    AboutMeanEntry,
    bipartite_expectation,
    check_density,
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


class IID(AboutMeanEntry):
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

    @staticmethod
    def coordinates(matrices: Floats, centre: tuple[float, ...]) -> Floats:
        """Return all that the law's density takes of matrices (n, rows, columns): (n, 2).

        That is the offset of a matrix's mean from `centre`, and the sum of the squared offsets of
        its entries from its own mean. With a centre near to the mean they lose no digits.
        """
        (mean,) = centre
        offsets = matrices - mean
        means = offsets.mean(axis=(1, 2))
        offsets -= means[:, None, None]
        return np.stack([means, np.einsum("nij,nij->n", offsets, offsets)], axis=1)

    @classmethod
    def fit_coordinates(cls, coordinates: Floats, shape: Shape, centre: tuple[float, ...]) -> Self:
        """Fit to the `coordinates` (n, 2) of matrices."""
        offset, within = coordinates.mean(axis=0)
        between = np.square(coordinates[:, 0] - offset).mean()
        return cls(shape, [centre[0] + offset, within / (shape[0] * shape[1]) + between])

    def expectation(self, graphs: Iterable[Graph | str]) -> Floats:
        """Return the exact expectations (len(graphs),) of invariants, or of those of some names.

        A graph that is not bipartite needs square matrices.
        """
        rows, columns = self.shape
        graphs = graphs_of(graphs, bipartite=rows != columns)
        return expectation(graphs, self.shape, self.parameters)

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n matrices, (n, rows, columns)."""
        mean, variance = self.parameters
        return np.asarray(mean + np.sqrt(variance) * rng.standard_normal((n, *self.shape)))

    def log_likelihood_of(self, coordinates: Floats, centre: tuple[float, ...]) -> Floats:
        """Log-density (n,) of matrices by their `coordinates`; errors of `log_likelihood`."""
        self.require_density()
        mean, variance = self.parameters
        n_entries, (means, within) = self.shape[0] * self.shape[1], coordinates.T
        exponents = (within + n_entries * np.square(means - (mean - centre[0]))) / variance
        return np.asarray(-0.5 * (exponents + n_entries * np.log(2 * np.pi * variance)))

    def require_density(self) -> None:
        """Refuse, by a LinAlgError, a variance of 0."""
        mean, variance = self.parameters
        check_density(mean, {"the entries": variance})
