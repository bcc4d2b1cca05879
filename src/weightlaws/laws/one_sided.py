"""Gaussian laws of matrices with one labelled side; the other side is exchangeable.

Before a layer of classes only the columns may be permuted, after the pixels only the rows. With
labelled rows i, k and n exchangeable columns j, l such a law is

    E[W_ij] = m_i,    Cov(W_ij, W_kl) = A_ik + delta_jl B_ik.

The columns' sum / sqrt(n) has mean sqrt(n) m and covariance C = B + n A; the n - 1 orthonormal
contrasts of the columns are independent of it and of each other, with mean 0 and covariance B. So
B and C must be covariances, A need not be, and moment matching is maximum likelihood. With labelled
columns the same holds of the transposed matrix.

Source (laws for permutations of both sides): arXiv:1809.07559.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from itertools import product
from math import prod
from string import ascii_letters
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dtrmm

from weightlaws.arrays import Floats, Shape, Side
from weightlaws.invariants.catalogue import graphs_of
from weightlaws.invariants.graphs import Edge, Graph
from weightlaws.laws.base import (
    ParametricLaw,
    check_matrices,
    checked_parts,
    singular_below,
)
from weightlaws.storage.matrices import Matrices

# A link between two labelled vertices, by A (0) or B (1).
Link = tuple[int, int, int]
# Linked vertices 0, 1, ...: how many means stand at each, and the links.
Component = tuple[tuple[int, ...], tuple[Link, ...]]


class OneSided(ParametricLaw):
    """A Gaussian law unchanged by permutations of the columns, or of the rows.

    Parameters
    ----------
    shape
        (rows, columns): M of the labelled side, and n of the other, at least 2.
    parameters : (M + M(M+1),)
        The means m, the upper triangle of A and the upper triangle of B, row by row.
    labelled
        The side whose members are told apart.

    Raises
    ------
    ValueError
        If a side is too short or has no known name; if the parameters are not finite or not so
        many; if the covariance of the sums or of the contrasts has a negative eigenvalue.

    Examples
    --------
    Each labelled row has a mean of its own, and the columns are alike.

    >>> rng = np.random.default_rng(0)
    >>> matrices = rng.normal(size=(5000, 2, 6)) + np.array([[1.0], [-1.0]])
    >>> law = OneSided.fit(matrices, labelled="rows")
    >>> law.means.round(1)
    array([ 1., -1.])
    >>> law.n_parameters
    8
    """

    def __init__(self, shape: Shape, parameters: npt.ArrayLike, labelled: Side = "rows") -> None:
        M, n = sides(shape, labelled)
        super().__init__(shape, parameters, M + M * (M + 1))
        self._labelled, self._n = labelled, n
        self._members: int | None = None  # that it is fitted to
        self._means, *triangles = np.split(self.parameters, [M, M + M * (M + 1) // 2])
        self._A, self._B = (_symmetric(triangle, M) for triangle in triangles)
        self._parts = {
            "the covariance of the sums": self._B + n * self._A,
            "the covariance of the contrasts": self._B,
        }
        norms = [float(np.linalg.norm(covariance)) for covariance in self._parts.values()]
        self._rounding = singular_below(np.abs(self._means).max(), max(norms))
        for name, covariance in self._parts.items():
            check_covariance(name, covariance, self._rounding)

    def __repr__(self) -> str:
        return f"OneSided(shape={self.shape}, labelled={self.labelled!r})"

    @classmethod
    def fit(cls, matrices: npt.ArrayLike | Matrices, labelled: Side = "rows") -> Self:
        """Fit to matrices (N, rows, columns), N >= 1, by maximum likelihood.

        The law has a density only for N > M.
        """
        matrices = Matrices.of(matrices)
        M, _ = sides(matrices.shape, labelled)
        averages, products = [], np.zeros((M, M))
        for part in checked_parts(matrices):
            of_members, contrasts = split(part, labelled)
            averages.append(of_members)
            products += contrasts.T @ contrasts
        return cls.fit_sums(np.concatenate(averages), products, matrices.shape, labelled)

    @classmethod
    def fit_sums(cls, averages: Floats, products: Floats, shape: Shape, labelled: Side) -> Self:
        """Fit to matrices by averages (N, M) over the exchangeable side, and sums of products.

        The products (M, M) are those of the offsets from the averages, as `split` gives them.
        """
        M, n = sides(shape, labelled)
        N, means = len(averages), averages.mean(0)
        offsets = averages - means
        C = n / N * offsets.T @ offsets
        B = products / (N * (n - 1))
        upper = np.triu_indices(M)
        parameters = np.concatenate([means, ((C - B) / n)[upper], B[upper]])
        law = cls(shape, parameters, labelled)
        law._members = N
        return law

    @property
    def labelled(self) -> Side:
        """The side whose members are told apart."""
        return self._labelled

    @property
    def means(self) -> Floats:
        """The means m (M,), read-only."""
        return self._means

    @property
    def covariances(self) -> tuple[Floats, Floats]:
        """A and B, (M, M) each, read-only."""
        return self._A, self._B

    def expectation(self, graphs: Iterable[Graph | str]) -> Floats:
        """Return the exact expectations (len(graphs),) of bipartite invariants, or of their names.

        Wick's theorem: each factor is a mean or has a partner, by A or by B. Sums over
        exchangeable vertices are counted, and sums over labelled vertices are contracted.

        Raises
        ------
        ValueError
            If a graph is not bipartite.
        """
        graphs = graphs_of(graphs, bipartite=True)
        return expectation(graphs, self._n, (self._means, self._A, self._B), self.labelled)

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n matrices, (n, rows, columns); singular covariances are no obstacle."""
        roots = []
        for covariance in self._parts.values():
            values, vectors = np.linalg.eigh(covariance)
            roots.append(vectors * np.sqrt(np.where(values > self._rounding, values, 0)))
        averages, contrasts = split(rng.standard_normal((n, *self.shape)), self.labelled)
        averages = self._means + averages @ roots[0].T
        contrasts = contrasts @ roots[1].T
        matrices: Floats = averages[:, None, :] + contrasts.reshape(n, self._n, -1)
        return matrices if self.labelled == "columns" else matrices.swapaxes(1, 2)

    def log_likelihood(self, matrices: npt.ArrayLike) -> Floats:
        """Log-density (n,) of matrices (n, rows, columns).

        Raises
        ------
        ValueError
            If the matrices have another shape.
        numpy.linalg.LinAlgError
            If B or C is singular; the message names it.
        """
        matrices = check_matrices(matrices, self.shape)
        whitening = self.whitening()
        averages, contrasts = split(matrices, self.labelled)
        exponents = self._n * np.square((averages - self._means) @ whitening[0]).sum(1)
        # The root is triangular, and the contrasts are most of the work.
        white = dtrmm(1.0, whitening[1], contrasts.T, trans_a=1, overwrite_b=1)
        exponents += np.einsum("ij,ij->j", white, white).reshape(-1, self._n).sum(1)
        logarithms = [np.log(2 * np.pi / np.square(white.diagonal())).sum() for white in whitening]
        constant = logarithms[0] + (self._n - 1) * logarithms[1]
        return np.asarray(-0.5 * (exponents + constant))

    def whitening(self) -> list[Floats]:
        """Triangular roots (M, M) of the inverses of C = B + n A and of B: rows x @ root are white.

        Raises
        ------
        numpy.linalg.LinAlgError
            If B or C is singular; the message names it.
        """
        return self._whitening

    @cached_property
    def _whitening(self) -> list[Floats]:
        whitening = []
        for name, covariance in self._parts.items():
            try:
                whitening.append(whitening_root(covariance, self._rounding))
            except np.linalg.LinAlgError:
                raise np.linalg.LinAlgError(
                    singular(self._members, len(self._means), name)
                ) from None
        return whitening


def singular(members: int | None, labels: int, name: str = "the covariance of the sums") -> str:
    """Say that a law has no density, as a covariance is singular, and if members are too few."""
    few = members is not None and members <= labels
    reason = f"; {members} members are too few for {labels} labels" if few else ""
    return f"{name} is singular: the law has no density{reason}"


def sufficient_statistics(matrices: npt.ArrayLike, labelled: Side) -> Floats:
    """Return what a fit needs of each matrix (N, rows, columns): (N, M + M(M+1)).

    They are the averages over the exchangeable side, the upper triangle of their products, and that
    of the products of the offsets from the averages, summed over the exchangeable side.
    """
    matrices = check_matrices(matrices)
    averages, offsets = split(matrices, labelled)
    N, M = averages.shape
    offsets = offsets.reshape(N, -1, M)
    upper = np.triu_indices(M)
    products = averages[:, :, None] * averages[:, None, :], offsets.swapaxes(1, 2) @ offsets
    return np.concatenate([averages, *(product[:, *upper] for product in products)], axis=1)


def covariances_from_moments(averages: Floats, M: int, n: int) -> tuple[Floats, Floats, Floats]:
    """Fit laws to averages (..., M + M(M+1)) of `sufficient_statistics`: means, A and B.

    M is the length of the labelled side, and n that of the other.
    """
    half = M * (M + 1) // 2
    means, products, contrasts = np.split(averages, [M, M + half], axis=-1)
    B = _symmetric(contrasts, M) / (n - 1)
    C = n * (_symmetric(products, M) - means[..., :, None] * means[..., None, :])
    return means, (C - B) / n, B


def expectation(
    graphs: Iterable[Graph], n: int, law: tuple[Floats, Floats, Floats], labelled: Side
) -> Floats:
    """Return exact expectations of bipartite invariants, (..., len(graphs)).

    Parameters
    ----------
    graphs
        Bipartite invariants.
    n
        Length of the exchangeable side.
    law
        The means (..., M), and A and B (..., M, M), of one or many laws.
    labelled
        The other side.

    Raises
    ------
    ValueError
        If a graph is not bipartite.
    """
    values: dict[Component, Floats] = {}
    expectations = []
    for graph in graphs:
        if not graph.bipartite:
            raise ValueError(f"expected only bipartite graphs, found {graph}")
        edges = tuple(_labelled_first(edge, labelled) for edge in graph.edges)
        total = np.zeros(law[0].shape[:-1])
        for (free, components), count in _terms(edges).items():
            for component in components:
                if component not in values:
                    values[component] = _contract(component, law)
            total = total + count * n**free * prod(values[part] for part in components)
        expectations.append(total)
    return np.stack(expectations, axis=-1) if expectations else np.empty((*law[0].shape[:-1], 0))


def _contract(component: Component, law: tuple[Floats, Floats, Floats]) -> Floats:
    """Sum a component over its labelled vertices."""
    powers, links = component
    means, *covariances = law
    # A vector at every vertex, if only of ones, lets each be summed over by itself.
    inputs = ["..." + ascii_letters[vertex] for vertex in range(len(powers))]
    inputs += ["..." + ascii_letters[a] + ascii_letters[b] for _, a, b in links]
    operands = [means**power for power in powers]
    operands += [covariances[kind] for kind, _, _ in links]
    return np.asarray(np.einsum(",".join(inputs) + "->...", *operands, optimize=True))


def _labelled_first(pair: tuple[int, int], labelled: Side) -> tuple[int, int]:
    """Order a pair that belongs to (rows, columns) by (labelled, exchangeable)."""
    if labelled not in ("rows", "columns"):
        raise ValueError(f"expected 'rows' or 'columns' to be labelled, found {labelled!r}")
    rows, columns = pair
    return (rows, columns) if labelled == "rows" else (columns, rows)


def sides(shape: Shape, labelled: Side) -> tuple[int, int]:
    """Return M and n, the lengths of the labelled side and of the other.

    Raises
    ------
    ValueError
        If a side has no known name, or the other side is shorter than 2.
    """
    M, n = _labelled_first(shape, labelled)
    if n < 2:
        raise ValueError(
            f"expected two or more on the exchangeable side, found shape {shape}, "
            f"labelled {labelled}"
        )
    return M, n


def split(matrices: Floats, labelled: Side) -> tuple[Floats, Floats]:
    """Average over the exchangeable side, (N, M), and stack the offsets from it, (N n, M)."""
    if labelled == "rows":
        matrices = matrices.swapaxes(1, 2)
    averages = matrices.mean(1)
    offsets = matrices - averages[:, None, :]
    return averages, offsets.reshape(-1, offsets.shape[2])


def check_covariance(name: str, matrix: Floats, rounding: float) -> None:
    """Refuse, by a ValueError, a matrix with a negative eigenvalue beyond rounding."""
    try:
        np.linalg.cholesky(matrix + rounding * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        # Ten times the work, done only for the message.
        least = np.linalg.eigvalsh(matrix)[0]
        if least < -rounding:
            raise ValueError(f"{name} has the negative eigenvalue {least:.3g}") from None


def whitening_root(covariance: Floats, rounding: float) -> Floats:
    """Return a triangular root T of the inverse: rows x of that covariance make x @ T white.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the covariance is singular up to rounding.
    """
    root: Floats = np.linalg.inv(np.linalg.cholesky(covariance)).T
    # The sum is the inverse's trace: the least eigenvalue lies between 1 / trace and M / trace. The
    # least pivot would not do: it may exceed that eigenvalue by any factor.
    if rounding * np.square(root).sum() >= 1:
        raise np.linalg.LinAlgError
    return root


def _symmetric(triangle: Floats, size: int) -> Floats:
    """Return the symmetric matrices (..., size, size) of upper triangles, read-only."""
    matrix = np.zeros((*triangle.shape[:-1], size, size))
    rows, columns = np.triu_indices(size)
    matrix[..., rows, columns] = matrix[..., columns, rows] = triangle
    matrix.setflags(write=False)
    return matrix


@cache
def _terms(edges: tuple[Edge, ...]) -> dict[tuple[int, tuple[Component, ...]], int]:
    """Count the terms of an expectation by (free exchangeable vertices, components).

    An edge is (labelled vertex, exchangeable vertex).
    """
    counts: Counter[tuple[int, tuple[Component, ...]]] = Counter()
    for singles, pairs in _matchings(list(edges)):
        for kinds in product((0, 1), repeat=len(pairs)):
            chosen = list(zip(kinds, pairs, strict=True))
            links = [(kind, a, b) for kind, ((a, _), (b, _)) in chosen]
            equal = [(a, b) for kind, ((_, a), (_, b)) in chosen if kind]
            free = len(_classes({j for _, j in edges}, equal))
            powers = Counter(i for i, _ in singles)
            joined = _classes({i for i, _ in edges}, [(a, b) for _, a, b in links])
            counts[free, tuple(sorted(_component(part, powers, links) for part in joined))] += 1
    return dict(counts)


def _matchings(edges: list[Edge]) -> Iterator[tuple[list[Edge], list[tuple[Edge, Edge]]]]:
    """All ways to leave edges single or in pairs."""
    if not edges:
        yield [], []
        return
    first, *others = edges
    for singles, pairs in _matchings(others):
        yield [first, *singles], pairs
    for k, partner in enumerate(others):
        for singles, pairs in _matchings(others[:k] + others[k + 1 :]):
            yield singles, [(first, partner), *pairs]


def _classes(vertices: set[int], joins: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Partition vertices so that joined ones are together."""
    # Only expectations need it, and it takes a quarter of a second to import.
    from scipy.cluster.hierarchy import DisjointSet

    classes = DisjointSet(vertices)
    for a, b in joins:
        classes.merge(a, b)
    parts: list[set[int]] = classes.subsets()
    return parts


def _component(part: set[int], powers: Mapping[int, int], links: list[Link]) -> Component:
    """Number the vertices of a component in an order that depends little on their names.

    Where equal components come out differently, it costs one more contraction.
    """

    def signature(vertex: int) -> tuple[int, list[int]]:
        return powers[vertex], sorted(k for k, *ends in links for end in ends if end == vertex)

    members = sorted(part, key=signature)
    place = {vertex: k for k, vertex in enumerate(members)}
    inside = [(kind, place[a], place[b]) for kind, a, b in links if a in part]
    ordered = sorted((kind, min(a, b), max(a, b)) for kind, a, b in inside)
    return tuple(powers[vertex] for vertex in members), tuple(ordered)
