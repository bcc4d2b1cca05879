r"""Whether exp of a polynomial in matrices has a finite integral, so that it is a density.

Far out the terms of the highest degree d decide. On the unit sphere |x| = 1, with f their sum:

- d is odd, or f(x) > 0 for some x: the density grows along x. Proved by x: it is no density.
- f < 0 on the whole sphere: it is a density, as f then has a negative maximum there. This is proved
  for d = 2 by the largest eigenvalue, and for d = 4 where f is minus a sum of squares with a
  definite one. Otherwise f is maximised from many starts, which may miss a maximum: no proof.
- All terms of degree above 2 are minus sums of squares, and the quadratic part is negative
  definite: it is a density, and proved so, whatever zeros f has.
- f has zeros, but no positive values: lower degrees decide along the zeros, and nothing is said.

Graphs whose polynomials are sums of squares are found by their symmetry: an exchange of two halves
that leaves the vertices between them in place. Of degree 4 these are definite: sum W_ia^4,
sum_i (sum_a W_ia^2)^2, sum_a (sum_i W_ia^2)^2, (sum W_ia^2)^2 and tr (W W^T)^2. Each is at least
the first one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import permutations
from math import prod

import numpy as np

from weightlaws.arrays import Floats, Shape
from weightlaws.errors import WeightLawsError
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.gradients import gradient
from weightlaws.invariants.graphs import Graph, canonical
from weightlaws.laws.score_equations import ScoreEquations

# Random starts of a search besides those of simple form, with so many entries in all; and steps of
# each, until this many have led nowhere. The starts are the same in every call: a verdict is a
# property of a law.
_STARTS, _ENTRIES, _STEPS, _STALLED, _SEED = 48, 2**20, 300, 15, 0

# A value on the sphere counts as 0 below this share of the sum of the terms' absolute values.
_ROUNDING = 1e-9

#: The least quartic that a constrained fit leaves, in all directions: times sum W_ia^4, in units of
#: the entries' standard deviation.
MARGIN = 1e-3

_ROUNDS = 100

#: Quartics that are above 0 on the whole sphere.
DEFINITE = frozenset(
    canonical(Graph(edges, bipartite=True))
    for edges in [
        ((0, 0),) * 4,
        ((0, 0), (0, 0), (0, 1), (0, 1)),
        ((0, 0), (0, 0), (1, 0), (1, 0)),
        ((0, 0), (0, 0), (1, 1), (1, 1)),
        ((0, 0), (0, 1), (1, 0), (1, 1)),
    ]
)
#: The sum of W_ia^4.
FOURTH_POWERS = Graph(((0, 0),) * 4, bipartite=True)


@dataclass(frozen=True)
class Verdict:
    """Whether a law is a density.

    Attributes
    ----------
    normalisable
        None if nothing is known.
    proven
        Whether it is proved, and not only the outcome of a search.
    largest
        The largest value found of the terms of highest degree on the unit sphere.
    direction : (rows, columns)
        Where it is, of norm 1.
    note
        All this in words.
    """

    normalisable: bool | None
    proven: bool
    largest: float
    direction: Floats
    note: str


def verdict(shape: Shape, graphs: Sequence[Graph], couplings: Floats) -> Verdict:
    """Judge exp(sum_a coupling_a T_a) on matrices of a shape."""
    present = [(g, c) for g, c in zip(graphs, couplings, strict=True) if c]
    degree = max((graph.degree for graph, _ in present), default=0)
    if not degree:
        return Verdict(False, True, 0.0, np.zeros(shape), "a constant has no finite integral")
    top = [(graph, c) for graph, c in present if graph.degree == degree]
    largest, direction = _maximum(shape, top)
    rounding = _ROUNDING * float(
        np.abs(evaluate([g for g, _ in top], np.abs(direction)) * [c for _, c in top]).sum()
    )
    judge = partial(Verdict, largest=largest, direction=direction)
    growth = f"of degree {degree} are up to {largest:.3g} on the unit sphere"
    if degree % 2 and largest > rounding:
        return judge(False, True, note=f"not normalisable: the terms {growth}, an odd degree")
    if degree > 2 and largest > rounding:
        return judge(False, True, note=f"not normalisable: the terms {growth}, above 0")
    quadratic = [(graph, c) for graph, c in present if graph.degree == 2]
    eigenvalue = _largest_eigenvalue(shape, quadratic) if quadratic else 0.0
    if degree == 2:
        # A plain bool: callers ask whether it is False.
        sign = bool(eigenvalue < -_ROUNDING * max(abs(c) for _, c in quadratic))
        word = "normalisable" if sign else "not normalisable"
        note = f"{word}: the largest eigenvalue of the quadratic form is {eigenvalue:.3g}"
        return judge(sign, True, note=note)
    above = [(graph, c) for graph, c in present if graph.degree > 2]
    squares = all(c < 0 and is_square(graph) for graph, c in top)
    if squares and any(canonical(graph) in DEFINITE for graph, _ in top):
        return judge(True, True, note=f"normalisable: minus a definite sum of squares, {growth}")
    if eigenvalue < 0 and all(c < 0 and is_square(graph) for graph, c in above):
        note = f"normalisable: minus sums of squares beside a Gaussian law, {growth}"
        return judge(True, True, note=note)
    if largest > -rounding:
        return judge(None, False, note=f"unknown: the terms {growth}, and lower degrees decide")
    note = f"normalisable as far as a search shows: the terms {growth}"
    return judge(True, False, note=note)


@cache
def is_square(graph: Graph) -> bool:
    """Whether the invariant is a sum of squares by an exchange of two halves of its graph.

    The exchange leaves some vertices in place. Edges between these are there an even number of
    times; the other parts change places in pairs. Then the sum over the vertices in place is one of
    squares of the same half.
    """
    counts = Counter(graph.arcs)
    vertices = sorted({vertex for arc in counts for vertex in arc})
    rows = {row for row, _ in counts} if graph.bipartite else set()
    for images in permutations(vertices):
        image = dict(zip(vertices, images, strict=True))
        if any(image[image[v]] != v or (v in rows) != (image[v] in rows) for v in vertices):
            continue
        if any(counts[image[i], image[j]] != n for (i, j), n in counts.items()):
            continue
        fixed = {v for v in vertices if image[v] == v}
        if any(n % 2 for (i, j), n in counts.items() if {i, j} <= fixed):
            continue
        halves = _parts({*vertices} - fixed, counts)
        if all(image[v] not in part for part in halves for v in part):
            return True
    return False


def _parts(vertices: set[int], counts: Counter[tuple[int, int]]) -> list[set[int]]:
    """Connected parts of the subgraph of some vertices."""
    parts: list[set[int]] = [{v} for v in vertices]
    for i, j in counts:
        if {i, j} <= vertices:
            joined = [part for part in parts if part & {i, j}]
            parts = [part for part in parts if not part & {i, j}] + [set().union(*joined)]
    return parts


def _maximum(shape: Shape, terms: list[tuple[Graph, float]]) -> tuple[float, Floats]:
    values, points = _maxima(shape, terms)
    best = int(values.argmax())
    return float(values[best]), points[best]


def _maxima(
    shape: Shape, terms: list[tuple[Graph, float]], more: Floats | None = None
) -> tuple[Floats, Floats]:
    """Climb to maxima of a form on the unit sphere from all starts: values (m,), points (m, R, C).

    Each start takes steps along the gradient: longer after a step that leads up, and shorter, from
    the old point, after one that does not.
    """
    graphs, couplings = [graph for graph, _ in terms], [c for _, c in terms]
    points = _starts(shape) if more is None else np.concatenate([_starts(shape), more])
    values, slopes = gradient(graphs, couplings, points)
    if graphs[0].degree % 2:
        # The form changes its sign with the matrix, and so does not its gradient.
        points *= np.where(values < 0, -1.0, 1.0)[:, None, None]
        values = np.abs(values)
    stalled = 0
    steps = 0.1 / np.maximum(_norms(slopes), np.finfo(np.float64).tiny)
    for _ in range(_STEPS):
        # Only what is tangent to the sphere, which a form's gradient is not.
        along = slopes - points * np.einsum("nij,nij->n", slopes, points)[:, None, None]
        tried = points + steps[:, None, None] * along
        tried /= _norms(tried)[:, None, None]
        new_values, new_slopes = gradient(graphs, couplings, tried)
        up = new_values > values
        stalled = 0 if (new_values - values > 1e-9 * np.abs(values)).any() else stalled + 1
        points[up], values[up], slopes[up] = tried[up], new_values[up], new_slopes[up]
        steps *= np.where(up, 1.6, 0.4)
        if stalled == _STALLED:
            break
    return values, points


def _norms(matrices: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("nij,nij->n", matrices, matrices)))


def _starts(shape: Shape) -> Floats:
    """Return matrices of simple form, the same a little shaken, and random ones, of norm 1."""
    rng = np.random.default_rng(_SEED)
    rows, columns = shape
    one_row, one_column, entry = np.zeros((3, rows, columns))
    one_row[0], one_column[:, 0], entry[0, 0] = 1, 1, 1
    i, j = np.resize([1.0, -1.0], rows), np.resize([1.0, -1.0], columns)
    two_rows, two_columns = np.zeros((2, rows, columns))
    two_rows[:2], two_columns[:, :2] = i[:2, None], j[:2]
    contrast = two_rows * two_columns
    simple = [np.ones(shape), one_row, one_column, entry, np.outer(i, j), i[:, None] * one_column]
    simple += [j * one_row, two_rows, two_columns, contrast, np.eye(rows, columns)]
    random = rng.normal(size=(max(4, min(_STARTS, _ENTRIES // (rows * columns))), rows, columns))
    random[::4] *= one_row
    random[1::4] *= one_column
    random[2::4] = random[2::4, :, :1] * random[2::4, :1, :]  # of rank 1
    # Simple ones may be saddles, which a little of everything leaves.
    shaken = simple + 0.02 * rng.normal(size=(len(simple), *shape))
    starts = np.concatenate([simple, shaken, random])
    return np.asarray(starts / _norms(starts)[:, None, None])


def _largest_eigenvalue(shape: Shape, terms: list[tuple[Graph, float]]) -> float:
    """Return the largest eigenvalue of a quadratic form on matrices."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    graphs, couplings = [graph for graph, _ in terms], [c for _, c in terms]
    size = prod(shape)

    def apply(vector: Floats) -> Floats:
        return gradient(graphs, couplings, vector.reshape(1, *shape))[1].ravel() / 2

    if size <= 400:
        unit = np.eye(size).reshape(size, *shape)
        form = gradient(graphs, couplings, unit)[1].reshape(size, size) / 2
        return float(np.linalg.eigvalsh((form + form.T) / 2)[-1])
    start = np.random.default_rng(_SEED).normal(size=size)
    operator = LinearOperator((size, size), matvec=apply, dtype=np.float64)
    return float(eigsh(operator, k=1, which="LA", v0=start, return_eigenvectors=False)[0])


def constrained_couplings(equations: ScoreEquations, shape: Shape) -> Floats:
    """Return the couplings (k,) of least score whose quartic form is negative.

    Along every direction x the quartic terms are at most - `MARGIN` times sum x_ia^4, up to half of
    it. Directions that break this are searched for, each becomes a linear constraint, and the
    quadratic programme is solved again, until a search finds none.

    Raises
    ------
    WeightLawsError
        If the highest degree is not 4, or directions are still found after many rounds.

    References
    ----------
    The programme: Lawson, C. L. & Hanson, R. J. (1974). Solving Least Squares Problems, chapter 23.
    """
    top = np.array([graph.degree == 4 for graph in equations.graphs])
    if not top.any() or any(graph.degree > 4 for graph in equations.graphs):
        raise WeightLawsError(
            "the graphs of a law to be made normalisable",
            f"degrees up to {max(graph.degree for graph in equations.graphs)}",
            "quartics as the highest degree",
            "add invariants of degree 4, such as the sum of W_ia^4",
        )
    quartics = [graph for graph, is_top in zip(equations.graphs, top, strict=True) if is_top]
    A, b = equations.averages()
    couplings = equations.solve()
    rows = np.zeros((0, len(couplings)))
    bounds = np.zeros(0)
    points = None
    for _ in range(_ROUNDS):
        terms = [*zip(quartics, couplings[top].tolist(), strict=True), (FOURTH_POWERS, MARGIN / 2)]
        values, found = _maxima(shape, _merged(terms), points)
        broken = values > 0
        if not broken.any():
            return couplings
        points = _distinct(found[broken], values[broken])
        new = np.zeros((len(points), len(couplings)))
        new[:, top] = evaluate(quartics, points)
        rows = np.concatenate([rows, new])
        bounds = np.concatenate([bounds, -MARGIN * evaluate([FOURTH_POWERS], points)[:, 0]])
        couplings = _least(A, b, rows, bounds)
    raise WeightLawsError(
        "a normalisable fit",
        f"directions of growth after {_ROUNDS} rounds",
        "a negative quartic form",
        "give fewer quartic invariants, or those of sums of squares only",
    )


def _merged(terms: list[tuple[Graph, float]]) -> list[tuple[Graph, float]]:
    sums: dict[Graph, float] = {}
    for graph, coupling in terms:
        sums[graph] = sums.get(graph, 0.0) + coupling
    return [*sums.items()]


def _distinct(points: Floats, values: Floats) -> Floats:
    """Of points that differ only by a permutation of rows and columns, or a sign, the first."""
    spectra = np.round(np.linalg.svd(points, compute_uv=False), 4)
    keys = np.column_stack([spectra, np.round(values / values.max(), 4)])
    _, first = np.unique(keys, axis=0, return_index=True)
    return points[np.sort(first)]


def _least(A: Floats, b: Floats, rows: Floats, bounds: Floats) -> Floats:
    """Minimise theta' A theta / 2 + b' theta with rows @ theta <= bounds."""
    from scipy.optimize import nnls

    # With A = L L' and theta = L'^-1 (u - L^-1 b) it is the least u with G u >= h.
    scale = 1 / np.sqrt(np.diag(A))
    L = np.linalg.cholesky(A * np.outer(scale, scale))
    shift = np.linalg.solve(L, scale * b)
    G = -np.linalg.solve(L, (rows * scale).T).T
    h = G @ shift - bounds
    norms = np.linalg.norm(G, axis=1)
    G, h = G / norms[:, None], h / norms
    target = np.zeros(len(b) + 1)
    target[-1] = 1
    E = np.vstack([G.T, h])
    weights, _ = nnls(E, target, maxiter=100 * len(h))
    residual = E @ weights - target
    u = -residual[:-1] / residual[-1]
    return np.asarray(scale * np.linalg.solve(L.T, u - shift))
