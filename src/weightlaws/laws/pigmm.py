"""The permutation-invariant Gaussian matrix model: all Gaussian laws with the symmetry S_D.

The law of W does not change when rows and columns are permuted together. Under S_D matrices fall
into 2 V0 + 3 VH + V2 + V3, and the law into independent blocks on orthonormal coordinates:

- V0: S1 = sum_ij W_ij / D and S2 = (sum_i W_ii - S1) / sqrt(D-1), with means f1, f2 and covariance
  [[f3, f4], [f4, f5]];
- VH, of dimension D-1: the centred column sums / sqrt(D), the centred row sums / sqrt(D), and the
  centred diagonal made orthogonal to both and normalised by sqrt(D/(D-2)), with covariance
  [[f6, f7, f8], [f7, f9, f10], [f8, f10, f11]];
- V2, of dimension D(D-3)/2, the rest of the symmetric part, with variance f12;
- V3, of dimension (D-1)(D-2)/2, the rest of the antisymmetric part, with variance f13.

Moment matching is maximum likelihood here, and needs only the 13 invariants of degrees 1 and 2.
Sources: arXiv:1809.07559 (the model), arXiv:2510.05218 (f1 to f13).
"""

from collections.abc import Iterable
from functools import cache
from typing import Self

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Bools, Floats, Shape
from weightlaws.invariants.catalogue import graphs_of
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import PUBLISHED, Graph
from weightlaws.laws.base import ROUNDING, TOGETHER, ByCoordinates, checked_parts
from weightlaws.laws.wick import PATTERNS, expectation, mirror
from weightlaws.storage.matrices import Matrices

#: The invariants I1 to I13, of degrees 1 and 2, that the law fits.
FITTED: tuple[Graph, ...] = tuple(PUBLISHED[f"I{k}"] for k in range(1, 14))

#: Which of f1 to f13 are variances, and so never negative.
VARIANCES: Bools = np.isin(np.arange(13), [2, 4, 5, 8, 10, 11, 12])

#: Names of the blocks, in the order of `blocks` and `multiplicities`.
BLOCKS = ("V0", "VH", "V2", "V3")


def blocks(parameters: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Covariances of the `BLOCKS` of laws (..., 13): (..., p, p) with p = 2, 3, 1, 1."""
    return (
        parameters[..., [[2, 3], [3, 4]]],
        parameters[..., [[5, 6, 7], [6, 8, 9], [7, 9, 10]]],
        parameters[..., 11, None, None],
        parameters[..., 12, None, None],
    )


def multiplicities(size: int) -> tuple[int, int, int, int]:
    """How often each of the `BLOCKS` occurs: 1, and the dimensions of VH, V2 and V3.

    Raises
    ------
    ValueError
        If the size is not above 3: V2 would vanish.
    """
    if size <= 3:
        raise ValueError(f"expected a size above 3, found {size}")
    return 1, size - 1, size * (size - 3) // 2, (size - 1) * (size - 2) // 2


def square_root(covariance: Floats) -> Floats:
    """Symmetric square roots (..., p, p) of covariances."""
    if covariance.shape[-1] == 1:
        return np.sqrt(np.where(covariance > 0, covariance, 0))
    values, vectors = np.linalg.eigh(covariance)
    # A zero eigenvalue comes out as some 1e-16 of the largest, of either sign. Its root would be
    # some 1e-8, which is no rounding error any more.
    rounding = 8 * np.finfo(np.float64).eps * values[..., -1:]
    roots = np.sqrt(np.where(values > rounding, values, 0).clip(0))[..., None, :]
    return np.asarray((vectors * roots) @ vectors.swapaxes(-1, -2))


def sufficient_statistics(invariants: npt.ArrayLike, size: int) -> Floats:
    """Second moments of the coordinates from the 13 invariants, to which they are linear.

    Parameters
    ----------
    invariants : (..., 13)
        Values or averages of `FITTED`.
    size
        The matrices' size D > 3.

    Returns
    -------
    (..., 13)
        In the order of the parameters: S1, S2, S1^2, S1 S2, S2^2, the six products of the VH
        coordinates per dimension, and the squared norms of the V2 and V3 parts per dimension.

    Raises
    ------
    ValueError
        If the last axis is not 13, or the size is not above 3.
    """
    invariants = np.asarray(invariants, dtype=np.float64)
    if invariants.ndim < 1 or invariants.shape[-1] != 13:
        raise ValueError(f"expected invariants of shape (..., 13), found {invariants.shape}")
    D = size
    _, n_h, n_2, n_3 = multiplicities(size)
    (trace, total, squares, transposes, diagonal_row, diagonal_column, rows, columns, row_column,
     total_2, diagonals, trace_2, trace_total) = np.moveaxis(invariants, -1, 0)  # fmt: skip
    s1 = total / D
    s2 = (trace - s1) / np.sqrt(D - 1)
    s11 = total_2 / D**2
    s12 = (trace_total / D - s11) / np.sqrt(D - 1)
    s22 = (trace_2 - 2 * trace_total / D + s11) / (D - 1)
    # Products of the centred column sums c, row sums r and diagonal d, summed over D entries.
    cc, rr, rc = columns - total_2 / D, rows - total_2 / D, row_column - total_2 / D
    dc, dr = diagonal_column - trace_total / D, diagonal_row - trace_total / D
    dd = diagonals - trace_2 / D
    k = np.sqrt(D / (D - 2))
    h11, h12, h22 = cc / D, rc / D, rr / D
    h13, h23 = k / np.sqrt(D) * (dc - h11 - h12), k / np.sqrt(D) * (dr - h22 - h12)
    h33 = k**2 * (dd - 2 * (dr + dc) / D + (h11 + 2 * h12 + h22) / D)
    v2 = (squares + transposes) / 2 - s11 - s22 - h33 - (h11 + 2 * h12 + h22) / 2
    v3 = (squares - transposes) / 2 - (h11 - 2 * h12 + h22) / 2
    vh = [h / n_h for h in (h11, h12, h13, h22, h23, h33)]
    return np.stack([s1, s2, s11, s12, s22, *vh, v2 / n_2, v3 / n_3], axis=-1)


def parameters_from_moments(mean_invariants: npt.ArrayLike, size: int) -> Floats:
    """Fit the law to averages (..., 13) of `FITTED` over members: f1 to f13, (..., 13)."""
    parameters = sufficient_statistics(mean_invariants, size)
    s1, s2 = parameters[..., 0], parameters[..., 1]
    parameters[..., 2:5] -= np.stack([s1 * s1, s1 * s2, s2 * s2], axis=-1)
    return parameters


def numbers_from_parameters(parameters: npt.ArrayLike, size: int) -> Floats:
    """Write laws (..., 13) in the numbers (..., 13) that `wick.expectation` takes."""
    return np.asarray(parameters, dtype=np.float64) @ _numbers(size)


class PIGMM(ByCoordinates):
    """A permutation-invariant Gaussian law of D x D matrices.

    Parameters
    ----------
    size
        D > 3.
    parameters : (13,)
        f1 to f13.

    Raises
    ------
    ValueError
        If the size is not above 3, the parameters are not 13 finite numbers, or a block is not a
        covariance; the message names the block.

    Examples
    --------
    Independent entries of variance 0.25: all 100 add to the sum of W_ij^2, and only the 10 on the
    diagonal to the sum of W_ij W_ji.

    >>> law = PIGMM.iid(10, 0.25)
    >>> squares, transposes = PUBLISHED["I3"], PUBLISHED["I4"]
    >>> squares.formula, transposes.formula
    ('sum_ij W_ij^2', 'sum_ij W_ij W_ji')
    >>> law.expectation([squares, transposes]).round(6)
    array([25. ,  2.5])
    >>> law.expectation(["I3", "ij.ji"]).round(6)  # the same, as tables name them
    array([25. ,  2.5])

    A fit needs no optimiser, and predicts every invariant.

    >>> fit = PIGMM.fit(law.sample(1000, np.random.default_rng(0)))
    >>> fit.expectation([squares]).round()
    array([25.])
    """

    #: The number of parameters.
    n_parameters = 13

    def __init__(self, size: int, parameters: npt.ArrayLike) -> None:
        multiplicities(size)
        self._size = int(size)
        self._parameters = np.array(parameters, dtype=np.float64)
        self._parameters.setflags(write=False)
        if self._parameters.shape != (13,):
            raise ValueError(f"expected parameters of shape (13,), found {self._parameters.shape}")
        if not np.isfinite(self._parameters).all():
            raise ValueError(f"expected finite parameters, found {self._parameters}")
        # Moments may have been taken about 0, which rounds to a share of the squared means.
        for name, least, rounding in self._least_eigenvalues(of_means=ROUNDING):
            if least < -rounding:
                raise ValueError(f"block {name} is not a covariance: it has eigenvalue {least:.3g}")

    def __repr__(self) -> str:
        return f"PIGMM(size={self.size}, parameters={self.parameters.tolist()})"

    @classmethod
    def fit(cls, matrices: npt.ArrayLike | Matrices) -> Self:
        """Fit to matrices (n, D, D), n >= 1, D > 3: by moments, which is maximum likelihood.

        Moments are taken about the mean matrix, so that a large mean costs no digits.
        """
        matrices = Matrices.of(matrices)
        size, columns = matrices.shape
        if size != columns:
            raise ValueError(
                f"expected matrices of shape (n, D, D), found {(len(matrices), size, columns)}"
            )
        multiplicities(size)
        return super().fit(matrices)

    @staticmethod
    def centre(matrices: Matrices) -> tuple[float, float]:
        """Return the mean entry off the diagonal, and by how much that on it exceeds it.

        They are those of the first members: near to those of all, and quick to have.
        """
        first = next(checked_parts(matrices))
        n, size, _ = first.shape
        trace = np.einsum("nii->", first) / n
        constant = (first.sum() / n - trace) / (size * (size - 1))
        return float(constant), float(trace / size - constant)

    @staticmethod
    def coordinates(matrices: Floats, centre: tuple[float, ...]) -> Floats:
        """Return all that the law's density takes of matrices (n, D, D): (n, 13).

        They are the `sufficient_statistics` of the matrices less the matrix of the centre.
        """
        size, (constant, diagonal) = matrices.shape[-1], centre
        about = _about(matrices, constant + diagonal * np.eye(size))
        return sufficient_statistics(about, size)

    @classmethod
    def fit_coordinates(cls, coordinates: Floats, shape: Shape, centre: tuple[float, ...]) -> Self:
        """Fit to the `coordinates` (n, 13) of matrices."""
        size, (constant, diagonal) = shape[0], centre
        parameters = coordinates.mean(axis=0)
        parameters[2:5] = _products(coordinates[:, :2] - parameters[:2]).mean(axis=0)
        parameters[:2] += size * constant + diagonal, np.sqrt(size - 1) * diagonal
        return cls(size, parameters)

    @classmethod
    def iid(cls, size: int, variance: float) -> Self:
        """Return the law of independent entries with mean 0 and one variance."""
        parameters = np.zeros(13)
        parameters[VARIANCES] = variance
        return cls(size, parameters)

    @property
    def size(self) -> int:
        """The matrices' size D."""
        return self._size

    @property
    def shape(self) -> Shape:
        """(D, D)."""
        return self._size, self._size

    @property
    def parameters(self) -> Floats:
        """f1 to f13, read-only."""
        return self._parameters

    def mean(self) -> Floats:
        """Return the mean matrix (D, D)."""
        constant, diagonal = self.mean_numbers
        return np.asarray(constant + diagonal * np.eye(self.size))

    def covariance(self) -> Floats:
        """Return the covariance (D*D, D*D) of the entries in row-major order.

        Raises
        ------
        ValueError
            Above D = 64, where it would take more than 128 MiB.
        """
        D = self.size
        if D > 64:
            raise ValueError(f"expected a size of at most 64 for the full covariance, found {D}")
        tensor = np.zeros((D, D, D, D))
        numbers = numbers_from_parameters(self.parameters, D)[2:]
        for pattern, number in zip(PATTERNS, numbers, strict=True):
            for partition in {pattern, mirror(pattern)}:
                letters = "".join("ijkl"[label] for label in partition)
                # A view of the entries that the pattern's delta selects.
                np.einsum(f"{letters}->{''.join(sorted({*letters}))}", tensor)[...] += number
        return tensor.reshape(D * D, D * D)

    def expectation(self, graphs: Iterable[Graph | str]) -> Floats:
        """Return the exact expectations (len(graphs),) of invariants, or of those of some names."""
        numbers = numbers_from_parameters(self.parameters, self.size)
        return expectation(graphs_of(graphs), self.size, numbers)

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n matrices, (n, D, D); singular blocks are no obstacle."""
        root_0, root_h, root_2, root_3 = map(square_root, blocks(self.parameters))
        normal = rng.standard_normal((n, self.size, self.size))
        v0, vh = _coordinates(normal)
        transposed = normal.swapaxes(-1, -2)
        rest = (root_2 * (normal + transposed) + root_3 * (normal - transposed)) / 2
        rest_0, rest_h = _coordinates(rest)
        return rest + _compose(self.parameters[:2] + v0 @ root_0 - rest_0, root_h @ vh - rest_h)

    def log_likelihood_of(self, coordinates: Floats, centre: tuple[float, ...]) -> Floats:
        """Log-density (n,) of matrices by their `coordinates`; errors of `log_likelihood`."""
        D, moments = self.size, self._moments_of(coordinates, centre)
        value = np.full(len(coordinates), -0.5 * D**2 * np.log(2 * np.pi))
        for number, law, moment in zip(
            multiplicities(D), blocks(self.parameters), moments, strict=True
        ):
            exponent = np.trace(np.linalg.solve(law, moment), axis1=-2, axis2=-1)
            value -= 0.5 * number * (exponent + np.linalg.slogdet(law).logabsdet)
        return value

    def moments(self, matrices: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Products of the coordinates of each matrix about the mean, per dimension of a block.

        They are (n, p, p) for each of the `BLOCKS`, and average to its covariance.

        Raises
        ------
        numpy.linalg.LinAlgError
            If a block is singular, so that there is no density; the message names it.
        """
        centre = self.mean_numbers
        return self._moments_of(self.coordinates(matrices, centre), centre)

    def _moments_of(
        self, coordinates: Floats, centre: tuple[float, ...]
    ) -> tuple[Floats, Floats, Floats, Floats]:
        for name, least, rounding in self._least_eigenvalues(of_means=ROUNDING**2):
            if least <= rounding:
                raise np.linalg.LinAlgError(
                    f"block {name} is singular (eigenvalue {least:.3g}): the law has no density"
                )
        statistics, D, (constant, diagonal) = coordinates.copy(), self.size, centre
        of_centre = D * constant + diagonal, np.sqrt(D - 1) * diagonal
        statistics[:, 2:5] = _products(coordinates[:, :2] - (self.parameters[:2] - of_centre))
        return blocks(statistics)

    @property
    def mean_numbers(self) -> tuple[float, float]:
        """The mean of an entry off the diagonal, and by how much that of one on it exceeds it."""
        constant, diagonal = numbers_from_parameters(self.parameters, self.size)[:2]
        return float(constant), float(diagonal)

    def _least_eigenvalues(self, of_means: float) -> list[tuple[str, float, float]]:
        """Name, least eigenvalue, and the size of rounding, of each block.

        A fit subtracts the other parts from E|W|^2, so the rounding is relative to that, per
        dimension of the block. `of_means` is the share of the squared means that it is.
        """
        law, numbers = blocks(self.parameters), multiplicities(self.size)
        values = [np.linalg.eigvalsh(covariance) for covariance in law]
        total = sum(n * float(np.abs(v).sum()) for n, v in zip(numbers, values, strict=True))
        rounding = ROUNDING * total + of_means * float(np.square(self.parameters[:2]).sum())
        return [
            (name, float(v[0]), rounding / n)
            for name, v, n in zip(BLOCKS, values, numbers, strict=True)
        ]


def _products(offsets: Floats) -> Floats:
    """Products (n, 3) of the V0 coordinates (n, 2): of the first, of both, of the second."""
    first, second = offsets.T
    return np.stack([first**2, first * second, second**2], axis=-1)


def _about(matrices: Floats, mean: Floats) -> Floats:
    """Values (n, 13) of `FITTED` of the matrices less a mean matrix."""
    step = max(1, TOGETHER // mean.size)
    starts = range(0, max(1, len(matrices)), step)
    return np.concatenate([evaluate(FITTED, matrices[k : k + step] - mean) for k in starts])


def _coordinates(matrices: Floats) -> tuple[Floats, Floats]:
    """V0 (n, 2) and VH (n, 3, D) coordinates; the latter are centred vectors."""
    D = matrices.shape[-1]
    columns, rows = matrices.sum(-2), matrices.sum(-1)
    diagonal = np.diagonal(matrices, axis1=-2, axis2=-1)
    s1 = rows.sum(-1) / D
    s2 = (diagonal.sum(-1) - s1) / np.sqrt(D - 1)
    third = np.sqrt(D / (D - 2)) * (diagonal - (rows + columns) / D)
    vh = np.stack([columns / np.sqrt(D), rows / np.sqrt(D), third], axis=-2)
    return np.stack([s1, s2], axis=-1), vh - vh.mean(-1, keepdims=True)


def _compose(v0: Floats, vh: Floats) -> Floats:
    """Matrices (n, D, D) with given V0 and VH coordinates and no other part."""
    D = vh.shape[-1]
    s1, s2 = v0[:, 0, None, None], v0[:, 1, None, None] / np.sqrt(D - 1)
    third = np.sqrt(D / (D - 2)) * vh[:, 2]
    columns, rows = vh[:, 0] / np.sqrt(D) - third / D, vh[:, 1] / np.sqrt(D) - third / D
    diagonal = np.eye(D) * (s2 + third[:, None, :])
    return np.asarray((s1 - s2) / D + rows[:, :, None] + columns[:, None, :] + diagonal)


@cache
def _numbers(size: int) -> Floats:
    """Return the matrix (13, 13) that takes f1 to f13 to the numbers of a law.

    Its inverse is the fit to the exact moments of 13 laws, with one of the numbers each.
    """
    # A term that identifies the indices down to n is of order D^(2-n): scaled so, the matrix that
    # is inverted has entries of order 1 at any size.
    scale = np.array([1 / size, 1] + [float(size) ** (1 - max(p)) for p in PATTERNS])
    moments = expectation(FITTED, size, np.diag(scale))
    numbers: Floats = np.linalg.inv(parameters_from_moments(moments, size)) * scale
    numbers.setflags(write=False)
    return numbers
