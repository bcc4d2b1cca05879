import itertools

import numpy as np
import pytest
from support.laws import BIPARTITE, isserlis

from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import PUBLISHED, Graph, canonical, enumerate_graphs
from weightlaws.laws.wick import PATTERNS, expectation, mirror, relabel

LOW = [graph for k in range(1, 4) for graph in enumerate_graphs(k)]
# m_0, and the covariances within one entry, row, column and matrix: positions among the 13.
KEPT_APART = [0, *(2 + PATTERNS.index(p) for p in [(0, 1, 0, 1), (0, 1, 0, 2), (0, 1, 2, 1)]), 12]


def moments(numbers, size):
    """Mean (D, D) and covariance (D, D, D, D) by the definition of the numbers."""
    mean = numbers[0] + numbers[1] * np.eye(size)
    indices = np.indices([size] * 4)
    covariance = np.zeros([size] * 4)
    for pattern in {relabel(labels) for labels in itertools.product(range(4), repeat=4)}:
        same = [
            indices[a] == indices[b]
            for a, b in itertools.combinations(range(4), 2)
            if pattern[a] == pattern[b]
        ]
        number = numbers[2 + PATTERNS.index(min(pattern, mirror(pattern)))]
        covariance += number * np.all([np.ones([size] * 4, bool), *same], axis=0)
    return mean, covariance


def check(graphs, size, seed):
    # Positive numbers need be no law, cancel nothing, and so allow a relative tolerance: sums of
    # up to 5^8 terms lose some hundred units of 1e-16.
    numbers = np.random.default_rng(seed).uniform(0.5, 1.5, 13)
    mean, covariance = moments(numbers, size)
    expected = [isserlis(graph, mean, covariance) for graph in graphs]
    np.testing.assert_allclose(expectation(graphs, size, numbers), expected, rtol=1e-12)


def test_patterns_are_the_classes_under_exchange():
    partitions = {relabel(labels) for labels in itertools.product(range(4), repeat=4)}
    assert len(partitions) == 15
    assert len(PATTERNS) == 11
    assert {*PATTERNS, *map(mirror, PATTERNS)} == partitions
    assert PATTERNS[0] == (0, 0, 0, 0)
    assert PATTERNS[-1] == (0, 1, 2, 3)


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_every_graph_below_degree_four(size):
    check(LOW, size, seed=size)


@pytest.mark.parametrize("size", [4, 5])
def test_every_quartic_graph(size):
    assert len(LOW) + len(enumerate_graphs(4)) == 361
    check(enumerate_graphs(4), size, seed=size)


def test_bipartite_graphs():
    check(BIPARTITE, 3, seed=6)


@pytest.mark.parametrize("shape", [(3, 5), (4, 2), (1, 3)])
def test_rectangular_matrices(shape):
    numbers = np.zeros(13)
    numbers[KEPT_APART] = m, entry, row, column, matrix = [0.9, 1.4, 0.6, 1.1, 0.7]
    i, j, k, l = np.indices(shape * 2)  # noqa: E741
    covariance = matrix + row * (i == k) + column * (j == l) + entry * ((i == k) & (j == l))
    expected = [isserlis(graph, np.full(shape, m), covariance) for graph in BIPARTITE]
    np.testing.assert_allclose(expectation(BIPARTITE, shape, numbers), expected, rtol=1e-12)


def test_square_matrices_may_be_called_rectangular():
    numbers = np.zeros((4, 13))
    numbers[:, KEPT_APART] = np.random.default_rng(9).uniform(size=(4, 5))
    values = expectation(BIPARTITE, (6, 6), numbers)
    np.testing.assert_array_equal(values, expectation(BIPARTITE, 6, numbers))


def test_degree_six():
    check([Graph(tuple(itertools.combinations(range(4), 2)))], 4, seed=7)


def test_labels_make_no_difference():
    graphs = [Graph([(7, 3), (3, 9), (9, 9)]), Graph([(2, 2), (5, 4), (4, 2)])]
    assert canonical(graphs[0]) == canonical(graphs[1])
    first, second = expectation(graphs, 5, np.arange(13.0))
    assert first == pytest.approx(second, rel=1e-14)


@pytest.mark.parametrize("size", [4, 640, 10**5])
def test_independent_entries_of_any_size(size):
    # Closed forms; size^8 exceeds what int64 holds.
    numbers = np.zeros(13)
    numbers[2 + PATTERNS.index((0, 1, 0, 1))] = variance = 0.25
    names = {
        "I3": size**2 * variance,
        "I4": size * variance,
        "I10": size**2 * variance,
        "I45": 3 * size**2 * variance**2,
        "I48": 3 * size**3 * variance**2,
        "I52": 3 * size**4 * variance**2,
    }
    values = expectation([PUBLISHED[name] for name in names], size, numbers)
    np.testing.assert_allclose(values, list(names.values()), rtol=1e-15)


def test_constant_matrix():
    numbers = np.array([2.0, -1.0, *[0] * 11])
    graphs = list(PUBLISHED.values())
    # Integers, and so exact.
    values = evaluate(graphs, 2.0 - np.eye(5))
    np.testing.assert_array_equal(expectation(graphs, 5, numbers), values)


@pytest.mark.parametrize("batch", [(), (3,), (2, 4), (0,)])
def test_batches_of_laws(batch):
    numbers = np.random.default_rng(8).uniform(size=(*batch, 13))
    values = expectation(LOW, 6, numbers)
    assert values.shape == (*batch, len(LOW))
    for index in np.ndindex(batch):
        np.testing.assert_allclose(values[index], expectation(LOW, 6, numbers[index]), rtol=1e-13)


def test_no_graphs():
    assert expectation([], 5, np.ones((2, 13))).shape == (2, 0)


def test_errors():
    with pytest.raises(ValueError, match=r"expected numbers of shape \(..., 13\), found \(11,\)"):
        expectation(LOW, 5, np.ones(11))
    with pytest.raises(ValueError, match="at least 1, found 0"):
        expectation(LOW, 0, np.ones(13))
    with pytest.raises(ValueError, match=r"at least 1, found \(3, 0\)"):
        expectation(BIPARTITE, (3, 0), np.zeros(13))


def test_laws_of_rectangles_keep_rows_and_columns_apart():
    loop = Graph(((0, 0),))
    with pytest.raises(ValueError, match=r"only bipartite graphs .* found Graph\(edges=\(\(0, 0"):
        expectation([*BIPARTITE, loop], (3, 5), np.zeros(13))
    for position in set(range(13)) - set(KEPT_APART):
        with pytest.raises(ValueError, match=r"only the numbers \[0, .* differ from 0"):
            expectation(BIPARTITE, (3, 5), np.eye(13)[position])
