"""The Gaussian laws of matrices whose rows and columns may be permuted independently.

Permuting the neurons of a hidden layer leaves the training problem unchanged. So the law of the
matrix between two hidden layers does not change when rows and columns are permuted independently:
that is the bipartite law. Under these permutations a matrix falls into four orthogonal parts, each
irreducible and unlike the others. So the law is one mean and a variance for each part.

`pigmm.PIGMM`, the published model, asks only for permutations of rows and columns together, and
`one_sided.OneSided` for permutations of one side.

Sources: arXiv:2510.05218 (weight matrices), arXiv:1809.07559 (joint permutations).
"""

from collections.abc import Iterable
from typing import Self

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats, Shape
from weightlaws.invariants.catalogue import graphs_of
from weightlaws.invariants.graphs import Graph, enumerate_graphs
from weightlaws.laws.base import (
    TOGETHER,
    AboutMeanEntry,
    bipartite_expectation,
    check_density,
    check_variances,
)

#: The invariants that a fit needs: the sum of the entries, and the sums of squares of the entries,
#: of the row sums, of the column sums, and of the total.
FITTED: tuple[Graph, ...] = tuple(
    graph for degree in (1, 2) for graph in enumerate_graphs(degree, bipartite=True)
)


def parameters_from_moments(averages: npt.ArrayLike, shape: Shape) -> Floats:
    """Fit the law to averages (..., 5) of `FITTED` over members, as `Bipartite.fit` does: (..., 5).

    Both sides are at least 2.
    """
    averages, size = np.asarray(averages), shape[0] * shape[1]
    total, norms = averages[..., 0], norms_from_moments(averages[..., 1:], shape)
    norms[..., 0] -= total**2 / size
    return np.concatenate([total[..., None] / size, norms / dimensions(shape)], axis=-1)


def norms_from_moments(averages: Floats, shape: Shape) -> Floats:
    """Squared norms (..., 4) of the parts about 0: total, rows, columns, rest.

    They are made of averages (..., 4) of the `FITTED` of degree 2.
    """
    rows, columns = shape
    squares, row_squares, column_squares, total_square = np.moveaxis(averages, -1, 0)
    grand = total_square / (rows * columns)
    row, column = row_squares / columns - grand, column_squares / rows - grand
    return np.stack([grand, row, column, squares - grand - row - column], axis=-1)


def expectation(graphs: Iterable[Graph], shape: Shape, parameters: Floats) -> Floats:
    """Return exact expectations (..., len(graphs)) under laws with parameters (..., 5)."""
    mean, total, row, column, rest = np.moveaxis(parameters, -1, 0)
    rows, columns = shape
    numbers = [
        mean,
        rest,
        (row - rest) / columns,
        (column - rest) / rows,
        (total - row - column + rest) / (rows * columns),
    ]
    return bipartite_expectation(graphs, shape, np.stack(numbers, axis=-1))


class Bipartite(AboutMeanEntry):
    r"""The Gaussian laws unchanged by independent permutations of R rows and C columns.

    Such a law has independent blocks on orthonormal coordinates, each a multiple of the identity:

    - the grand total :math:`\sum_{ij} W_{ij} / \sqrt{RC}`, with mean :math:`\sqrt{RC}` times the
      mean of the entries;
    - the centred row sums / sqrt(C), of dimension R - 1;
    - the centred column sums / sqrt(R), of dimension C - 1;
    - the rest, centred in both directions, of dimension (R - 1)(C - 1).

    On squares it is the PIGMM with f1 = D mean, f3 = v_total, f6 = v_columns, f9 = v_rows,
    f5 = f11 = f12 = f13 = v_rest, and 0 elsewhere.

    Parameters
    ----------
    shape
        (R, C), both at least 2.
    parameters : (5,)
        The mean of the entries, and the variances v_total, v_rows, v_columns, v_rest.

    Raises
    ------
    ValueError
        If a side is below 2, the parameters are not 5 finite numbers, or a variance is negative.

    Examples
    --------
    Each row has a random offset of its own: the row sums / sqrt(6) have variance 1 + 6.

    >>> rng = np.random.default_rng(0)
    >>> matrices = rng.normal(size=(5000, 4, 6)) + rng.normal(size=(5000, 4, 1))
    >>> mean, total, rows, columns, rest = Bipartite.fit(matrices).parameters
    >>> print(f"rows {rows:.1f}, columns {columns:.1f}, rest {rest:.1f}")
    rows 7.0, columns 1.0, rest 1.0
    """

    _PARTS = ("the grand total", "the row sums", "the column sums", "the rest")

    def __init__(self, shape: Shape, parameters: npt.ArrayLike) -> None:
        dimensions(shape)
        super().__init__(shape, parameters, 5)
        check_variances(self.parameters[1:])

    def __repr__(self) -> str:
        return f"Bipartite(shape={self.shape}, parameters={self.parameters.tolist()})"

    @staticmethod
    def coordinates(matrices: Floats, centre: tuple[float, ...]) -> Floats:
        """Return all that the law's density takes of matrices (n, rows, columns): (n, 4).

        That is the grand total's offset from that of a matrix of entries `centre`, and the squared
        norms of the other parts. With a centre near to the mean they lose no digits.
        """
        (mean,) = centre
        found = squared_norms(matrices, mean)
        size = matrices.shape[1] * matrices.shape[2]
        found[:, 0] = (matrices.mean(axis=(1, 2)) - mean) * np.sqrt(size)
        return found

    @classmethod
    def fit_coordinates(cls, coordinates: Floats, shape: Shape, centre: tuple[float, ...]) -> Self:
        """Fit to the `coordinates` (n, 4) of matrices."""
        total = coordinates[:, 0].mean()
        squares = coordinates.mean(0)
        squares[0] = np.square(coordinates[:, 0] - total).mean()
        mean = centre[0] + total / np.sqrt(shape[0] * shape[1])
        return cls(shape, [mean, *(squares / dimensions(shape))])

    def expectation(self, graphs: Iterable[Graph | str]) -> Floats:
        """Return the exact expectations (len(graphs),) of invariants, or of those of some names.

        A graph that is not bipartite needs square matrices.
        """
        rows, columns = self.shape
        graphs = graphs_of(graphs, bipartite=rows != columns)
        return expectation(graphs, self.shape, self.parameters)

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n matrices, (n, rows, columns); zero variances are no obstacle."""
        mean, *variances = self.parameters
        drawn = parts(rng.standard_normal((n, *self.shape)))
        total, row, column, rest = (
            np.sqrt(variance) * part for variance, part in zip(variances, drawn, strict=True)
        )
        return np.asarray(mean + total + row + column + rest)

    def log_likelihood_of(self, coordinates: Floats, centre: tuple[float, ...]) -> Floats:
        """Log-density (n,) of matrices by their `coordinates`; errors of `log_likelihood`."""
        self.require_density()
        mean, variances = self.parameters[0], self.parameters[1:]
        squares = coordinates.copy()
        squares[:, 0] -= (mean - centre[0]) * np.sqrt(self.shape[0] * self.shape[1])
        squares[:, 0] **= 2
        logarithms = dimensions(self.shape) @ np.log(2 * np.pi * variances)
        return np.asarray(-0.5 * (squares @ (1 / variances) + logarithms))

    def require_density(self) -> None:
        """Refuse, by a LinAlgError, a variance of 0; the message names it."""
        mean, *variances = self.parameters
        check_density(mean, dict(zip(self._PARTS, variances, strict=True)))


def dimensions(shape: Shape) -> Floats:
    """Return the dimensions (4,) of the bipartite parts: total, rows, columns, rest.

    Raises
    ------
    ValueError
        If a side is below 2.
    """
    rows, columns = shape
    if min(rows, columns) < 2:
        raise ValueError(f"expected a shape of at least (2, 2), found {shape}")
    return np.array([1.0, rows - 1, columns - 1, (rows - 1) * (columns - 1)])


def parts(matrices: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Total (n, 1, 1), rows (n, R, 1), columns (n, 1, C), rest (n, R, C): orthogonal, adding up."""
    row, column = matrices.mean(2, keepdims=True), matrices.mean(1, keepdims=True)
    total = row.mean(1, keepdims=True)
    return total, row - total, column - total, matrices - row - column + total


def squared_norms(matrices: Floats, mean: float) -> Floats:
    """Squared norms (n, 4) of the parts of the matrices about a mean."""
    n, rows, columns = matrices.shape
    norms = np.empty((n, 4))
    step = max(1, TOGETHER // (rows * columns))
    for start in range(0, n, step):
        chunk = slice(start, start + step)
        rest = matrices[chunk] - mean
        row, column = rest.mean(2), rest.mean(1)
        total = row.mean(1)
        # In place, and no square is formed: the arrays of `parts` take three times as long.
        rest -= row[:, :, None]
        rest -= (column - total[:, None])[:, None, :]
        norms[chunk, 0] = rows * columns * total**2
        norms[chunk, 1] = columns * np.square(row - total[:, None]).sum(1)
        norms[chunk, 2] = rows * np.square(column - total[:, None]).sum(1)
        norms[chunk, 3] = np.einsum("nij,nij->n", rest, rest)
    return norms
