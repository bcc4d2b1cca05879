"""Gaussian laws of weight matrices, small enough to write down: i.i.d. and bipartite.

Permuting the neurons of a hidden layer leaves the training problem unchanged. So the law of the
matrix between two hidden layers does not change when rows and columns are permuted independently:
that is the bipartite law. Under these permutations a matrix falls into four orthogonal parts, each
irreducible and unlike the others, so that the law is one mean and a variance for each part. The
published model, `pigmm.PIGMM`, asks only for permutations of rows and columns together, and
`one_sided.OneSided` for those of one side. All are a `Law`; all are fitted by moments, with 1/N
averages, which is maximum likelihood.

Sources: arXiv:2510.05218 (weight matrices), arXiv:1809.07559 (joint permutations).
"""

from collections.abc import Iterable
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from weightlaws.invariants.graphs import Graph
from weightlaws.laws import wick

Array = npt.NDArray[np.float64]
Shape = tuple[int, int]

#: Rounding of a variance, relative to the largest and to the squared mean: below it is 0.
ROUNDING = 1e-12

# Entries whose parts are held at once: those of all members of a wide layer are gigabytes.
_TOGETHER = 2**20


class Law(Protocol):
    """A Gaussian law of matrices (rows, columns)."""

    @property
    def shape(self) -> Shape:
        """Rows and columns of the matrices."""

    @property
    def n_parameters(self) -> int:
        """The number of parameters that a fit estimates."""

    @property
    def parameters(self) -> Array:
        """The parameters, (n_parameters,), read-only."""

    @classmethod
    def fit(cls, matrices: npt.ArrayLike) -> Self:
        """Fit to matrices (n, rows, columns) by maximum likelihood."""

    def expectation(self, graphs: Iterable[Graph]) -> Array:
        """Return the exact expectations (len(graphs),) of invariants."""

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n matrices, (n, rows, columns); singular parts are no obstacle."""

    def log_likelihood(self, matrices: npt.ArrayLike) -> Array:
        """Log-density (n,) of matrices (n, rows, columns).

        Raises
        ------
        numpy.linalg.LinAlgError
            If a part of the law is singular, so that there is no density; the message names it.
        """


class GaussianLaw:
    """What the laws here share: a shape and a checked, read-only vector of parameters."""

    def __init__(self, shape: Shape, parameters: npt.ArrayLike, n_parameters: int) -> None:
        rows, columns = shape
        if min(rows, columns) < 1:
            raise ValueError(f"expected a shape (rows, columns) of at least (1, 1), found {shape}")
        self._shape = int(rows), int(columns)
        self._parameters = np.array(parameters, dtype=np.float64)
        self._parameters.setflags(write=False)
        if self._parameters.shape != (n_parameters,):
            raise ValueError(
                f"expected parameters of shape ({n_parameters},), found {self._parameters.shape}"
            )
        if not np.isfinite(self._parameters).all():
            raise ValueError(f"expected finite parameters, found {self._parameters}")

    @property
    def shape(self) -> Shape:
        """Rows and columns of the matrices."""
        return self._shape

    @property
    def n_parameters(self) -> int:
        """The number of parameters."""
        return len(self._parameters)

    @property
    def parameters(self) -> Array:
        """The parameters in the order that the class states, read-only."""
        return self._parameters


class IID(GaussianLaw):
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
    """

    def __init__(self, shape: Shape, parameters: npt.ArrayLike) -> None:
        super().__init__(shape, parameters, 2)
        _check_variances(self.parameters[1:])

    def __repr__(self) -> str:
        return f"IID(shape={self.shape}, parameters={self.parameters.tolist()})"

    @classmethod
    def fit(cls, matrices: npt.ArrayLike) -> Self:
        """Fit to matrices (n, rows, columns), n >= 1, by maximum likelihood."""
        matrices = check_matrices(matrices)
        _, rows, columns = matrices.shape
        return cls((rows, columns), [matrices.mean(), matrices.var()])

    def expectation(self, graphs: Iterable[Graph]) -> Array:
        """Return the exact expectations (len(graphs),); not bipartite ones ask for a square."""
        mean, variance = self.parameters
        return _expectation(graphs, self.shape, [mean, variance, 0, 0, 0])

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n matrices, (n, rows, columns)."""
        mean, variance = self.parameters
        return np.asarray(mean + np.sqrt(variance) * rng.standard_normal((n, *self.shape)))

    def log_likelihood(self, matrices: npt.ArrayLike) -> Array:
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
        _check_density(mean, {"the entries": variance})
        exponents = np.square(matrices - mean).sum((1, 2)) / variance
        n_entries = self.shape[0] * self.shape[1]
        return np.asarray(-0.5 * (exponents + n_entries * np.log(2 * np.pi * variance)))


class Bipartite(GaussianLaw):
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
    """

    _PARTS = ("the grand total", "the row sums", "the column sums", "the rest")

    def __init__(self, shape: Shape, parameters: npt.ArrayLike) -> None:
        _dimensions(shape)
        super().__init__(shape, parameters, 5)
        _check_variances(self.parameters[1:])

    def __repr__(self) -> str:
        return f"Bipartite(shape={self.shape}, parameters={self.parameters.tolist()})"

    @classmethod
    def fit(cls, matrices: npt.ArrayLike) -> Self:
        """Fit to matrices (n, rows, columns), n >= 1, of at least (2, 2), by maximum likelihood."""
        matrices = check_matrices(matrices)
        _, rows, columns = matrices.shape
        dimensions, mean = _dimensions((rows, columns)), matrices.mean()
        return cls((rows, columns), [mean, *_squared_norms(matrices, mean).mean(0) / dimensions])

    def expectation(self, graphs: Iterable[Graph]) -> Array:
        """Return the exact expectations (len(graphs),); not bipartite ones ask for a square."""
        mean, total, row, column, rest = self.parameters
        rows, columns = self.shape
        numbers = [
            mean,
            rest,
            (row - rest) / columns,
            (column - rest) / rows,
            (total - row - column + rest) / (rows * columns),
        ]
        return _expectation(graphs, self.shape, numbers)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw n matrices, (n, rows, columns); zero variances are no obstacle."""
        mean, *variances = self.parameters
        parts = _parts(rng.standard_normal((n, *self.shape)))
        total, row, column, rest = (
            np.sqrt(variance) * part for variance, part in zip(variances, parts, strict=True)
        )
        return np.asarray(mean + total + row + column + rest)

    def log_likelihood(self, matrices: npt.ArrayLike) -> Array:
        """Log-density (n,) of matrices (n, rows, columns).

        Raises
        ------
        ValueError
            If the matrices have another shape.
        numpy.linalg.LinAlgError
            If a variance is 0; the message names it.
        """
        matrices = check_matrices(matrices, self.shape)
        mean, variances = self.parameters[0], self.parameters[1:]
        _check_density(mean, dict(zip(self._PARTS, variances, strict=True)))
        exponents = _squared_norms(matrices, mean) @ (1 / variances)
        logarithms = _dimensions(self.shape) @ np.log(2 * np.pi * variances)
        return np.asarray(-0.5 * (exponents + logarithms))


def check_matrices(matrices: npt.ArrayLike, shape: Shape | None = None) -> Array:
    """Return real matrices (n, rows, columns) as float64: of a shape, or one or more of any.

    Raises
    ------
    ValueError
        If they are something else.
    """
    array = np.asarray(matrices)
    wrong = array.ndim != 3 or array.dtype.kind not in "fiub"
    if wrong or (0 in array.shape if shape is None else array.shape[1:] != shape):
        rows, columns = shape or ("rows", "columns")
        raise ValueError(
            f"expected real matrices of shape (n, {rows}, {columns}), "
            f"found {array.dtype} of shape {array.shape}"
        )
    return np.asarray(array, dtype=np.float64)


def _check_variances(variances: Array) -> None:
    if variances.min() < 0:
        raise ValueError(f"expected variances of at least 0, found {variances}")


def _check_density(mean: float, variances: dict[str, float]) -> None:
    rounding = ROUNDING * max(mean**2, *variances.values())
    for name, variance in variances.items():
        if variance <= rounding:
            raise np.linalg.LinAlgError(
                f"the variance of {name} is singular ({variance:.3g}): the law has no density"
            )


def _expectation(graphs: Iterable[Graph], shape: Shape, values: list[float]) -> Array:
    """Expectations of invariants from the numbers that `wick.BIPARTITE` lists."""
    numbers = np.zeros(2 + len(wick.PATTERNS))
    numbers[wick.BIPARTITE] = values
    return wick.expectation(graphs, shape[0] if shape[0] == shape[1] else shape, numbers)


def _dimensions(shape: Shape) -> Array:
    """Return the dimensions (4,) of the bipartite parts: total, rows, columns, rest."""
    rows, columns = shape
    if min(rows, columns) < 2:
        raise ValueError(f"expected a shape of at least (2, 2), found {shape}")
    return np.array([1.0, rows - 1, columns - 1, (rows - 1) * (columns - 1)])


def _parts(matrices: Array) -> tuple[Array, Array, Array, Array]:
    """Total (n, 1, 1), rows (n, R, 1), columns (n, 1, C), rest (n, R, C): orthogonal, adding up."""
    row, column = matrices.mean(2, keepdims=True), matrices.mean(1, keepdims=True)
    total = row.mean(1, keepdims=True)
    return total, row - total, column - total, matrices - row - column + total


def _squared_norms(matrices: Array, mean: float) -> Array:
    """Squared norms (n, 4) of the parts of the matrices about a mean."""
    n, rows, columns = matrices.shape
    norms = np.empty((n, 4))
    step = max(1, _TOGETHER // (rows * columns))
    for start in range(0, n, step):
        chunk = slice(start, start + step)
        parts = _parts(matrices[chunk] - mean)
        total, row, column, rest = (np.square(part).sum((1, 2)) for part in parts)
        each = [rows * columns * total, columns * row, rows * column, rest]
        norms[chunk] = np.stack(each, axis=-1)
    return norms
