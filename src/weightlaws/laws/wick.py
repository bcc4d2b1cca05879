"""Exact expectations of invariants under a permutation-invariant Gaussian law.

Such a law has 2 + 11 numbers: the coefficients of its means and covariances over Kronecker deltas,

    E[W_ij] = m_0 + m_1 delta_ij,    Cov(W_ij, W_kl) = sum over p of c_p delta_p(i, j, k, l),

where p runs over the 15 set partitions of four indices, delta_p is 1 if indices of one part are
equal, and c_p = c_q where q is p with (i, j) and (k, l) exchanged, which leaves 11. Wick's theorem
then makes the expectation of an invariant a fixed polynomial in the 13 numbers. To choose a term
for each factor or pair of factors identifies vertices, and each vertex that is left is summed over
D indices. No partition of all vertices is needed, and no large numbers cancel.

A law that is unchanged when rows and columns are permuted independently keeps only m_0 and the four
c_p that identify no row with a column. It makes sense of rectangular matrices too: vertices that
are left are then summed over as many indices as there are rows, or columns.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats, Integers, Shape
from weightlaws.invariants.graphs import Edge, Graph

Pattern = tuple[int, ...]


def relabel(labels: Iterable[int]) -> Pattern:
    """Number labels by first appearance: (2, 5, 2, 0) gives (0, 1, 0, 2)."""
    names: dict[int, int] = {}
    return tuple(names.setdefault(label, len(names)) for label in labels)


def mirror(pattern: Pattern) -> Pattern:
    """Exchange (i, j) and (k, l) in an equality pattern of (i, j, k, l)."""
    return relabel(pattern[2:] + pattern[:2])


_PARTITIONS = sorted({relabel(labels) for labels in product(range(4), repeat=4)})

#: The equality pattern of (i, j, k, l) for each covariance number; the mirror image shares it.
PATTERNS: tuple[Pattern, ...] = tuple(p for p in _PARTITIONS if p <= mirror(p))

# The position, among the 13 numbers, of the covariance number of each equality pattern.
_NUMBERS: dict[Pattern, int] = {p: 2 + PATTERNS.index(min(p, mirror(p))) for p in _PARTITIONS}

#: Positions of m_0 and of the c_p that identify no row with a column: same row and column, same
#: row, same column, all.
BIPARTITE: list[int] = [0] + [
    2 + PATTERNS.index(p) for p in [(0, 1, 0, 1), (0, 1, 0, 2), (0, 1, 2, 1), (0, 1, 2, 3)]
]

# A monomial: sorted positions among the 13 numbers, one for a mean and one for a pair of factors.
Monomial = tuple[int, ...]


def expectation(graphs: Iterable[Graph], size: int | Shape, numbers: npt.ArrayLike) -> Floats:
    r"""Expectations of invariants under Gaussian laws of matrices.

    Parameters
    ----------
    graphs
        The invariants, of any degree; a bipartite graph sums rows and columns separately.
    size
        D, of D x D matrices and laws of any numbers; or (rows, columns), of laws invariant under
        independent permutations of rows and columns, and then of bipartite graphs only.
    numbers : (..., 13)
        m_0, m_1 and the c_p in the order of `PATTERNS`, one law each. For (rows, columns) all must
        be 0 but the five at `BIPARTITE`.

    Returns
    -------
    (..., len(graphs))
        The expectations, in the order of the graphs.

    Raises
    ------
    ValueError
        If the last axis of the numbers is not 13, a size is below 1, or a graph or number does not
        go with (rows, columns).

    References
    ----------
    The law: arXiv:1809.07559. The predictions of non-Gaussianity: arXiv:2510.05218.
    """
    numbers = np.asarray(numbers, dtype=np.float64)
    if numbers.ndim < 1 or numbers.shape[-1] != 2 + len(PATTERNS):
        raise ValueError(f"expected numbers of shape (..., 13), found {numbers.shape}")
    graphs = tuple(graphs)
    rows, columns = size if isinstance(size, tuple) else (size, size)
    if min(rows, columns) < 1:
        raise ValueError(f"expected a size of at least 1, found {size}")
    if isinstance(size, tuple):
        _check_bipartite(graphs, numbers)
    monomials, table = _table(graphs, int(rows), int(columns))
    # Position 13 holds the 1 that fills up short monomials.
    padded = np.concatenate([numbers, np.ones((*numbers.shape[:-1], 1))], axis=-1)
    values = np.ones((*numbers.shape[:-1], len(monomials)))
    for positions in monomials.T:
        values *= padded.take(positions, axis=-1)
    return values @ table.T


def _check_bipartite(graphs: tuple[Graph, ...], numbers: Floats) -> None:
    if mixed := [graph for graph in graphs if not graph.bipartite]:
        raise ValueError(f"expected only bipartite graphs for (rows, columns), found {mixed[0]}")
    others = np.delete(numbers, BIPARTITE, axis=-1)
    if others.any():
        raise ValueError(
            f"expected only the numbers {BIPARTITE} to differ from 0 for (rows, columns), "
            f"found {numbers}"
        )


@lru_cache(maxsize=32)
def _table(graphs: tuple[Graph, ...], n_rows: int, n_columns: int) -> tuple[Integers, Floats]:
    """Return the monomials (monomials, degree), padded by 13, and (graphs, monomials) coefficients.

    The coefficients are exact integers until here: sums of D^n_vertices exceed int64.
    """
    rows = []
    for graph in graphs:
        row: Counter[Monomial] = Counter()
        for (a, b, monomial), count in _polynomial(_relabel_edges(graph.arcs)).items():
            row[monomial] += count * n_rows**a * n_columns**b
        rows.append(row)
    monomials = sorted(set().union(*rows))
    width = max((len(monomial) for monomial in monomials), default=0)
    padded = [(*monomial, *[13] * (width - len(monomial))) for monomial in monomials]
    table = np.array([[float(row[monomial]) for monomial in monomials] for row in rows])
    return (
        np.array(padded, dtype=np.int64).reshape(len(monomials), width),
        table.reshape(len(graphs), len(monomials)),
    )


def _relabel_edges(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Number the vertices of an edge list by first appearance."""
    flat = relabel(label for edge in edges for label in edge)
    return tuple(zip(flat[::2], flat[1::2], strict=True))


@cache
def _polynomial(edges: tuple[Edge, ...]) -> dict[tuple[int, int, Monomial], int]:
    """Count the terms of an expectation by (free rows, free columns, monomial).

    The first factor is either a mean or paired with a later one. The other factors, on the
    identified vertices, are the same problem with fewer edges. A vertex where an edge starts counts
    as a row, which tells nothing where rows and columns are identified.
    """
    if not edges:
        return {(0, 0, ()): 1}
    (i, j), *others = edges
    terms: Counter[tuple[int, tuple[Edge, ...], int, int]] = Counter()
    terms[0, *_identify((i, j), (0, 1), others)] += 1
    terms[1, *_identify((i, j), (0, 0), others)] += 1
    for k, (m, n) in enumerate(others):
        rest = others[:k] + others[k + 1 :]
        for pattern, number in _NUMBERS.items():
            terms[number, *_identify((i, j, m, n), pattern, rest)] += 1
    counts: Counter[tuple[int, int, Monomial]] = Counter()
    for (number, merged, rows, columns), equal in terms.items():
        for (a, b, monomial), count in _polynomial(merged).items():
            counts[rows + a, columns + b, tuple(sorted((number, *monomial)))] += equal * count
    return dict(counts)


def _identify(
    ends: tuple[int, ...], pattern: Pattern, rest: list[Edge]
) -> tuple[tuple[Edge, ...], int, int]:
    """Identify ends by a pattern; return the other edges, and the rows and columns left free."""
    names = {vertex: vertex for edge in rest for vertex in edge}
    names |= {vertex: vertex for vertex in ends}
    for end, part in zip(ends, pattern, strict=True):
        old, new = names[end], names[ends[pattern.index(part)]]
        if old != new:
            names = {vertex: new if name == old else name for vertex, name in names.items()}
    merged = [(names[i], names[j]) for i, j in rest]
    kept = {vertex for edge in merged for vertex in edge}
    rows = {names[end] for end in ends[::2]} - kept
    columns = {names[end] for end in ends[1::2]} - kept - rows
    return _relabel_edges(merged), len(rows), len(columns)
