"""Directed multigraphs, the names of the permutation-invariant polynomials of a matrix.

An edge (i, j) stands for a factor W_ij, and a graph for the sum of the product of its factors over
all assignments of its vertices to indices. The published subset: arXiv:2510.05218.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

Edge = tuple[int, int]

# The letters of vertices. None is in both, so that a name tells whether it is of a bipartite graph.
_LETTERS = "ijklmnopqrstuvwxyz"
_COLUMN_LETTERS = "abcdefgh"  # of bipartite graphs


@dataclass(frozen=True)
class Graph:
    """A directed multigraph without isolated vertices.

    Parameters
    ----------
    edges
        (row, column) labels, one pair a factor. Labels are any non-negative integers.
    bipartite
        Whether row labels and column labels are separate sets, so that (0, 0) is no loop.

    Raises
    ------
    ValueError
        If there is no edge, or an edge is not a pair of non-negative labels.

    Examples
    --------
    The sum over i and j of W_ii W_ij^2 has three factors on two vertices.

    >>> graph = Graph(((0, 0), (0, 1), (0, 1)))
    >>> graph.degree, graph.n_vertices
    (3, 2)
    >>> graph.formula
    'sum_ij W_ii W_ij^2'
    """

    edges: tuple[Edge, ...]
    bipartite: bool = False

    def __post_init__(self) -> None:
        edges = tuple(tuple(int(label) for label in edge) for edge in self.edges)
        if not edges or any(len(edge) != 2 or min(edge) < 0 for edge in edges):
            raise ValueError(
                f"expected one or more pairs of non-negative labels as edges, found {self.edges!r}"
            )
        object.__setattr__(self, "edges", edges)

    @property
    def degree(self) -> int:
        """The number of factors."""
        return len(self.edges)

    @property
    def arcs(self) -> tuple[Edge, ...]:
        """The edges on one set of labels: the columns of a bipartite graph follow its rows."""
        offset = 1 + max(row for row, _ in self.edges) if self.bipartite else 0
        return tuple((row, column + offset) for row, column in self.edges)

    @property
    def n_vertices(self) -> int:
        """The number of vertices, rows and columns together."""
        return len({vertex for arc in self.arcs for vertex in arc})

    @property
    def labels(self) -> tuple[list[int], list[int]]:
        """The sorted labels that an edge may start from and end at."""
        rows, columns = ({edge[side] for edge in self.edges} for side in (0, 1))
        if not self.bipartite:
            rows = columns = rows | columns
        return sorted(rows), sorted(columns)

    @property
    def name(self) -> str:
        """The canonical edges in letters, such as ``ii.ij.jk``; all relabellings share it.

        The rows of a bipartite graph are i, j, k, ..., its columns a, b, c, ...: ``ia.ib.ja``.

        Raises
        ------
        ValueError
            If there are more vertices than letters: 18, and 8 columns of a bipartite graph.
        """
        return ".".join(_in_letters(self)[1])

    @property
    def formula(self) -> str:
        """The polynomial as text, such as ``sum_ij W_ii W_ij^2``, in the letters of the name.

        Raises
        ------
        ValueError
            As for the name.
        """
        indices, factors = _in_letters(self)
        powers = Counter(factors).items()
        terms = (f"W_{factor}" + (f"^{power}" if power > 1 else "") for factor, power in powers)
        return f"sum_{indices} " + " ".join(terms)


def _in_letters(graph: Graph) -> tuple[str, list[str]]:
    """Return the vertices and the edges of the canonical form in letters.

    Letters are given out in the order of appearance, to vertices with loops first.
    """
    edges = sorted(canonical(graph).edges, key=lambda edge: graph.bipartite or edge[0] != edge[1])
    rows: dict[int, str] = {}
    columns: dict[int, str] = {} if graph.bipartite else rows
    for edge in edges:
        for names, vertex in zip((rows, columns), edge, strict=True):
            alphabet = _COLUMN_LETTERS if graph.bipartite and names is columns else _LETTERS
            if vertex not in names:
                if len(names) == len(alphabet):
                    raise ValueError(
                        f"expected at most {len(alphabet)} vertices to name {alphabet[0]} to "
                        f"{alphabet[-1]}, found more in a graph of {graph.n_vertices}"
                    )
                names[vertex] = alphabet[len(names)]
    indices = "".join(rows.values()) + "".join(columns.values()) * graph.bipartite
    return indices, sorted(rows[i] + columns[j] for i, j in edges)


def common_form(graph: Graph) -> Graph:
    """Return the graph on one set of labels: ``ij.ik`` for the bipartite ``ia.ib``."""
    return canonical(Graph(graph.arcs)) if graph.bipartite else graph


def components(graph: Graph) -> tuple[Graph, ...]:
    """Split a graph into its connected components.

    Each keeps the order of its labels, renumbered from 0. A canonical graph has canonical ones.
    """
    groups: list[tuple[set[int], list[Edge]]] = []
    for arc, edge in zip(graph.arcs, graph.edges, strict=True):
        vertices, edges = set(arc), [edge]
        apart = []
        for group in groups:
            if group[0] & vertices:
                vertices, edges = vertices | group[0], group[1] + edges
            else:
                apart.append(group)
        groups = [*apart, (vertices, edges)]
    parts = []
    for _, edges in groups:
        part = Graph(tuple(edges), graph.bipartite)
        rows, columns = ({old: new for new, old in enumerate(side)} for side in part.labels)
        renumbered = sorted((rows[i], columns[j]) for i, j in edges)
        parts.append(Graph(tuple(renumbered), graph.bipartite))
    return tuple(parts)


def canonical(graph: Graph) -> Graph:
    """Return the one representative of all relabellings and edge orders of a graph."""
    return _union(sorted((_canonical_connected(part) for part in components(graph)), key=_order))


@cache
def enumerate_graphs(degree: int, bipartite: bool = False) -> tuple[Graph, ...]:
    """All graphs with a number of edges, up to relabelling: one per independent invariant.

    Parameters
    ----------
    degree
        Number of edges; there are 2, 11, 52, 296, 1724 graphs of degree 1 to 5.
    bipartite
        Whether rows and columns are permuted independently; then 1, 4, 10, 33, 91.

    Returns
    -------
    tuple of Graph
        In canonical form, ordered by number of vertices, then edges.

    Raises
    ------
    ValueError
        If the degree is below 1.

    Examples
    --------
    >>> [graph.formula for graph in enumerate_graphs(1)]
    ['sum_i W_ii', 'sum_ij W_ij']
    >>> [graph.name for graph in enumerate_graphs(2, bipartite=True)]
    ['ia.ia', 'ia.ib', 'ia.ja', 'ia.jb']
    >>> len(enumerate_graphs(4))
    296
    """
    if degree < 1:
        raise ValueError(f"expected a degree of at least 1, found {degree}")
    parts = [part for k in range(1, degree + 1) for part in _connected(k, bipartite)]

    def multisets(remaining: int, first: int) -> Iterator[list[Graph]]:
        if not remaining:
            yield []
        for position in range(first, len(parts)):
            part = parts[position]
            if part.degree <= remaining:
                yield from ([part, *rest] for rest in multisets(remaining - part.degree, position))

    graphs = (_union(chosen) for chosen in multisets(degree, 0))
    return tuple(sorted(graphs, key=_order))


def _order(graph: Graph) -> tuple[int, int, tuple[Edge, ...]]:
    return graph.degree, graph.n_vertices, graph.edges


def _union(parts: list[Graph]) -> Graph:
    """Put canonical components, given in their order, side by side."""
    edges: list[Edge] = []
    row = column = 0
    for part in parts:
        edges += [(row + i, column + j) for i, j in part.edges]
        rows, columns = part.labels
        row, column = row + len(rows), column + len(columns)
    return Graph(tuple(edges), parts[0].bipartite)


@cache
def _connected(degree: int, bipartite: bool) -> tuple[Graph, ...]:
    """Grow the connected graphs of one edge less by an edge that touches them."""
    if degree == 1:
        loop, link = Graph(((0, 0),), bipartite), Graph(((0, 1),))
        return (loop,) if bipartite else (loop, link)
    grown = set()
    for graph in _connected(degree - 1, bipartite):
        rows, columns = (len(side) for side in graph.labels)
        for i in range(rows + 1):
            for j in range(columns + 1):
                if i < rows or j < columns:
                    grown.add(_canonical_connected(Graph((*graph.edges, (i, j)), bipartite)))
    return tuple(sorted(grown, key=_order))


@cache
def _canonical_connected(graph: Graph) -> Graph:
    arcs = graph.arcs
    tails = {i for i, _ in arcs}
    colours = {v: int(graph.bipartite and v not in tails) for arc in arcs for v in arc}
    edges = _least_labelling(arcs, colours)
    offset = len(tails) if graph.bipartite else 0
    return Graph(tuple((i, j - offset) for i, j in edges), graph.bipartite)


def _least_labelling(arcs: tuple[Edge, ...], colours: dict[int, int]) -> list[Edge]:
    """Least sorted edge list over the labellings that respect a colouring of the vertices.

    Colour refinement tells most vertices apart; the rest are singled out one after another. Of
    vertices that may be exchanged one is enough, or a star would take factorial time.
    """
    colours = _refine(arcs, colours)
    cells: dict[int, list[int]] = {}
    for vertex, colour in colours.items():
        cells.setdefault(colour, []).append(vertex)
    ambiguous = [colour for colour, cell in cells.items() if len(cell) > 1]
    if not ambiguous:
        return sorted((colours[i], colours[j]) for i, j in arcs)
    tried: list[int] = []
    for vertex in cells[min(ambiguous)]:
        if not any(_exchangeable(arcs, vertex, other) for other in tried):
            tried.append(vertex)
    return min(
        _least_labelling(arcs, {v: 2 * c + (v != chosen) for v, c in colours.items()})
        for chosen in tried
    )


def _exchangeable(arcs: tuple[Edge, ...], a: int, b: int) -> bool:
    swap = {a: b, b: a}
    return sorted((swap.get(i, i), swap.get(j, j)) for i, j in arcs) == sorted(arcs)


def _refine(arcs: tuple[Edge, ...], colours: dict[int, int]) -> dict[int, int]:
    """Split colours by the colours of the neighbours until nothing changes."""
    while True:
        signatures = {
            vertex: (
                colour,
                tuple(sorted(colours[i] for i, j in arcs if j == vertex)),
                tuple(sorted(colours[j] for i, j in arcs if i == vertex)),
            )
            for vertex, colour in colours.items()
        }
        ranks = {signature: k for k, signature in enumerate(sorted(set(signatures.values())))}
        refined = {vertex: ranks[signature] for vertex, signature in signatures.items()}
        if len(ranks) == len(set(colours.values())):
            return refined
        colours = refined


# The published invariants in their order, an edge as its two labels: all of degrees 1 and 2, and of
# degrees k = 3 and 4 the graphs on 1, 2, 2k - 1 and 2k vertices.
_PUBLISHED = """
00 | 01 |
01 01 | 01 10 | 00 01 | 00 10 | 01 02 | 01 21 | 01 12 | 01 23 | 00 00 | 00 11 | 00 12 |
00 00 00 | 00 00 11 | 00 01 11 | 00 00 01 | 00 00 10 | 00 01 01 | 00 01 10 | 00 10 10 |
01 01 01 | 01 01 10 | 00 12 34 | 01 12 34 | 01 21 34 | 01 02 34 | 01 23 45 |
00 00 00 00 | 00 00 00 11 | 00 00 11 11 | 00 00 00 01 | 00 00 00 10 | 00 00 01 11 |
00 00 10 11 | 00 00 01 01 | 00 00 01 10 | 00 00 10 10 | 00 01 01 11 | 00 01 10 11 |
00 01 01 01 | 00 01 01 10 | 00 01 10 10 | 00 10 10 10 | 01 01 01 01 | 01 01 01 10 |
01 01 10 10 | 00 12 34 56 | 01 12 34 56 | 01 21 34 56 | 01 02 34 56 | 01 23 45 67
"""

PUBLISHED: dict[str, Graph] = {
    f"I{k}": canonical(Graph(tuple((int(edge[0]), int(edge[1])) for edge in graph.split())))
    for k, graph in enumerate(_PUBLISHED.split("|"), start=1)
}
