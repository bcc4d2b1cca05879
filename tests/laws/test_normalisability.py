import numpy as np
import pytest
from support.laws import BIPARTITE

from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import Graph, enumerate_graphs
from weightlaws.laws.normalisability import constrained_couplings, is_square, verdict
from weightlaws.laws.score_equations import ScoreEquations

BY_NAME = {graph.name: graph for graph in BIPARTITE}
TRACE, COLUMNS, FOURTHS = "ia.ib.ja.jb", "ia.ia.ja.ja", "ia.ia.ia.ia"


def judged(couplings, shape=(4, 5)):
    graphs = [BY_NAME[name] for name in couplings]
    return verdict(shape, graphs, np.array([*couplings.values()]))


@pytest.mark.parametrize(
    ("couplings", "normalisable", "proven"),
    [
        ({"ia": 1.0}, False, True),
        ({"ia.ia": -0.5, "ia": 3.0}, True, True),
        ({"ia.ia": -0.5, "ia.jb": 0.6 / 20}, False, True),
        ({"ia.ia": -0.5, "ia.jb": 0.4 / 20}, True, True),
        ({"ia.jb": -0.5}, False, True),
        ({"ia.ia": -0.5, "ia.ia.ia": 0.001}, False, True),
        ({"ia.ia": -0.5, FOURTHS: 1e-6}, False, True),
        ({"ia.ia": 0.5, FOURTHS: -0.05}, True, True),
        ({"ia.ia": 0.5, "ia.ia.ia": 1.0, TRACE: -0.26}, True, True),
        # Of a single column both quartics are |w|^4.
        ({"ia.ia": -0.5, TRACE: -0.26, COLUMNS: 0.32}, False, True),
        ({"ia.ia": -0.5, TRACE: -0.26, COLUMNS: 0.2}, True, False),
        # Minus squares that vanish on matrices of sum 0.
        ({"ia.ia": -0.5, "ia.jb.kc.ld": -0.01}, True, True),
        ({"ia.ia": 0.5, "ia.jb.kc.ld": -0.01}, None, False),
    ],
    ids=str,
)
def test_verdicts(couplings, normalisable, proven):
    found = judged(couplings)
    assert found.normalisable is normalisable  # a plain bool, which numpy's is not
    assert found.proven is proven
    assert np.linalg.norm(found.direction) == pytest.approx(1)
    degree = max(BY_NAME[name].degree for name in couplings)
    top = {name: c for name, c in couplings.items() if BY_NAME[name].degree == degree}
    values = evaluate([BY_NAME[name] for name in top], found.direction)
    assert values @ [*top.values()] == pytest.approx(found.largest, abs=1e-12)


@pytest.mark.parametrize(
    ("couplings", "largest"),
    [
        ({TRACE: -1.0}, -1 / 4),  # four equal singular values
        ({TRACE: 1.0}, 1.0),
        ({FOURTHS: -1.0}, -1 / 20),
        ({COLUMNS: -1.0}, -1 / 5),
        ({"ia.jb.kc.ld": 1.0}, 20.0**2),
        ({"ia.ia.ia": 1.0}, 1.0),
        ({"ia.jb.kc": -1.0}, 20.0**1.5),
    ],
    ids=str,
)
def test_the_search_finds_known_maxima(couplings, largest):
    assert judged(couplings).largest == pytest.approx(largest, rel=1e-5)


def test_a_wide_quadratic_form_is_judged_without_its_matrix():
    assert judged({"ia.ia": -0.5, "ia.jb": 0.4 / 900}, (30, 30)).normalisable
    assert not judged({"ia.ia": -0.5, "ia.jb": 0.6 / 900}, (30, 30)).normalisable


def test_a_constant_is_no_density():
    assert judged({"ia.ia": 0.0}).normalisable is False


def test_sums_of_squares_are_never_negative_and_others_are():
    matrices = np.random.default_rng(0).normal(size=(4000, 3, 3))
    # Rank 1, single rows and columns, and what has few negative values.
    matrices[:1000] = matrices[:1000, :, :1] * matrices[:1000, :1, :]
    graphs = [*enumerate_graphs(2, bipartite=True), *enumerate_graphs(4, bipartite=True)]
    least = evaluate(graphs, matrices).min(axis=0)
    squares = [is_square(graph) for graph in graphs]
    assert sum(squares) == 4 + 20
    for graph, square, value in zip(graphs, squares, least, strict=True):
        assert value > -1e-10 if square else value < 0, graph.name


def test_odd_graphs_are_no_squares():
    assert not any(is_square(graph) for graph in enumerate_graphs(3, bipartite=True))
    assert not is_square(Graph(((0, 1), (1, 2), (2, 0), (0, 1))))
    assert is_square(Graph(((0, 1), (0, 2))))


def test_the_constrained_fit_is_the_best_that_is_normalisable():
    # Entries of heavy tails: the free quartic is positive, and the bound is reached.
    matrices = np.random.default_rng(1).standard_t(6, size=(400, 3, 4))
    graphs = [BY_NAME["ia.ia"], BY_NAME[FOURTHS]]
    equations = ScoreEquations.of(matrices, graphs)
    assert equations.solve()[1] > 0
    found = constrained_couplings(equations, (3, 4))
    assert found[1] == pytest.approx(-1e-3, rel=1e-6)
    A, b = equations.averages()
    assert found[0] == pytest.approx(-(b[0] + A[0, 1] * found[1]) / A[0, 0], rel=1e-8)
