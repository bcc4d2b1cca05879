"""The common ground of the Gaussian laws of matrices: their interface, and checks.

Every law is fitted by moments, with 1/N averages. For these laws this is maximum likelihood.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats, Shape
from weightlaws.invariants.graphs import Graph
from weightlaws.laws import wick
from weightlaws.storage.matrices import Matrices

#: Rounding of a fitted variance, relative to the moments that the fit subtracts. Sums of float64
#: lose some 1e-14 of these, and a meaningful variance lies far above. A law with a variance below
#: the rounding has no density.
ROUNDING = 1e-12

#: The largest entry of matrices that laws take, as fits form fourth powers of sums of entries.
LARGEST = 1e70

#: Entries of matrices that are taken at once: all members of a wide layer would be gigabytes.
TOGETHER = 2**20


class Law(Protocol):
    """A Gaussian law of matrices (rows, columns)."""

    @property
    def shape(self) -> Shape:
        """Rows and columns of the matrices."""

    @property
    def n_parameters(self) -> int:
        """The number of parameters that a fit estimates."""

    @property
    def parameters(self) -> Floats:
        """The parameters, (n_parameters,), read-only."""

    @classmethod
    def fit(cls, matrices: npt.ArrayLike | Matrices) -> Self:
        """Fit to matrices (n, rows, columns) by maximum likelihood."""

    def expectation(self, graphs: Iterable[Graph | str]) -> Floats:
        """Return the exact expectations (len(graphs),) of invariants, or of those of some names."""

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n matrices, (n, rows, columns); singular parts are no obstacle."""

    def log_likelihood(self, matrices: npt.ArrayLike) -> Floats:
        """Log-density (n,) of matrices (n, rows, columns).

        Raises
        ------
        numpy.linalg.LinAlgError
            If a part of the law is singular, so that there is no density; the message names it.
        """


def drawn_parts(law: Law, n: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Draw n matrices as `Law.sample` does, some at a time."""
    step = max(1, 2 * TOGETHER // (law.shape[0] * law.shape[1]))
    for start in range(0, n, step):
        yield law.sample(min(step, n - start), rng)


class ParametricLaw:
    """A shape and a checked, read-only vector of parameters."""

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
    def parameters(self) -> Floats:
        """The parameters in the order that the class states, read-only."""
        return self._parameters


def check_matrices(matrices: npt.ArrayLike, shape: Shape | None = None) -> Floats:
    """Return real matrices (n, rows, columns) as float64: of a shape, or one or more of any.

    Raises
    ------
    ValueError
        If they are something else, or an entry is not finite or is above `LARGEST`.
    """
    array = np.asarray(matrices)
    wrong = array.ndim != 3 or array.dtype.kind not in "fiub"
    if wrong or (0 in array.shape if shape is None else array.shape[1:] != shape):
        rows, columns = shape or ("rows", "columns")
        raise ValueError(
            f"expected real matrices of shape (n, {rows}, {columns}), "
            f"found {array.dtype} of shape {array.shape}"
        )
    array = np.asarray(array, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if np.vdot(array, array) <= LARGEST**2:  # one quick pass, and almost always enough
            return array
    # NaN is passed on by both, and there is no further array.
    extremes = array.min(initial=0), array.max(initial=0)
    if not np.isfinite(extremes).all():
        wrong_ones = int((~np.isfinite(array).all(axis=(1, 2))).sum())
        raise ValueError(
            f"expected finite entries, found NaN or infinity in {wrong_ones} of {len(array)} "
            "matrices; leave these matrices out"
        )
    if max(-extremes[0], extremes[1]) > LARGEST:
        raise ValueError(
            f"expected entries of absolute value up to {LARGEST:g}, whose powers can be added up, "
            f"found {max(extremes, key=abs):g}; divide all matrices by one large number first"
        )
    return array


def checked_parts(matrices: npt.ArrayLike | Matrices) -> Iterator[Floats]:
    """Pass matrices (n, rows, columns) on as float64, some members at a time.

    Raises
    ------
    ValueError
        As `check_matrices`.
    """
    return map(check_matrices, Matrices.of(matrices))


class ByCoordinates(ABC):
    """A law whose fit and density take a few numbers of each matrix, its coordinates.

    They are taken about a centre, whose numbers the law states: near to the mean, no digits are
    lost. So an ensemble is read a part at a time, and once for the fits to any of its members.
    """

    @classmethod
    def fit(cls, matrices: npt.ArrayLike | Matrices) -> Self:
        """Fit to matrices (n, rows, columns), n >= 1, by maximum likelihood.

        Raises
        ------
        ValueError
            If there are no finite real matrices, or they have no shape of the law.
        """
        matrices = Matrices.of(matrices)
        centre = cls.centre(matrices)
        coordinates = [cls.coordinates(part, centre) for part in checked_parts(matrices)]
        return cls.fit_coordinates(np.concatenate(coordinates), matrices.shape, centre)

    def log_likelihood(self, matrices: npt.ArrayLike) -> Floats:
        """Log-density (n,) of matrices (n, rows, columns).

        Raises
        ------
        ValueError
            If the matrices have another shape.
        numpy.linalg.LinAlgError
            If the law has no density; the message names the part that does not vary.
        """
        centre = self.mean_numbers
        coordinates = self.coordinates(check_matrices(matrices, self.shape), centre)
        return self.log_likelihood_of(coordinates, centre)

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """Rows and columns of the matrices."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """The number of parameters."""

    @property
    @abstractmethod
    def mean_numbers(self) -> tuple[float, ...]:
        """The numbers that fix the mean matrix: the centre about which the law is."""

    @staticmethod
    @abstractmethod
    def centre(matrices: Matrices) -> tuple[float, ...]:
        """Return the `mean_numbers` of the first members: near to those of all, quick to have."""

    @staticmethod
    @abstractmethod
    def coordinates(matrices: Floats, centre: tuple[float, ...]) -> Floats:
        """Return all that the law's density takes of matrices (n, rows, columns): (n, numbers)."""

    @classmethod
    @abstractmethod
    def fit_coordinates(cls, coordinates: Floats, shape: Shape, centre: tuple[float, ...]) -> Self:
        """Fit to the `coordinates` (n, numbers) of matrices."""

    @abstractmethod
    def log_likelihood_of(self, coordinates: Floats, centre: tuple[float, ...]) -> Floats:
        """Log-density (n,) of matrices by their `coordinates`; errors of `log_likelihood`."""


class AboutMeanEntry(ParametricLaw, ByCoordinates):
    """A law whose mean matrix has equal entries, its first parameter."""

    @property
    def mean_numbers(self) -> tuple[float]:
        """The mean entry."""
        return (float(self.parameters[0]),)

    @staticmethod
    def centre(matrices: Matrices) -> tuple[float]:
        """Return the mean entry of the first members: near to that of all, and quick to have."""
        return (float(next(checked_parts(matrices)).mean()),)


def check_variances(variances: Floats) -> None:
    """Refuse negative variances by a ValueError."""
    if variances.min() < 0:
        raise ValueError(f"expected variances of at least 0, found {variances}")


def check_density(mean: float, variances: dict[str, float]) -> None:
    """Refuse, by a LinAlgError, a law with a variance that is 0 up to rounding.

    Parameters
    ----------
    mean
        Of the entries.
    variances
        By name of the part.
    """
    rounding = singular_below(mean, max(variances.values()))
    for name, variance in variances.items():
        if variance <= rounding:
            raise np.linalg.LinAlgError(
                f"the variance of {name} is singular ({variance:.3g}): the law has no density"
            )


def singular_below(mean: float, variance: float) -> float:
    """Return the variance that rounding makes, in a fit about the mean.

    The entries are rounded to some 1e-16 of their mean, and variances to some 1e-14 of the largest.
    """
    return ROUNDING * variance + (ROUNDING * mean) ** 2


def bipartite_expectation(graphs: Iterable[Graph], shape: Shape, values: npt.ArrayLike) -> Floats:
    """Return exact expectations (..., len(graphs)) from numbers (..., 5) at `wick.BIPARTITE`."""
    values = np.asarray(values, dtype=np.float64)
    numbers = np.zeros((*values.shape[:-1], 2 + len(wick.PATTERNS)))
    numbers[..., wick.BIPARTITE] = values
    return wick.expectation(graphs, shape[0] if shape[0] == shape[1] else shape, numbers)
