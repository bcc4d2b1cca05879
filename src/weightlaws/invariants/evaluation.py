"""Values of permutation-invariant polynomials of matrices, one directed multigraph each.

The graphs are compiled into one straight-line program. It computes every shared intermediate once,
keeps it only until its last use, and runs on bounded chunks of the batch.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import chain, combinations
from math import prod
from string import ascii_letters
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats
from weightlaws.invariants.graphs import Graph, components

Key = TypeVar("Key", bound=Hashable)

# Doubles in a chunk of matrices, and so in any intermediate; some 10 of these live at once. Smaller
# chunks cost more of the interpreter's time, and larger ones are no faster.
CHUNK = 2**16


def evaluate(graphs: Iterable[Graph], matrices: npt.ArrayLike) -> Floats:
    r"""Evaluate invariants on a batch of matrices.

    .. math:: I_G(W) = \sum_{v \to \{0..D-1\}} \prod_{(i, j) \in G} W_{v_i v_j}

    Parameters
    ----------
    graphs
        The invariants, of any degree. Bipartite graphs sum rows and columns separately.
    matrices : (..., D, D), or (..., rows, columns) if all graphs are bipartite
        Real numbers of any precision; the arithmetic is in float64.

    Returns
    -------
    (..., len(graphs))
        The values, in the order of the graphs.

    Raises
    ------
    ValueError
        If the matrices are not real matrices, or not square although a graph is not bipartite.

    References
    ----------
    arXiv:1809.07559; arXiv:2510.05218.

    Examples
    --------
    The trace and the trace of the square, of one matrix:

    >>> trace, trace_of_square = Graph(((0, 0),)), Graph(((0, 1), (1, 0)))
    >>> trace.formula, trace_of_square.formula
    ('sum_i W_ii', 'sum_ij W_ij W_ji')
    >>> evaluate([trace, trace_of_square], [[1, 2], [3, 4]])
    array([ 5., 29.])
    """
    return _evaluate(tuple(graphs), np.asarray(matrices), np.dtype(np.float64))


def evaluate_roughly(graphs: Iterable[Graph], matrices: npt.ArrayLike) -> Floats:
    """Evaluate invariants as `evaluate` does, in single precision: half the time for wide matrices.

    Values are relative to the largest term of their sum right to some six digits. Entries are
    divided by a power of two near to their root mean square, so that no fourth power of a sum is
    beyond the range.
    """
    graphs, matrices = tuple(graphs), np.asarray(matrices)
    size = np.sqrt(np.square(matrices, dtype=np.float64).mean()) if matrices.size else 0.0
    scale = 2.0 ** np.round(np.log2(size)) if size > 0 else 1.0
    values = _evaluate(graphs, matrices / scale, np.dtype(np.float32))
    return np.asarray(values * scale ** np.array([graph.degree for graph in graphs]))


def _evaluate(
    graphs: tuple[Graph, ...], matrices: npt.NDArray[Any], dtype: np.dtype[Any]
) -> Floats:
    if matrices.ndim < 2 or matrices.dtype.kind not in "fiub":
        raise ValueError(
            "expected real matrices of shape (..., rows, columns), "
            f"found {matrices.dtype} of shape {matrices.shape}"
        )
    rows, columns = matrices.shape[-2:]
    if rows != columns and not all(graph.bipartite for graph in graphs):
        raise ValueError(
            "expected square matrices (..., D, D), since not all graphs are bipartite, "
            f"found shape {matrices.shape}"
        )
    if columns > rows:
        # A program sums over the vertices of rows first, and makes matrices of what is left. Of the
        # transpose these are small: 30 times as fast for 10 x 784.
        flipped = tuple(transposed(graph) for graph in graphs)
        return _evaluate(flipped, matrices.swapaxes(-1, -2), dtype)
    program, outputs = compile_graphs(graphs)
    batch = matrices.shape[:-2]
    flat = matrices.reshape(prod(batch), rows, columns)
    values = np.empty((len(flat), len(graphs)))
    size = max(1, CHUNK // max(1, rows * columns))
    for start in range(0, len(flat), size):
        chunk = slice(start, start + size)
        slots = _run(program, flat[chunk].astype(dtype, order="C"))
        for column, output in enumerate(outputs):
            values[chunk, column] = slots[output]
    return values.reshape(*batch, len(graphs))


def transposed(graph: Graph) -> Graph:
    """Exchange the rows and the columns of a bipartite graph."""
    return Graph(tuple((column, row) for row, column in graph.edges), bipartite=True)


# The operations of a program: n is the batch, matrices are (n, i, j), vectors (n, i). Over short
# axes einsum adds up several times faster than sum, and unlike a matrix product with ones it gives
# the same bits for any n.
_OPERATIONS: dict[str, Callable[..., Floats]] = {
    "transpose": lambda matrix: matrix.swapaxes(-1, -2),
    "diagonal": lambda matrix: np.diagonal(matrix, axis1=-2, axis2=-1),
    "sum": lambda array: np.einsum("...i->...", array),
    "times": lambda a, b: a * b,
    "scale columns": lambda matrix, vector: matrix * vector[:, None, :],
    "apply": lambda matrix, vector: np.matmul(matrix, vector[..., None])[..., 0],
    "multiply": np.matmul,
}


class Step(NamedTuple):
    """What fills a slot of a program.

    Attributes
    ----------
    operation
        A name of `_OPERATIONS`, or the subscripts of a contraction.
    function
        That computes it.
    operands
        The slots it reads.
    slot
        The slot it fills.
    unused
        The slots that no later step reads.
    """

    operation: str
    function: Callable[..., Floats]
    operands: tuple[int, ...]
    slot: int
    unused: list[int]


def _run(program: list[Step], matrices: Floats) -> dict[int, Floats]:
    """Return the slots that are left at the end: the values of the graphs."""
    slots = {0: matrices}
    for step in program:
        slots[step.slot] = step.function(*(slots[operand] for operand in step.operands))
        for slot in step.unused:
            del slots[slot]
    return slots


@dataclass
class _Builder:
    """Gathers steps that fill slots 1, 2, ...; slot 0 is the matrix. Equal steps share a slot."""

    steps: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)

    def add(self, operation: str, *operands: int) -> int:
        return self.steps.setdefault((operation, operands), len(self.steps) + 1)

    def times(self, factors: Iterable[int]) -> int:
        """Elementwise product; sorted, so that the same factors are the same steps."""
        result, *others = sorted(factors)
        for other in others:
            result = self.add("times", result, other)
        return result

    def power(self, forward: int, backward: int) -> int:
        """Slot of the matrix W_ij^forward W_ji^backward."""
        if forward < backward:
            return self.add("transpose", self.power(backward, forward))
        result = self.times([0] * forward)
        if backward:
            return self.times([result, self.add("transpose", self.times([0] * backward))])
        return result


@lru_cache(maxsize=32)
def compile_graphs(graphs: tuple[Graph, ...]) -> tuple[list[Step], list[int]]:
    """Return the program and the slot of each graph's value; slot 0 is the matrices."""
    builder = _Builder()
    values = [[_eliminate(part, builder) for part in components(graph)] for graph in graphs]
    outputs = [builder.times(factors) for factors in values]
    last = {read: slot for (_, operands), slot in builder.steps.items() for read in operands}
    unused: dict[int, list[int]] = {}
    for slot in last.keys() - set(outputs):
        unused.setdefault(last[slot], []).append(slot)
    program = [
        Step(
            operation,
            _OPERATIONS.get(operation) or partial(np.einsum, operation, optimize=True),
            operands,
            slot,
            unused.get(slot, []),
        )
        for (operation, operands), slot in builder.steps.items()
    ]
    return program, outputs


def _eliminate(graph: Graph, builder: _Builder) -> int:
    """Add the steps that evaluate a connected graph; return the slot of its value.

    Summing over a vertex with one neighbour is a matrix-vector product, over one with two a
    matrix product. Where all have three or more, which takes six edges, the rest is contracted.
    """
    arcs = graph.arcs
    weights: dict[int, int] = {}  # vertex: slot of the vector that multiplies the sum over it
    links: dict[tuple[int, int], int] = {}  # (a, b) with a < b: slot of the matrix between them
    vertices = sorted({vertex for arc in arcs for vertex in arc})
    for a in vertices:
        if loops := arcs.count((a, a)):
            weights[a] = builder.times([builder.add("diagonal", 0)] * loops)
    for a, b in combinations(vertices, 2):
        forward, backward = arcs.count((a, b)), arcs.count((b, a))
        if forward or backward:
            links[a, b] = builder.power(forward, backward)

    def pop_link(a: int, b: int) -> int:
        return links.pop((a, b)) if a < b else builder.add("transpose", links.pop((b, a)))

    while links:
        neighbours = {v: sorted(a + b - v for a, b in links if v in (a, b)) for v in vertices}
        vertex = min(vertices, key=lambda v: len(neighbours[v]))
        if len(neighbours[vertex]) > 2:
            return _contract(links, weights, builder)
        vertices.remove(vertex)
        first, second = neighbours[vertex][0], neighbours[vertex][-1]
        link, weight = pop_link(first, vertex), _pop(weights, vertex)
        if first == second:
            vector = builder.add("apply" if weight else "sum", link, *weight)
            weights[first] = builder.times([vector, *_pop(weights, first)])
        else:
            left = builder.add("scale columns", link, *weight) if weight else link
            path = builder.add("multiply", left, pop_link(vertex, second))
            links[first, second] = builder.times([path, *_pop(links, (first, second))])
    return builder.add("sum", weights[vertices[0]])


def _pop(slots: dict[Key, int], key: Key) -> list[int]:
    return [slots.pop(key)] if key in slots else []


def _contract(links: dict[tuple[int, int], int], weights: dict[int, int], builder: _Builder) -> int:
    factors: list[tuple[tuple[int, ...], int]] = [*links.items()]
    factors += [((vertex,), slot) for vertex, slot in weights.items()]
    letter = {vertex: ascii_letters[k] for k, vertex in enumerate(sorted({*chain(*links)}))}
    inputs = ",".join("..." + "".join(letter[v] for v in vertices) for vertices, _ in factors)
    return builder.add(inputs + "->...", *(slot for _, slot in factors))
