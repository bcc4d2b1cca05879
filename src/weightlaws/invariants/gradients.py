r"""Derivatives of invariants: products of gradients and Laplacians are invariants again.

An invariant T_a sums, over the assignments of its vertices to indices, the product of its factors.
So its derivative by W_ij is the sum over the edges of a: this edge is taken away, and its ends stay
at i and j. From there on it is a matter of graphs:

- sum_ij (d_ij T_a)(d_ij T_b) is the sum, over an edge of each of the graphs, of the graph in which
  the two edges lie on each other, tail on tail and head on head, and are taken away;
- sum_ij d_ij^2 T_a is the same sum over ordered pairs of different edges of one graph.

A vertex that is left without an edge is summed over all rows, or all columns.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats
from weightlaws.invariants.evaluation import CHUNK, Step, compile_graphs, transposed
from weightlaws.invariants.graphs import Edge, Graph, canonical, common_form


class Term(NamedTuple):
    """An invariant times powers of the matrices' numbers of rows and columns.

    Attributes
    ----------
    graph
        In canonical form; None is the constant 1.
    rows, columns
        The powers. In a graph that is not bipartite all vertices count as rows.
    """

    graph: Graph | None
    rows: int
    columns: int


#: How often each term occurs.
Polynomial = dict[Term, int]


def gradient_product(a: Graph, b: Graph) -> Polynomial:
    r"""Return the product of two invariants' gradients as a sum of invariants.

    .. math:: \sum_{ij} \frac{\partial T_a}{\partial W_{ij}} \frac{\partial T_b}{\partial W_{ij}}

    Parameters
    ----------
    a, b
        Of any degree. Where only one is bipartite, both are taken as graphs of square matrices.

    Returns
    -------
    dict
        How often each `Term` occurs, of the degree of a plus that of b less 2.

    Examples
    --------
    The gradient of sum_ia W_ia^2 is 2 W, so its square is four times this invariant.

    >>> squares, total = Graph(((0, 0), (0, 0)), bipartite=True), Graph(((0, 0),), bipartite=True)
    >>> gradient_product(squares, squares)
    {Term(graph=Graph(edges=((0, 0), (0, 0)), bipartite=True), rows=0, columns=0): 4}
    >>> gradient_product(total, total)  # ones: their number is rows times columns
    {Term(graph=None, rows=1, columns=1): 1}
    """
    if a.bipartite != b.bipartite:
        a, b = common_form(a), common_form(b)
    shift_row = 1 + max(max(edge) for edge in a.edges)
    other = [(row + shift_row, column + shift_row) for row, column in b.edges]
    terms: Counter[Term] = Counter()
    for k, m in product(range(a.degree), range(b.degree)):
        rest = [*a.edges[:k], *a.edges[k + 1 :], *other[:m], *other[m + 1 :]]
        terms[_glued(a.edges[k], other[m], rest, a.bipartite)] += 1
    return dict(terms)


def laplacian(a: Graph) -> Polynomial:
    r"""Return the Laplacian of an invariant as a sum of invariants.

    .. math:: \sum_{ij} \frac{\partial^2 T_a}{\partial W_{ij}^2}

    Returns
    -------
    dict
        How often each `Term` occurs, of the degree of a less 2; empty for degree 1.

    Examples
    --------
    >>> laplacian(Graph(((0, 0), (0, 0)), bipartite=True))  # of sum_ia W_ia^2: 2 for each entry
    {Term(graph=None, rows=1, columns=1): 2}
    """
    terms: Counter[Term] = Counter()
    for k, m in permutations(range(a.degree), 2):
        rest = [edge for n, edge in enumerate(a.edges) if n not in (k, m)]
        terms[_glued(a.edges[k], a.edges[m], rest, a.bipartite)] += 1
    return dict(terms)


def _glued(first: Edge, second: Edge, rest: list[Edge], bipartite: bool) -> Term:
    """Identify the ends of two edges in the graph of the other edges."""
    names: dict[tuple[int, int], tuple[int, int]] = {}  # (side, label): what it has become

    def name(side: int, label: int) -> tuple[int, int]:
        vertex = side * bipartite, label
        while vertex in names:
            vertex = names[vertex]
        return vertex

    for side in (0, 1):
        old, new = name(side, second[side]), name(side, first[side])
        if old != new:
            names[old] = new
    edges = [(name(0, row), name(1, column)) for row, column in rest]
    free = {name(side, first[side]) for side in (0, 1)} - {end for edge in edges for end in edge}
    columns = sum(side for side, _ in free)
    graph = _numbered(tuple((i, j) for (_, i), (_, j) in edges), bipartite) if edges else None
    return Term(graph, len(free) - columns, columns)


def _numbered(edges: tuple[Edge, ...], bipartite: bool) -> Graph:
    """Number the vertices by appearance, which leaves few graphs to bring into canonical form."""
    rows: dict[int, int] = {}
    columns: dict[int, int] = {} if bipartite else rows
    numbered = tuple(
        (rows.setdefault(i, len(rows)), columns.setdefault(j, len(columns)))
        for i, j in sorted(edges)
    )
    return _canonical(Graph(numbered, bipartite))


_canonical = cache(canonical)


def gradient(
    graphs: Iterable[Graph], coefficients: npt.ArrayLike, matrices: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Evaluate a sum of invariants and its gradient, by differentiation in reverse.

    Parameters
    ----------
    graphs
        As `evaluate` takes them.
    coefficients : (len(graphs),)
        One a graph.
    matrices : (n, rows, columns)
        Of float64.

    Returns
    -------
    two arrays (n,) and (n, rows, columns)
        The values, and the derivatives by the entries.

    References
    ----------
    Griewank, A. & Walther, A. (2008). Evaluating Derivatives, chapter 3.
    """
    graphs = tuple(graphs)
    coefficients = np.asarray(coefficients, dtype=np.float64)
    matrices = np.asarray(matrices, dtype=np.float64)
    n, rows, columns = matrices.shape
    if columns > rows and all(graph.bipartite for graph in graphs):
        # As `evaluate` does.
        turned = tuple(map(transposed, graphs))
        values, derivatives = gradient(turned, coefficients, matrices.swapaxes(1, 2))
        return values, derivatives.swapaxes(1, 2)
    program, outputs = compile_graphs(graphs)
    values, derivatives = np.zeros(n), np.zeros(matrices.shape)
    size = max(1, CHUNK // (rows * columns))
    for start in range(0, n, size):
        chunk = slice(start, start + size)
        slots = {0: np.ascontiguousarray(matrices[chunk])}
        for step in program:
            slots[step.slot] = step.function(*(slots[operand] for operand in step.operands))
        adjoints: dict[int, Floats] = {}
        for output, coefficient in zip(outputs, coefficients, strict=True):
            values[chunk] += coefficient * slots[output]
            _add(adjoints, output, np.full(len(slots[0]), coefficient))
        for step in reversed(program):
            if step.slot in adjoints:
                _pull_back(step, adjoints.pop(step.slot), slots, adjoints)
        derivatives[chunk] = adjoints.get(0, 0.0)
    return values, derivatives


def _add(adjoints: dict[int, Floats], slot: int, value: Floats) -> None:
    # Not in place: a value may be a view of another adjoint.
    adjoints[slot] = adjoints[slot] + value if slot in adjoints else value


def _pull_back(
    step: Step, adjoint: Floats, slots: dict[int, Floats], adjoints: dict[int, Floats]
) -> None:
    """Add to the operands' adjoints what a step contributes."""
    a, *others = step.operands
    first = slots[a]
    second = slots[others[0]] if others else first
    match step.operation:
        case "transpose":
            parts = [adjoint.swapaxes(-1, -2)]
        case "diagonal":
            parts = [np.eye(first.shape[-1]) * adjoint[..., None, :]]
        case "sum":
            parts = [np.broadcast_to(adjoint[..., None], first.shape)]
        case "times":
            parts = [adjoint * second, adjoint * first]
        case "scale columns":
            parts = [adjoint * second[:, None, :], np.einsum("nij,nij->nj", adjoint, first)]
        case "apply":
            down = np.matmul(adjoint[:, None, :], first)[:, 0]
            parts = [adjoint[:, :, None] * second[:, None, :], down]
        case "multiply":
            left = np.matmul(adjoint, second.swapaxes(-1, -2))
            parts = [left, np.matmul(first.swapaxes(-1, -2), adjoint)]
        case contraction:
            inputs = contraction.removesuffix("->...").split(",")
            parts = []
            for k, own in enumerate(inputs):
                rest = [*inputs[:k], *inputs[k + 1 :], "..."]
                values = [slots[o] for m, o in enumerate(step.operands) if m != k]
                call = f"{','.join(rest)}->{own}"
                parts.append(np.einsum(call, *values, adjoint, optimize=True))
    for operand, part in zip(step.operands, parts, strict=True):
        _add(adjoints, operand, part)
