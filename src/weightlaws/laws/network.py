r"""The joint Gaussian law of all layers of a network whose hidden neurons may be exchanged.

A permutation of the h neurons of a hidden layer acts on the rows of the matrix that leads to them
and on the columns of the next one at once. Pixels and classes keep their labels. Under the product
of these groups R^h is a trivial part, the constant vectors, and a standard part V_k, the vectors
with sum 0. A labelled side is as many trivial parts as it has labels. So the layers fall into

==================  =======================  =====================================================
part                copies of its vectors    coordinates of a copy
==================  =======================  =====================================================
trivial ("totals")  1                        of each layer its total, or one for each label
V_k                 h_k - 1                  of the layer before, its row sums (or rows, by pixel);
                                             of the layer after, its column sums (or columns, by
                                             class)
V_k x V_(k-1)       (h_k - 1)(h_(k-1) - 1)   the rest of the matrix between them
==================  =======================  =====================================================

By Schur's lemma a law with this symmetry has a mean in the trivial part alone, and one covariance
for each part, the same in all copies. So totals of all layers may be correlated, and at each hidden
neuron what comes in with what goes out; nothing else joins two layers. The likelihood is a product
over the parts. Averages of products over copies and members are its maximum.

Sources: arXiv:1809.07559 and arXiv:2510.05218 (laws of one matrix by representation theory).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.arrays import Bools, Floats, Integers, Shape
from weightlaws.laws.base import check_matrices, singular_below
from weightlaws.laws.one_sided import check_covariance, whitening_root
from weightlaws.laws.pigmm import square_root
from weightlaws.laws.wasserstein import squared_bures

#: What the law knows of the inputs: ``labelled``, each has covariances of its own with all other
#: layers; ``summed``, each has its own within the first layer, and the other layers depend on that
#: one through its sums over all inputs alone; ``exchangeable``, inputs may be permuted too.
Inputs = Literal["labelled", "summed", "exchangeable"]

# The sides whose standard parts are multiplied: none, one, or both of a matrix. Side 0 is the
# input, side k the k-th hidden layer.
_Sides = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """Copies of one irreducible part of a network, whose coordinates share a covariance.

    Attributes
    ----------
    name
        ``totals``; ``input``, ``hidden1``, ...: what belongs to a neuron of the layer; ``rest
        hidden1-hidden2``, ...: what is left of a matrix.
    copies
        The dimension of the part.
    layers : (m,)
        The layer that each coordinate of a copy comes from, from 0 on.
    """

    name: str
    copies: int
    layers: Integers


class NetworkLaw:
    """A Gaussian law of a network's layers, unchanged by permutations of hidden neurons.

    Parameters
    ----------
    widths
        Inputs, neurons of each hidden layer, at least 2, and outputs; at least one layer is hidden.
    mean : (m,)
        The mean of the first part, the totals.
    covariances
        For each of `parts_of` its covariance (m, m).
    inputs
        What the law knows of the inputs.
    independent
        Whether layers are independent, and parameters are counted so.

    Raises
    ------
    ValueError
        If a number, a size or a name is not one of these, or a covariance has a negative
        eigenvalue.

    Examples
    --------
    What comes into a hidden neuron goes out again:

    >>> rng = np.random.default_rng(0)
    >>> first = rng.normal(size=(2000, 4, 3))
    >>> second = rng.normal(size=(2000, 2, 4)) + first.sum(2)[:, None, :]
    >>> law = NetworkLaw.fit([first, second])
    >>> law.correlations.round(2).to_dict("records")
    [{'hidden': 'hidden1', 'correlation': 0.92}]
    >>> [matrices.shape for matrices in law.sample(5, rng)]
    [(5, 4, 3), (5, 2, 4)]
    """

    def __init__(
        self,
        widths: Sequence[int],
        mean: npt.ArrayLike,
        covariances: Sequence[npt.ArrayLike],
        inputs: Inputs = "summed",
        independent: bool = False,
    ) -> None:
        self._widths = tuple(int(width) for width in widths)
        self._inputs, self._independent, self._few = inputs, independent, ""
        self._parts = parts_of(self._widths, inputs)
        self._mean = _read_only(mean)
        self._covariances = [_read_only(covariance) for covariance in covariances]
        found = [self._mean.shape, *(covariance.shape for covariance in self._covariances)]
        sizes = [len(part.layers) for part in self._parts]
        expected = [(sizes[0],), *((size, size) for size in sizes)]
        if found != expected:
            raise ValueError(f"expected a mean and covariances of shapes {expected}, found {found}")
        norms = [float(np.linalg.norm(covariance)) for covariance in self._covariances]
        if not np.isfinite([*norms, np.abs(self._mean).max()]).all():
            raise ValueError("expected a finite mean and finite covariances")
        self._rounding = singular_below(float(np.abs(self._mean).max()), max(norms))
        for part, covariance in zip(self._parts, self._covariances, strict=True):
            check_covariance(f"the covariance of {part.name}", covariance, self._rounding)

    def __repr__(self) -> str:
        return (
            f"NetworkLaw(widths={self.widths}, inputs={self.inputs!r}, "
            f"independent={self._independent})"
        )

    @classmethod
    def fit(cls, layers: Sequence[npt.ArrayLike], inputs: Inputs = "summed") -> Self:
        """Fit by maximum likelihood.

        Parameters
        ----------
        layers
            Of each layer, in the order of the network, a matrix a member: (N, out, in), N >= 1.
        inputs
            What the law is to know of the inputs. It has a density only if there are more members
            than totals: of ``labelled`` and ``summed`` inputs each has one.

        Raises
        ------
        ValueError
            If the layers are not real and finite, or do not follow on each other.
        """
        matrices = check_layers(layers)
        widths = [matrices[0].shape[2], *(matrix.shape[1] for matrix in matrices)]
        parts, n = parts_of(widths, inputs), len(matrices[0])
        coordinates = _coordinates(matrices, inputs)
        mean = coordinates[0].mean((0, 1))
        covariances = []
        for part, values in zip(parts, coordinates, strict=True):
            offsets = (values - mean if part.name == "totals" else values).reshape(
                -1, len(part.layers)
            )
            covariances.append(offsets.T @ offsets / (n * part.copies))
        if inputs == "summed":
            covariances = [
                _through_sums(covariance, part.layers == 0)
                for part, covariance in zip(parts, covariances, strict=True)
            ]
        law = cls(widths, mean, covariances, inputs)
        # One by one, or the inputs' sum with those of other layers.
        together = max(widths[0], len(mean) - widths[0] + 1) if inputs == "summed" else len(mean)
        if n <= together:
            law._few = f"; {n} members are too few for {together} totals"
        return law

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, neurons of each hidden layer, outputs."""
        return self._widths

    @property
    def shapes(self) -> list[Shape]:
        """Rows and columns of each layer's matrices."""
        return list(zip(self._widths[1:], self._widths, strict=False))

    @property
    def inputs(self) -> Inputs:
        """What the law knows of the inputs."""
        return self._inputs

    @property
    def parts(self) -> tuple[Part, ...]:
        """The irreducible parts, in the order of the covariances."""
        return self._parts

    @property
    def mean(self) -> Floats:
        """The mean (m,) of the totals, read-only."""
        return self._mean

    @property
    def covariances(self) -> list[Floats]:
        """The covariance (m, m) of each part, read-only."""
        return list(self._covariances)

    @property
    def n_parameters(self) -> int:
        """The number of parameters that a fit estimates."""
        number = len(self._mean) + (0 if self._independent else sum(self.joins.values()))
        for part in self._parts:
            counts = np.unique_counts(part.layers).counts
            number += int((counts * (counts + 1) // 2).sum())
        return number

    @property
    def joins(self) -> dict[str, int]:
        """The number of covariances between layers by part, of parts that join any."""
        joins = {}
        for part in self._parts:
            counts = np.unique_counts(part.layers).counts
            if self._inputs == "summed" and 0 in part.layers:
                counts[0] = 1
            if len(counts) > 1:
                joins[part.name] = int(counts.sum() ** 2 - np.square(counts).sum()) // 2
        return joins

    @property
    def correlations(self) -> pd.DataFrame:
        """The correlation, at each hidden layer, of a neuron's sums over what enters and leaves.

        One row a hidden layer: ``hidden``, its name, and ``correlation``, of row sums of the matrix
        before with column sums of the one after, both centred in each member. NaN where a sum does
        not vary.
        """
        rows = []
        for part, covariance in zip(self._parts, self._covariances, strict=True):
            if part.name.startswith("hidden"):
                enters = part.layers == part.layers.min()
                sums = np.stack([enters, ~enters]).astype(float)
                (a, c), (_, b) = sums @ covariance @ sums.T
                correlation = c / np.sqrt(a * b) if min(a, b) > self._rounding else np.nan
                rows.append({"hidden": part.name, "correlation": correlation})
        return pd.DataFrame(rows)

    def independent(self) -> Self:
        """Return the law of independent layers with the same law of each layer.

        Of a fit, it is the fit of greatest likelihood with independent layers.
        """
        covariances = [
            np.where(part.layers[:, None] == part.layers, covariance, 0)
            for part, covariance in zip(self._parts, self._covariances, strict=True)
        ]
        law = type(self)(self._widths, self._mean, covariances, self._inputs, independent=True)
        law._few = self._few
        return law

    def log_likelihood(self, layers: Sequence[npt.ArrayLike]) -> Floats:
        """Log-density (n,) of networks, matrices (n, out, in) of each layer.

        Raises
        ------
        ValueError
            If the matrices have other shapes.
        numpy.linalg.LinAlgError
            If a covariance is singular; the message names it.
        """
        coordinates = _coordinates(self._check(layers), self._inputs)
        total = np.zeros(len(coordinates[0]))
        for part, values, covariance in zip(
            self._parts, coordinates, self._covariances, strict=True
        ):
            offsets = values - self._mean if part.name == "totals" else values
            total += self._log_density(part, offsets, covariance)
        return total

    def gains(self, layers: Sequence[npt.ArrayLike]) -> pd.DataFrame:
        """How much more likely than independent layers this law makes networks, by part.

        Returns
        -------
        DataFrame
            A row a network, (n, k), in nats: ``totals``, ``hidden1``, ``hidden2``, ..., which add
            up to the difference of log-likelihoods. Rests are of one layer, and gain nothing.

        Raises
        ------
        ValueError, numpy.linalg.LinAlgError
            As `log_likelihood`. Where inputs are ``summed``, those of the first layer's sums alone
            count: the law of the rest of that layer cancels.
        """
        gains = {}
        coordinates = _coordinates(self._check(layers), self._inputs)
        for part, values, covariance in zip(
            self._parts, coordinates, self._covariances, strict=True
        ):
            if len(np.unique(part.layers)) == 1:
                continue
            offsets = values - self._mean if part.name == "totals" else values
            owners = part.layers
            if self._inputs == "summed":
                offsets, covariance, owners = _summed(offsets, covariance, owners)
            gains[part.name] = self._log_density(part, offsets, covariance)
            for layer in np.unique(owners):
                own = owners == layer
                gains[part.name] -= self._log_density(
                    part, offsets[:, :, own], covariance[np.ix_(own, own)]
                )
        return pd.DataFrame(gains)

    def _log_density(self, part: Part, offsets: Floats, covariance: Floats) -> Floats:
        """Log-density (n,) of a part's coordinates (n, vectors, m) about their mean."""
        try:
            white = whitening_root(covariance, self._rounding)
        except np.linalg.LinAlgError:
            raise np.linalg.LinAlgError(
                f"the covariance of {part.name} is singular: the law has no density{self._few}"
            ) from None
        logarithm = np.log(2 * np.pi / np.square(white.diagonal())).sum()
        exponents = np.square(offsets @ white).sum((1, 2))
        return np.asarray(-0.5 * (exponents + part.copies * logarithm))

    def sample(self, n: int, rng: np.random.Generator) -> list[Floats]:
        """Draw n networks: matrices (n, out, in) of each layer; singular parts are no obstacle."""
        white = _coordinates(
            [rng.standard_normal((n, *shape)) for shape in self.shapes], self._inputs
        )
        drawn = [
            values @ square_root(covariance)
            for values, covariance in zip(white, self._covariances, strict=True)
        ]
        drawn[0] = drawn[0] + self._mean
        return [self._layer(drawn, layer) for layer in range(len(self.shapes))]

    def sample_layer(
        self, layer: int, layers: Sequence[npt.ArrayLike], rng: np.random.Generator
    ) -> Floats:
        """Draw one layer of each network given its other layers.

        Parameters
        ----------
        layer
            From 0 on.
        layers
            All layers, (n, out, in) each; what stands at the place of the drawn one is not used.

        Returns
        -------
        (n, out, in)
        """
        matrices = self._check(layers)
        shape = matrices[layer].shape
        matrices[layer] = np.zeros(shape)
        given = _coordinates(matrices, self._inputs)
        matrices[layer] = rng.standard_normal(shape)
        white = _coordinates(matrices, self._inputs)
        drawn = []
        for part, known, noise, covariance in zip(
            self._parts, given, white, self._covariances, strict=True
        ):
            own = part.layers == layer
            mean = self._mean if part.name == "totals" else np.zeros(len(own))
            values = known.copy()
            if own.any():
                across = covariance[np.ix_(~own, own)]
                slopes = _inverse(covariance[np.ix_(~own, ~own)]) @ across
                rest = covariance[np.ix_(own, own)] - across.T @ slopes
                values[:, :, own] = mean[own] + (known - mean)[:, :, ~own] @ slopes
                values[:, :, own] += noise[:, :, own] @ square_root(rest)
            drawn.append(values)
        return self._layer(drawn, layer)

    def wasserstein(self, other: Self) -> float:
        """2-Wasserstein distance of two laws of the same parts, by the parts' Bures distances.

        Raises
        ------
        ValueError
            If the laws have other parts.
        """
        names = [[(part.name, len(part.layers)) for part in law.parts] for law in (self, other)]
        if self._widths != other.widths or names[0] != names[1]:
            raise ValueError(f"expected two laws of the same parts, found {self} and {other}")
        squared = float(np.square(self._mean - other.mean).sum())
        for part, a, b in zip(self._parts, self._covariances, other.covariances, strict=True):
            squared += part.copies * float(squared_bures(a, b))
        return float(np.sqrt(squared))

    def _check(self, layers: Sequence[npt.ArrayLike]) -> list[Floats]:
        matrices = check_layers(layers)
        found = [matrix.shape[1:] for matrix in matrices]
        if found != self.shapes:
            raise ValueError(f"expected layers of shapes {self.shapes}, found {found}")
        return matrices

    def _layer(self, coordinates: list[Floats], layer: int) -> Floats:
        """Put a layer's matrices (n, out, in) together from coordinates by part."""
        exchangeable = _exchangeable(self._widths, self._inputs)
        own = {
            sides: values[:, :, part.layers == layer]
            for sides, part, values in zip(
                _irreducible(exchangeable), self._parts, coordinates, strict=True
            )
        }
        rows, columns = layer + 1, layer
        R, C = self.shapes[layer]
        totals = own[()]
        if not exchangeable[columns]:
            return np.asarray(totals / np.sqrt(R) + own[rows,])
        if not exchangeable[rows]:
            return np.asarray((totals / np.sqrt(C) + own[columns,]).swapaxes(1, 2))
        of_rows, of_columns = own[rows,] / np.sqrt(C), own[columns,] / np.sqrt(R)
        rest = own[rows, columns].reshape(-1, R, C)
        return np.asarray(totals / np.sqrt(R * C) + of_rows + of_columns.swapaxes(1, 2) + rest)


def check_layers(layers: Sequence[npt.ArrayLike]) -> list[Floats]:
    """Return a network's matrices (n, out, in) of each layer as float64.

    Raises
    ------
    ValueError
        If there are fewer than two layers, if they are not real and finite, or if a layer's columns
        are not the rows of the layer before or its members others.
    """
    matrices = [check_matrices(layer) for layer in layers]
    shapes = [matrix.shape for matrix in matrices]
    follows = all(a[:2] == (b[0], b[2]) for a, b in pairwise(shapes))
    if len(matrices) < 2 or not follows:
        raise ValueError(
            "expected two or more layers of one network, (n, out, in) each, where columns are the "
            f"rows of the layer before, found shapes {shapes}"
        )
    return matrices


def parts_of(widths: Sequence[int], inputs: Inputs) -> tuple[Part, ...]:
    """Return the irreducible parts of networks of some widths.

    Raises
    ------
    ValueError
        If no layer is hidden, a width is too small, or the inputs are not `Inputs`.
    """
    if inputs not in get_args(Inputs):
        raise ValueError(f"expected inputs {get_args(Inputs)}, found {inputs!r}")
    exchangeable = _exchangeable(widths, inputs)
    least = np.where(exchangeable, 2, 1)
    if len(widths) < 3 or (np.array(widths) < least).any():
        raise ValueError(
            "expected inputs, hidden layers and outputs of at least "
            f"{least.tolist()} neurons, found {list(widths)}"
        )
    names = ["input", *(f"hidden{k}" for k in range(1, len(widths) - 1)), "output"]
    parts = []
    for sides in _irreducible(exchangeable):
        layers = []
        for layer in range(len(widths) - 1):
            both = (layer + 1, layer)
            # Of a side that is exchangeable this part, of one that is not each of the labels.
            free = [side for side in both if not exchangeable[side]]
            if set(sides) <= set(both) - set(free):
                layers += [layer] * int(np.prod([widths[side] for side in free]))
        copies = int(np.prod([widths[side] - 1 for side in sides]))
        label = "-".join(names[side] for side in reversed(sides))
        name = ["totals", label, f"rest {label}"][len(sides)]
        parts.append(Part(name, copies, np.array(layers)))
    return tuple(parts)


def _exchangeable(widths: Sequence[int], inputs: Inputs) -> Bools:
    """Return whether the neurons of each side may be permuted."""
    exchangeable = np.ones(len(widths), dtype=np.bool_)
    exchangeable[0], exchangeable[-1] = inputs == "exchangeable", False
    return exchangeable


def _irreducible(exchangeable: Bools) -> list[_Sides]:
    """Return the sides whose standard parts are multiplied, for each part."""
    sides = np.flatnonzero(exchangeable).tolist()
    pairs = [(b, a) for a, b in pairwise(sides)]
    return [(), *((side,) for side in sides), *pairs]


def _coordinates(matrices: Sequence[Floats], inputs: Inputs) -> list[Floats]:
    """Coordinates (n, vectors, m) of each part; about 0.

    The vectors of a part are those of its space R^h or R^(h x h'), in which copies are orthonormal:
    sums over vectors of products of coordinates are sums over copies.
    """
    widths = [matrices[0].shape[2], *(matrix.shape[1] for matrix in matrices)]
    exchangeable = _exchangeable(widths, inputs)
    found: dict[_Sides, list[Floats]] = {sides: [] for sides in _irreducible(exchangeable)}
    for layer, matrix in enumerate(matrices):
        rows, columns = layer + 1, layer
        n, R, C = matrix.shape
        if exchangeable[rows] and exchangeable[columns]:
            of_rows, of_columns = matrix.mean(2), matrix.mean(1)
            total = of_rows.mean(1, keepdims=True)
            rest = matrix - of_rows[:, :, None] - (of_columns - total)[:, None, :]
            found[()].append(np.sqrt(R * C) * total[:, None])
            found[rows,].append(np.sqrt(C) * (of_rows - total)[..., None])
            found[columns,].append(np.sqrt(R) * (of_columns - total)[..., None])
            found[rows, columns].append(rest.reshape(n, R * C, 1))
        else:
            side = rows if exchangeable[rows] else columns
            turned = matrix if side == rows else matrix.swapaxes(1, 2)
            average = turned.mean(1, keepdims=True)
            found[()].append(np.sqrt(turned.shape[1]) * average)
            found[side,].append(turned - average)
    return [np.concatenate(values, axis=2) for values in found.values()]


def _through_sums(covariance: Floats, first: Bools) -> Floats:
    """Make coordinates of other layers depend on those of the first through their sum alone.

    The laws of the first layer, and of its sum and the other layers, are left as they are. That is
    maximum likelihood, as the density is the product of the first and of the others given the sum.
    """
    completed = covariance.copy()
    if first.any() and not first.all():
        with_sum = covariance[first].sum(0)
        variance = with_sum[first].sum()
        slopes = with_sum[first] / variance if variance > 0 else np.zeros(first.sum())
        across = np.outer(slopes, with_sum[~first])
        completed[np.ix_(first, ~first)], completed[np.ix_(~first, first)] = across, across.T
    return completed


def _summed(
    offsets: Floats, covariance: Floats, layers: Integers
) -> tuple[Floats, Floats, Integers]:
    """Put the normalised sum of the first layer's coordinates in their place."""
    first = layers == 0
    if not first.any():
        return offsets, covariance, layers
    others = np.eye(len(layers))[:, ~first]
    basis = np.column_stack([first / np.sqrt(first.sum()), others])
    return offsets @ basis, basis.T @ covariance @ basis, np.append(0, layers[~first])


def _inverse(covariance: Floats) -> Floats:
    """Inverse of a covariance on its support."""
    return np.asarray(np.linalg.pinv(covariance, rcond=1e-12, hermitian=True))


def _read_only(values: npt.ArrayLike) -> Floats:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array
