import numpy as np
import pytest
from support.rounding import assert_sums_close, expectation_terms

from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import Graph, enumerate_graphs
from weightlaws.laws.pigmm import FITTED, PIGMM
from weightlaws.laws.typicality import predicted_sd

# A law without a zero or an equality that would hide an exchanged index.
LAW = np.array([0.7, -0.4, 1.3, 0.5, 0.8, 1.1, 0.3, -0.2, 0.9, 0.4, 0.6, 0.35, 0.55])


def beside_itself(graph):
    """Return the graph beside a copy of itself, whose value is the square of the graph's."""
    shift = 1 + max(max(edge) for edge in graph.edges)
    copy = tuple((i + shift, j + shift) for i, j in graph.edges)
    return Graph(graph.edges + copy, graph.bipartite)


def check_by_wick(law):
    """Check variances by the expectation of each invariant's square, which exceeds them."""
    pairs = [beside_itself(graph) for graph in FITTED]
    variance = law.expectation(pairs) - law.expectation(FITTED) ** 2
    terms = expectation_terms(pairs, law.size, law.parameters)
    assert_sums_close(predicted_sd(law.parameters, law.size) ** 2, variance, terms)


def quadratic_form(graph, size):
    """Symmetric (size^2, size^2) of an invariant of degree 2, found by polarisation."""
    units = np.eye(size * size).reshape(-1, size, size)
    pairs = evaluate([graph], units[:, None] + units)[..., 0]
    single = evaluate([graph], units)[:, 0]
    return (pairs - single[:, None] - single) / 2


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("bipartite", [False, True])
def test_a_graph_beside_itself_is_the_square(degree, bipartite):
    matrices = np.random.default_rng(0).normal(size=(3, 5, 5))
    graphs = enumerate_graphs(degree, bipartite)
    squares = evaluate([beside_itself(graph) for graph in graphs], matrices)
    terms = evaluate(graphs, np.abs(matrices)) ** 2
    assert_sums_close(squares, evaluate(graphs, matrices) ** 2, terms)
    assert beside_itself(Graph(((3, 1),))).edges == ((3, 1), (7, 5))


@pytest.mark.parametrize("size", [4, 10, 40])
def test_agrees_with_wick(size):
    check_by_wick(PIGMM(size, LAW))


def fourth_moments(mean, covariance):
    """E[x_a x_b x_c x_d] of a Gaussian vector, by Isserlis's theorem."""
    second = covariance + np.outer(mean, mean)
    moments = -2 * np.einsum("a,b,c,d->abcd", mean, mean, mean, mean)
    for term in ("ab,cd->abcd", "ac,bd->abcd", "ad,bc->abcd"):
        moments += np.einsum(term, second, second)
    return moments


def test_agrees_with_fourth_moments_of_the_full_covariance():
    size, law = 4, PIGMM(4, LAW)
    mean, covariance = law.mean().ravel(), law.covariance()
    second, fourth = covariance + np.outer(mean, mean), fourth_moments(mean, covariance)
    units = np.eye(size * size).reshape(-1, size, size)
    for graph, sd in zip(FITTED, predicted_sd(LAW, size), strict=True):
        if graph.degree == 1:
            gradient = evaluate([graph], units)[:, 0]
            variance = gradient @ covariance @ gradient
            terms = np.abs(gradient) @ np.abs(covariance) @ np.abs(gradient)
        else:
            form = quadratic_form(graph, size)
            variance = np.einsum("ab,cd,abcd", form, form, fourth) - np.sum(form * second) ** 2
            products = fourth_moments(0 * mean, np.abs(second))
            terms = np.einsum("ab,cd,abcd", *np.abs([form, form]), products)
        # 16^4 terms one after another lose some 16^2 roundings.
        assert_sums_close(sd**2, variance, terms, units=256)


def test_agrees_with_samples():
    size, n = 10, 40_000
    values = evaluate(FITTED, PIGMM(size, LAW).sample(n, np.random.default_rng(1)))
    squares = (values - values.mean(0)) ** 2
    # 13 scores, by the error of the mean square: beyond 4.5 in one of 10^4 seeds.
    z = (squares.mean(0) - predicted_sd(LAW, size) ** 2) / (squares.std(0) / np.sqrt(n))
    assert np.abs(z).max() < 4.5


@pytest.mark.parametrize("size", [4, 10, 640])
def test_independent_entries_in_closed_form(size):
    v, D = 0.3, size
    variances = [
        D * v,  # the trace
        D**2 * v,  # the total
        2 * D**2 * v**2,  # the sum of squares, each of variance 2 v^2
        2 * D**2 * v**2,  # that of W_ij W_ji: D squares and twice D(D-1)/2 products
        *[(D + 1) * D * v**2] * 2,  # d_i r_i = d_i^2 + d_i times D-1 others
        *[2 * D**3 * v**2] * 2,  # D squares of variables of variance D v
        (D**3 + D**2) * v**2,  # r_i c_i: the matrix squared, summed, has D^3 terms, D^2 doubled
        2 * D**4 * v**2,  # the squared total
        2 * D * v**2,
        2 * D**2 * v**2,  # the squared trace
        (D**3 + D**2) * v**2,  # trace times total: covariance D v
    ]
    # Orders of magnitude apart at D = 640, where the law's matrix is inverted to some 1e-12.
    np.testing.assert_allclose(
        predicted_sd(PIGMM.iid(D, v).parameters, D), np.sqrt(variances), rtol=1e-10
    )


def test_large_means_cost_no_digits():
    """An entry's mean of 10^8 leaves the SD of quadratic invariants linear in it."""
    first, second = LAW.copy(), LAW.copy()
    first[:2], second[:2] = 1e8 * LAW[:2], 1e9 * LAW[:2]
    quadratic = [graph.degree == 2 for graph in FITTED]
    ratio = predicted_sd(second, 10) / predicted_sd(first, 10)
    # What does not grow is smaller by 10^8, and by 10^16 in the variance.
    np.testing.assert_allclose(ratio, np.where(quadratic, 10, 1), rtol=1e-12)
    # Wick's second moment exceeds the variance by 10^6 here, and loses as many digits.
    check_by_wick(PIGMM(10, [1e3, *LAW[1:]]))


def test_singular_laws():
    matrices = np.random.default_rng(2).normal(size=(1, 6, 6))
    sd = predicted_sd(PIGMM.fit(matrices).parameters, 6)
    # The trace and the total, their squares and their product are those of the one matrix; rounding
    # of the means' squares is some 1e-15, of which the law takes the root.
    assert np.all(sd[[0, 1, 9, 11, 12]] < 1e-6)
    assert np.all(sd[[2, 3, 4, 5, 6, 7, 8, 10]] > 0.1)
    np.testing.assert_array_equal(predicted_sd(np.zeros(13), 6), np.zeros(13))


def test_vectorised():
    laws = np.stack([LAW, 2 * LAW, PIGMM.iid(8, 0.1).parameters])[:, None].repeat(2, 1)
    sd = predicted_sd(laws, 8)
    assert sd.shape == (3, 2, 13)
    for law, values in zip(laws[:, 1], sd[:, 1], strict=True):
        np.testing.assert_allclose(values, predicted_sd(law, 8), rtol=1e-14)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"shape \(..., 13\), found \(12,\)"):
        predicted_sd(LAW[:12], 5)
    with pytest.raises(ValueError, match="expected a size above 3, found 3"):
        predicted_sd(LAW, 3)
