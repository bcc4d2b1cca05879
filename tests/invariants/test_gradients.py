import itertools

import numpy as np
import pytest
import torch
from support.laws import BIPARTITE

from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.gradients import gradient, gradient_product, laplacian
from weightlaws.invariants.graphs import Graph, canonical, common_form, enumerate_graphs

SQUARE = [graph for k in range(1, 4) for graph in enumerate_graphs(k)]
LETTERS = "abcdefghijklmnop"


def by_torch(graph, matrix):
    """The invariant of a matrix by one contraction."""
    inputs = ",".join(LETTERS[i] + LETTERS[j] for i, j in graph.arcs)
    return torch.einsum(f"{inputs}->", *[matrix] * graph.degree)


def derivatives(graph, matrix):
    """Gradient, and sum of the second derivatives by each entry, by automatic differentiation."""
    matrix = torch.tensor(matrix, requires_grad=True)
    (first,) = torch.autograd.grad(by_torch(graph, matrix), matrix, create_graph=True)
    second = 0.0
    if graph.degree > 1:
        for entry, place in zip(first.flatten(), np.ndindex(*matrix.shape), strict=True):
            second += torch.autograd.grad(entry, matrix, retain_graph=True)[0][place].item()
    return first.detach().numpy(), second


def value(polynomial, matrix, known):
    """Evaluate a polynomial; `known` keeps the values of graphs of the matrix."""
    rows, columns = matrix.shape
    for graph, _, _ in polynomial:
        if graph not in known:
            known[graph] = 1.0 if graph is None else evaluate([graph], matrix)[0]
    return sum(
        count * rows**r * columns**c * known[graph] for (graph, r, c), count in polynomial.items()
    )


def check(graphs, shape):
    # Positive entries cancel nothing, and so allow a relative tolerance.
    matrix = np.random.default_rng(3).uniform(0.5, 1.5, shape)
    found, known = [derivatives(graph, matrix) for graph in graphs], {}
    for graph, (_, second) in zip(graphs, found, strict=True):
        assert value(laplacian(graph), matrix, known) == pytest.approx(second, rel=1e-12)
    pairs = itertools.combinations_with_replacement(zip(graphs, found, strict=True), 2)
    for (a, (first_a, _)), (b, (first_b, _)) in pairs:
        terms = gradient_product(a, b)
        assert value(terms, matrix, known) == pytest.approx(np.vdot(first_a, first_b), rel=1e-12)
        for graph, _, _ in terms:
            assert graph is None or graph == canonical(graph)
        assert gradient_product(b, a) == terms


def test_every_pair_of_bipartite_graphs_up_to_degree_four():
    assert len(BIPARTITE) == 48
    check(BIPARTITE, (3, 4))


def test_every_pair_of_graphs_of_square_matrices_up_to_degree_three():
    assert len(SQUARE) == 65
    check(SQUARE, (3, 3))


def test_a_bipartite_graph_beside_one_of_square_matrices():
    matrix, known = np.random.default_rng(4).uniform(0.5, 1.5, (4, 4)), {}
    slopes = {graph: derivatives(graph, matrix)[0] for graph in (*BIPARTITE[:15], *SQUARE[:13])}
    for a, b in itertools.product(BIPARTITE[:15], SQUARE[:13]):
        terms = gradient_product(a, b)
        assert terms == gradient_product(common_form(a), b)
        expected = np.vdot(slopes[a], slopes[b])
        assert value(terms, matrix, known) == pytest.approx(expected, rel=1e-12)


def test_terms_up_to_degree_six_are_bipartite_invariants():
    known = {g for k in range(1, 7) for g in enumerate_graphs(k, bipartite=True)}
    found = {t.graph for a in BIPARTITE for b in BIPARTITE for t in gradient_product(a, b)}
    assert found - {None} <= known
    assert len(known) == 437


# Four vertices with three neighbours each: evaluated by one contraction.
CONTRACTED = Graph(((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (3, 3)))


@pytest.mark.parametrize(
    ("graphs", "shape"),
    [
        (BIPARTITE, (3, 4)),
        (BIPARTITE, (5, 2)),
        ([*SQUARE, CONTRACTED], (4, 4)),
        (BIPARTITE[:1], (1, 1)),
    ],
)
def test_gradients_of_sums(graphs, shape):
    rng = np.random.default_rng(5)
    matrices = rng.uniform(0.5, 1.5, (3, *shape))
    coefficients = rng.uniform(0.5, 1.5, len(graphs))
    values, found = gradient(graphs, coefficients, matrices)
    np.testing.assert_allclose(values, evaluate(graphs, matrices) @ coefficients, rtol=1e-12)
    for matrix, got in zip(matrices, found, strict=True):
        entries = torch.tensor(matrix, requires_grad=True)
        total = sum(c * by_torch(g, entries) for c, g in zip(coefficients, graphs, strict=True))
        expected = torch.autograd.grad(total, entries)[0].numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_gradients_of_many_matrices_go_by_chunks():
    matrices = np.random.default_rng(6).normal(size=(70, 40, 30))
    values, found = gradient(BIPARTITE[:5], np.ones(5), matrices)
    for k in (0, 69):
        value, one = gradient(BIPARTITE[:5], np.ones(5), matrices[[k]])
        np.testing.assert_allclose(values[k], value[0], rtol=1e-12)
        np.testing.assert_allclose(found[k], one[0], rtol=1e-12)
