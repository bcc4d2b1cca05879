import itertools
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.published import CASES, published_matrices
from support.rounding import assert_sums_close

import weightlaws.invariants.evaluation
from weightlaws.invariants.evaluation import evaluate, evaluate_roughly
from weightlaws.invariants.graphs import PUBLISHED, Graph, enumerate_graphs

GRAPHS = tuple(PUBLISHED.values())
ALL = {
    bipartite: [g for degree in range(1, 6) for g in enumerate_graphs(degree, bipartite)]
    for bipartite in (False, True)
}
QUARTIC = [graph for graph in ALL[False] if graph.degree <= 4]
K4 = Graph(tuple(itertools.combinations(range(4), 2)))

# Both sides sum the same products in another order: rounding relative to the sum of their absolute
# values, some 1e-16 times the square root of up to 2^16 terms at worst.
RTOL = 1e-13


def brute_force(graph, matrix):
    """Sum over every assignment of the vertices, by definition."""
    rows, columns = graph.labels
    if graph.bipartite:
        grids = np.indices([len(matrix)] * len(rows) + [len(matrix.T)] * len(columns))
        row, column = dict(zip(rows, grids, strict=False)), grids[len(rows) :]
        column = dict(zip(columns, column, strict=True))
    else:
        row = column = dict(zip(rows, np.indices([len(matrix)] * len(rows)), strict=True))
    return np.prod([matrix[row[i], column[j]] for i, j in graph.edges], axis=0).sum()


def check(graphs, matrix):
    expected = np.array([brute_force(graph, matrix) for graph in graphs])
    scale = np.array([brute_force(graph, np.abs(matrix)) for graph in graphs])
    assert np.all(np.abs(evaluate(graphs, matrix) - expected) <= RTOL * scale)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"D={case['size']}")
def test_published_values(case):
    matrices = published_matrices(case["size"])[0]
    values, terms = evaluate(GRAPHS, matrices), evaluate(GRAPHS, np.abs(matrices))
    assert_sums_close(values[0], case["invariants_first_matrix"], terms[0], units=10)
    assert_sums_close(values.mean(0), case["invariant_means"], terms.mean(0), units=10)
    # Published standard deviations divide by N.
    deviations = case["invariant_standard_deviations"]
    np.testing.assert_allclose(values.std(0, ddof=0), deviations, rtol=1e-10)


@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_every_graph_of_low_degree(degree, size):
    check(enumerate_graphs(degree), np.random.default_rng(degree).normal(size=(size, size)))


def test_every_quartic():
    check(enumerate_graphs(4), np.random.default_rng(4).normal(size=(3, 3)))


@pytest.mark.parametrize("shape", [(2, 3), (4, 2), (3, 3)])
@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_every_bipartite_graph(degree, shape):
    check(enumerate_graphs(degree, bipartite=True), np.random.default_rng(5).normal(size=shape))


def evaluate_formula(formula, matrix):
    """Evaluate text such as ``sum_ij W_ii W_ij^2`` by its letters alone, exactly on integers."""
    indices, *factors = formula.split()
    terms = [re.fullmatch(r"W_(..)(?:\^(\d))?", factor).groups() for factor in factors]
    assert {*"".join(pair for pair, _ in terms)} == {*indices.removeprefix("sum_")}
    powers = [matrix ** int(power or 1) for _, power in terms]
    return np.einsum(",".join(pair for pair, _ in terms) + "->", *powers, optimize=True)


@pytest.mark.parametrize(("bipartite", "shape"), [(False, (3, 3)), (True, (3, 2))])
def test_formulas_say_what_is_evaluated(bipartite, shape):
    matrix = np.random.default_rng(14).integers(-3, 4, size=shape)
    graphs = [graph for graph in ALL[bipartite] if graph.degree <= 4]
    expected = [evaluate_formula(graph.formula, matrix) for graph in graphs]
    np.testing.assert_array_equal(evaluate(graphs, matrix), expected)


def test_graphs_without_a_vertex_to_eliminate():
    prism = ((0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (0, 3), (1, 4), (2, 5))
    decorated = ((0, 0), (1, 0), (0, 4), (4, 5), (2, 6), (6, 3))  # loop, parallel, tail, path
    k33 = tuple(itertools.product(range(3), repeat=2))
    rng = np.random.default_rng(6)
    check([K4, Graph(K4.edges + decorated), Graph(prism), Graph(k33)], rng.normal(size=(3, 3)))
    check([Graph(k33, bipartite=True)], rng.normal(size=(3, 4)))


def test_components_multiply():
    matrix = np.random.default_rng(7).normal(size=(4, 4))
    cube = evaluate([Graph(((0, 1), (2, 3), (4, 5)))], matrix)
    assert_sums_close(cube, matrix.sum() ** 3, np.abs(matrix).sum() ** 3)


@pytest.mark.parametrize("batch", [(), (1,), (7,), (2, 3), (0,), (3, 0)])
def test_batches(batch):
    matrices = np.random.default_rng(8).normal(size=(*batch, 4, 4))
    values = evaluate([*GRAPHS, K4], matrices)
    assert values.shape == (*batch, 53)
    assert values.dtype == np.float64
    for index in np.ndindex(batch):
        single = evaluate([*GRAPHS, K4], matrices[index])
        np.testing.assert_array_equal(values[index], single)


def test_no_graphs():
    assert evaluate([], np.ones((3, 2, 2))).shape == (3, 0)


def test_chunks_make_no_difference(monkeypatch):
    matrices = np.random.default_rng(9).normal(size=(11, 5, 5))
    values = evaluate(GRAPHS, matrices)
    monkeypatch.setattr(weightlaws.invariants.evaluation, "CHUNK", 60)
    np.testing.assert_array_equal(evaluate(GRAPHS, matrices), values)


def test_only_some_ten_matrices_live_at_once():
    matrices = np.ones((3, 256, 256))  # one a chunk
    evaluate(QUARTIC, matrices[:1, :2, :2])  # compile
    tracemalloc.start()
    evaluate(QUARTIC, matrices)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 13 * matrices[0].nbytes  # 72 if all were kept


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, np.longdouble])
def test_arithmetic_is_in_double_precision(dtype):
    matrices = (100 * np.random.default_rng(10).normal(size=(2, 4, 4))).astype(dtype)
    np.testing.assert_array_equal(
        evaluate(GRAPHS, matrices), evaluate(GRAPHS, matrices.astype(np.float64))
    )


def test_input_is_left_alone_in_any_layout():
    matrices = np.random.default_rng(11).normal(size=(4, 4, 6)).transpose(2, 1, 0)
    matrices.setflags(write=False)
    np.testing.assert_array_equal(
        evaluate(GRAPHS, matrices), evaluate(GRAPHS, np.ascontiguousarray(matrices))
    )


@settings(deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(1, 6), st.booleans(), st.integers(0, 2**32 - 1))
def test_permutations_change_nothing(data, rows, columns, bipartite, seed):
    rng = np.random.default_rng(seed)
    columns = columns if bipartite else rows
    matrix = rng.normal(size=(rows, columns))
    order = rng.permutation(rows)
    permuted = matrix[order][:, rng.permutation(columns) if bipartite else order]
    graphs = data.draw(st.lists(st.sampled_from(ALL[bipartite]), min_size=1, max_size=50))
    scale = evaluate(graphs, np.abs(matrix))
    difference = np.abs(evaluate(graphs, permuted) - evaluate(graphs, matrix))
    assert np.all(difference <= RTOL * scale)


def test_transposition_reverses_edges():
    matrix = np.random.default_rng(12).normal(size=(4, 4))
    graphs = enumerate_graphs(3)
    reverse = [Graph(tuple((j, i) for i, j in graph.edges)) for graph in graphs]
    scale = evaluate(graphs, np.abs(matrix))
    difference = np.abs(evaluate(graphs, matrix.T) - evaluate(reverse, matrix))
    assert np.all(difference <= RTOL * scale)


@pytest.mark.parametrize("matrices", [np.ones(3), np.ones((2, 2), complex), np.array([["a"]])])
def test_matrices_are_real_matrices(matrices):
    with pytest.raises(ValueError, match=r"expected real matrices .* found"):
        evaluate(GRAPHS, matrices)


def test_graphs_that_are_not_bipartite_need_square_matrices():
    with pytest.raises(ValueError, match=r"expected square matrices .* found shape \(5, 2, 3\)"):
        evaluate([Graph(((0, 1),), bipartite=True), Graph(((0, 1),))], np.ones((5, 2, 3)))


@pytest.mark.parametrize("scale", [1e-30, 0.04, 1e12])
@pytest.mark.parametrize("shape", [(6, 6), (5, 9)])
def test_single_precision_is_right_to_six_digits_at_any_scale(shape, scale):
    graphs = QUARTIC if shape[0] == shape[1] else [g for g in ALL[True] if g.degree <= 4]
    matrices = scale * np.random.default_rng(3).normal(size=(4, *shape))
    terms = evaluate(graphs, np.abs(matrices))
    errors = np.abs(evaluate_roughly(graphs, matrices) - evaluate(graphs, matrices))
    assert (errors <= 2e-6 * terms).all()
    np.testing.assert_array_equal(evaluate_roughly(graphs, np.zeros((2, *shape))), 0)
