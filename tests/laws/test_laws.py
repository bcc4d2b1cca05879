import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support.laws import BIPARTITE, FIVE, isserlis, one_sided
from support.rounding import assert_sums_close, expectation_terms, parameter_terms

from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import Graph, enumerate_graphs
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.one_sided import OneSided
from weightlaws.laws.pigmm import PIGMM

LOW = [graph for graph in BIPARTITE if graph.degree < 3]
ORDINARY = [graph for k in range(1, 4) for graph in enumerate_graphs(k)]
LAWS = [
    IID((3, 4), [0.4, 1.3]),
    Bipartite((3, 4), FIVE),
    Bipartite((5, 2), FIVE),
    one_sided((3, 4), "rows"),
    one_sided((3, 4), "columns"),
    one_sided((1, 4), "rows"),
]
each_law = pytest.mark.parametrize(
    "law",
    LAWS,
    ids=lambda law: f"{type(law).__name__}-{law.shape}-{getattr(law, 'labelled', '')}",
)


def sides(law):
    return [law.labelled] if isinstance(law, OneSided) else []


def fit_like(law, matrices):
    return type(law).fit(matrices, *sides(law))


def orthonormal(size):
    """A basis, its first column constant."""
    others = np.random.default_rng(0).normal(size=(size, size - 1))
    return np.linalg.qr(np.column_stack([np.ones(size), others]))[0]


def explicit_law(law):
    """Mean (R, C) and covariance (R, C, R, C) by the definition of the parameters."""
    R, C = law.shape
    if isinstance(law, IID):
        mean, variance = law.parameters
        return np.full((R, C), mean), variance * np.eye(R * C).reshape(R, C, R, C)
    if isinstance(law, Bipartite):
        mean, *variances = law.parameters
        covariance = np.zeros((R, C, R, C))
        for a, b in itertools.product(range(R), range(C)):
            part = np.outer(orthonormal(R)[:, a], orthonormal(C)[:, b])
            variance = variances[(a > 0) + 2 * (b > 0)]
            covariance += variance * np.multiply.outer(part, part)
        return np.full((R, C), mean), covariance
    A, B = law.covariances
    n = C if law.labelled == "rows" else R
    mean = np.outer(law.means, np.ones(n))
    covariance = np.multiply.outer(A, np.ones((n, n))) + np.multiply.outer(B, np.eye(n))
    covariance = covariance.transpose(0, 2, 1, 3)
    if law.labelled == "columns":
        mean, covariance = mean.T, covariance.transpose(1, 0, 3, 2)
    return mean, covariance


def absolute_terms(graphs, law):
    """Sums of the absolute terms of expectations, by the definition of the parameters."""
    mean, covariance = explicit_law(law)
    return [isserlis(graph, np.abs(mean), np.abs(covariance)) for graph in graphs]


def log_likelihoods(matrices):
    """Mean log-likelihood of square matrices under each law fitted to them."""
    laws = {
        "i.i.d.": IID.fit(matrices),
        "bipartite": Bipartite.fit(matrices),
        "diagonal S_D": PIGMM.fit(matrices),
        "rows": OneSided.fit(matrices),
        "columns": OneSided.fit(matrices, "columns"),
    }
    return {name: law.log_likelihood(matrices).mean() for name, law in laws.items()}


@each_law
def test_log_likelihood_is_the_density(law):
    mean, covariance = explicit_law(law)
    matrices = np.random.default_rng(1).normal(size=(6, *law.shape))
    density = stats.multivariate_normal(mean.ravel(), covariance.reshape(mean.size, -1))
    # Of order 10 to 100, by a 12 x 12 eigendecomposition of condition 1e2.
    expected = density.logpdf(matrices.reshape(6, -1))
    np.testing.assert_allclose(law.log_likelihood(matrices), expected, rtol=1e-11)
    assert law.log_likelihood(matrices[:0]).shape == (0,)


@each_law
def test_expectations_of_every_bipartite_graph(law):
    expected = [isserlis(graph, *explicit_law(law)) for graph in BIPARTITE]
    assert_sums_close(law.expectation(BIPARTITE), expected, absolute_terms(BIPARTITE, law))
    assert law.expectation([]).shape == (0,)


@each_law
def test_samples_have_the_moments(law):
    mean, covariance = explicit_law(law)
    n, size = 50_000, mean.size
    covariance = covariance.reshape(size, size)
    flat = law.sample(n, np.random.default_rng(2)).reshape(n, -1)
    diagonal = np.diag(covariance)
    z = (flat.mean(0) - mean.ravel()) / np.sqrt(diagonal / n)
    error = np.sqrt((covariance**2 + np.outer(diagonal, diagonal)) / n)
    # At most 90 scores: beyond 5 in one of 10^4 seeds.
    assert np.abs(z).max() < 5
    assert np.abs((np.cov(flat.T) - covariance) / error).max() < 5


@each_law
def test_fits_recover_the_law_within_bootstrap_errors(law):
    rng = np.random.default_rng(3)
    n, scores = 300, []
    for _ in range(30):
        matrices = law.sample(n, rng)
        fits = [fit_like(law, matrices[rng.integers(n, size=n)]).parameters for _ in range(100)]
        z = (fit_like(law, matrices).parameters - law.parameters) / np.std(fits, axis=0, ddof=1)
        scores.append(z)
    scores = np.concatenate(scores)
    assert np.abs(scores).max() < 5
    # The mean square of so many independent scores has an error of sqrt(2 / scores).
    assert abs(np.mean(scores**2) - 1) < 4 * np.sqrt(2 / len(scores))


@each_law
def test_fit_has_the_moments_of_the_data(law):
    matrices = np.random.default_rng(4).normal(0.3, 1, size=(20, *law.shape))
    # Of degrees 1 and 2; independent entries know but the sum and the sum of squares, the first.
    graphs = LOW[:2] if isinstance(law, IID) else LOW
    expected, terms = (evaluate(graphs, values).mean(0) for values in (matrices, np.abs(matrices)))
    assert_sums_close(fit_like(law, matrices).expectation(graphs), expected, terms)


@each_law
def test_fit_is_the_maximum_of_the_likelihood(law):
    matrices = law.sample(40, np.random.default_rng(5))
    best = fit_like(law, matrices)
    for k, step in itertools.product(range(best.n_parameters), (-0.01, 0.01)):
        parameters = best.parameters.copy()
        parameters[k] += step
        other = type(law)(law.shape, parameters, *sides(law))
        assert other.log_likelihood(matrices).sum() < best.log_likelihood(matrices).sum()


@pytest.mark.parametrize("size", [4, 6])
def test_bipartite_squares_are_a_joint_law(size):
    law = Bipartite((size, size), FIVE)
    mean, total, rows, columns, rest = FIVE
    joint = PIGMM(size, [size * mean, 0, total, 0, rest, columns, 0, 0, rows, 0, rest, rest, rest])
    matrices = np.random.default_rng(6).normal(size=(5, size, size))
    covariance = explicit_law(law)[1].reshape(size**2, size**2)
    graphs = [*BIPARTITE, *ORDINARY]
    # An entry is a sum of the variances over some size^2 parts, each of order 1 / size^2.
    assert_sums_close(covariance, joint.covariance(), sum(FIVE[1:]))
    terms = expectation_terms(graphs, size, joint.parameters)
    assert_sums_close(law.expectation(graphs), joint.expectation(graphs), terms)
    likelihood = joint.log_likelihood(matrices)
    np.testing.assert_allclose(law.log_likelihood(matrices), likelihood, rtol=1e-12)
    fit, terms = PIGMM.fit(matrices).parameters, parameter_terms(matrices)
    places, scale = [0, 2, 8, 5], np.array([1 / size, 1, 1, 1])
    fits = Bipartite.fit(matrices).parameters[:4]
    assert_sums_close(fits, scale * fit[places], scale * terms[places], units=10)


def test_independent_squares_are_a_joint_law():
    law, joint = IID((5, 5), [0, 0.3]), PIGMM.iid(5, 0.3)
    terms = expectation_terms(ORDINARY, 5, joint.parameters)
    assert_sums_close(law.expectation(ORDINARY), joint.expectation(ORDINARY), terms)
    matrices = law.sample(4, np.random.default_rng(7))
    np.testing.assert_allclose(
        law.log_likelihood(matrices), joint.log_likelihood(matrices), rtol=1e-12
    )


def test_larger_laws_are_more_likely():
    for seed in range(20):
        values = log_likelihoods(np.random.default_rng(seed).normal(size=(30, 4, 4)))
        assert values["i.i.d."] < values["bipartite"]
        assert values["bipartite"] < min(values["diagonal S_D"], values["rows"], values["columns"])


def test_larger_laws_are_equal_where_the_data_have_the_symmetry():
    # Every permutation of rows and of columns of three matrices.
    matrices = 0.3 + np.random.default_rng(8).normal(size=(3, 4, 4))
    orders = [list(order) for order in itertools.permutations(range(4))]
    orbit = np.concatenate(
        [matrices[:, rows][:, :, columns] for rows in orders for columns in orders]
    )
    values = log_likelihoods(orbit)
    assert values["i.i.d."] < values["bipartite"] - 0.1
    for name in ("diagonal S_D", "rows", "columns"):
        assert values[name] == pytest.approx(values["bipartite"], rel=1e-12)
    # Uncorrelated entries of one variance: plus and minus each entry's unit matrix.
    units = np.eye(16).reshape(16, 4, 4)
    values = log_likelihoods(np.concatenate([units, -units]))
    assert [*values.values()] == pytest.approx([values["i.i.d."]] * 5, rel=1e-12)


def test_transposition():
    matrices = 0.3 + np.random.default_rng(9).normal(size=(30, 5, 3))
    turned = matrices.swapaxes(1, 2)
    swapped = [Graph([(j, i) for i, j in graph.edges], bipartite=True) for graph in BIPARTITE]
    for one, other in [
        (Bipartite.fit(matrices), Bipartite.fit(turned)),
        (OneSided.fit(matrices, "rows"), OneSided.fit(turned, "columns")),
        (OneSided.fit(matrices, "columns"), OneSided.fit(turned, "rows")),
    ]:
        order = [0, 1, 3, 2, 4] if isinstance(one, Bipartite) else slice(None)
        # Averages of numbers of order 1, and of their products.
        np.testing.assert_allclose(one.parameters[order], other.parameters, rtol=0, atol=1e-14)
        terms = absolute_terms(BIPARTITE, one)
        assert_sums_close(one.expectation(BIPARTITE), other.expectation(swapped), terms)
        likelihood = other.log_likelihood(turned)
        # Of order 10.
        np.testing.assert_allclose(one.log_likelihood(matrices), likelihood, rtol=1e-12)
        assert one.shape == other.shape[::-1] == (5, 3)


def test_order_of_the_parameters():
    law = OneSided((2, 3), [1, 2, 0.1, 0.2, 0.3, 4, 1, 5])
    np.testing.assert_array_equal(law.means, [1, 2])
    np.testing.assert_array_equal(law.covariances, [[[0.1, 0.2], [0.2, 0.3]], [[4, 1], [1, 5]]])


@each_law
def test_parameters_are_read_only_and_copied(law):
    parameters = law.parameters.copy()
    copy = type(law)(law.shape, parameters, *sides(law))
    parameters[0] = 9
    np.testing.assert_array_equal(copy.parameters, law.parameters)
    assert law.n_parameters == len(law.parameters)
    with pytest.raises(ValueError, match="read-only"):
        law.parameters[0] = 9


@pytest.mark.parametrize("scale", [1, 1e-3, 1e6])
@pytest.mark.parametrize("offset", [0, 1, -100])
def test_singular_laws_have_no_density_but_samples(scale, offset):
    rng = np.random.default_rng(10)
    noise = rng.normal(size=(8, 3, 4))
    rows, columns = rng.normal(size=(8, 3, 1)), rng.normal(size=(8, 1, 4))
    same_row = np.concatenate([noise[:, :2], noise[:, :1]], axis=1)
    for matrices, fit, message in [
        (0 * noise, IID.fit, "variance of the entries is singular"),
        (noise[:1], Bipartite.fit, "variance of the grand total is singular"),
        (noise - noise.mean(2, keepdims=True) + rng.normal(size=(8, 1, 1)), Bipartite.fit,
         "variance of the row sums is singular"),
        (noise - noise.mean(1, keepdims=True) + rng.normal(size=(8, 1, 1)), Bipartite.fit,
         "variance of the column sums is singular"),
        (rows + columns, Bipartite.fit, "variance of the rest is singular"),
        (same_row, OneSided.fit, "covariance of the sums is singular: the law has no density$"),
        (rows + 0 * noise, OneSided.fit, "covariance of the contrasts is singular: .*density$"),
        (noise[:3], OneSided.fit, "the sums is singular.*; 3 members are too few for 3 lab"),
    ]:  # fmt: skip
        law = fit(scale * (offset + matrices))
        with pytest.raises(np.linalg.LinAlgError, match=message):
            law.log_likelihood(noise)
        assert np.isfinite(law.sample(2, rng)).all()


@settings(deadline=None)
@given(
    st.integers(1, 9),
    st.tuples(st.integers(2, 9), st.integers(2, 9)),
    st.sampled_from([0, 1, 1e6, -1e-9]),
    st.integers(0, 99),
)
def test_fits_never_fail(n, shape, offset, seed):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, *shape))
    for matrices in (
        noise + offset,
        noise * offset,
        offset + 0 * noise,
        noise[:, :1] + offset + 0 * noise,
        noise[:, :, :1] + offset + 0 * noise,
    ):
        for fit in (IID.fit, Bipartite.fit, OneSided.fit):
            law = fit(matrices)
            assert np.isfinite(law.sample(2, rng)).all()
        if n <= shape[0]:
            with pytest.raises(np.linalg.LinAlgError, match=f"{n} members are too few"):
                law.log_likelihood(matrices)


def test_singular_laws_are_sampled_on_their_support():
    rng = np.random.default_rng(11)
    rows, columns = rng.normal(size=(9, 3, 1)), rng.normal(size=(9, 1, 4))
    for fit in (Bipartite.fit, OneSided.fit):
        samples = fit(rows + columns).sample(50, rng)
        # The interaction of rows and columns is 0 up to rounding.
        corners = samples[:, 1:, 1:] - samples[:, :1, 1:] - samples[:, 1:, :1] + samples[:, :1, :1]
        np.testing.assert_allclose(corners, 0, atol=1e-13)
        assert samples.std() > 0.5


def test_a_layer_of_pixels():
    # 784 labels and 10 exchangeable rows, the largest layer of the default networks.
    rng = np.random.default_rng(12)
    matrices = rng.normal(np.linspace(-1, 1, 784), 1, size=(900, 10, 784)).astype(np.float32)
    law = OneSided.fit(matrices, "columns")
    assert law.n_parameters == 784 + 784 * 785
    A, B = law.covariances
    logarithms = np.linalg.slogdet(B + 10 * A).logabsdet + 9 * np.linalg.slogdet(B).logabsdet
    # At the maximum the exponent is on average the dimension.
    expected = -0.5 * (7840 * (1 + np.log(2 * np.pi)) + logarithms)
    assert law.log_likelihood(matrices).mean() == pytest.approx(expected, rel=1e-10)
    expected, terms = (evaluate(LOW, values).mean(0) for values in (matrices, np.abs(matrices)))
    assert_sums_close(law.expectation(LOW), expected, terms)
    assert np.isfinite(law.expectation(BIPARTITE)).all()
    with pytest.raises(np.linalg.LinAlgError, match="; 100 members are too few for 784 labels"):
        OneSided.fit(matrices[:100], "columns").log_likelihood(matrices)


@pytest.mark.parametrize(
    ("law", "arguments", "message"),
    [
        (IID, [(0, 3), [0, 1]], r"at least \(1, 1\), found \(0, 3\)"),
        (IID, [(3, 3), [0, 1, 2]], r"expected parameters of shape \(2,\), found \(3,\)"),
        (IID, [(3, 3), [np.nan, 1]], "expected finite parameters, found"),
        (IID, [(3, 3), [0, -1]], r"expected variances of at least 0, found \[-1"),
        (Bipartite, [(1, 3), FIVE], r"at least \(2, 2\), found \(1, 3\)"),
        (Bipartite, [(3, 3), FIVE[:4]], r"expected parameters of shape \(5,\), found \(4,\)"),
        (Bipartite, [(3, 3), [0, 1, 1, -1, 1]], "expected variances of at least 0"),
        (OneSided, [(3, 1), np.ones(15)], r"two or more .* found shape \(3, 1\), labelled rows"),
        (OneSided, [(1, 3), np.ones(15), "columns"], r"two or more .* labelled columns"),
        (OneSided, [(3, 2), np.ones(15), "both"], "expected 'rows' or 'columns' .* found 'both'"),
        (OneSided, [(3, 2), np.ones(14)], r"expected parameters of shape \(15,\), found \(14,\)"),
        (OneSided, [(1, 2), [0, -1, 1]], "covariance of the sums has the negative eigenvalue -1"),
        (OneSided, [(1, 2), [0, 1, -1]], "of the contrasts has the negative eigenvalue -1"),
    ],
)
def test_what_is_no_law_is_refused(law, arguments, message):
    with pytest.raises(ValueError, match=message):
        law(*arguments)


@each_law
def test_shapes_are_checked(law):
    for wrong in (np.ones((5, 5)), np.ones((0, 5, 5)), np.ones((2, 5, 5), dtype=complex)):
        with pytest.raises(ValueError, match=r"shape \(n, rows, columns\), found .* of shape"):
            fit_like(law, wrong)
    with pytest.raises(
        ValueError, match=r"expected real matrices .* found float64 of shape \(2, 7, 7"
    ):
        law.log_likelihood(np.ones((2, 7, 7)))
    with pytest.raises(ValueError, match="only bipartite graphs"):
        law.expectation([Graph([(0, 0)])])


FITS = {
    "i.i.d.": IID.fit,
    "bipartite": Bipartite.fit,
    "one-sided": OneSided.fit,
    "diagonal": PIGMM.fit,
}
each_fit = pytest.mark.parametrize("fit", FITS.values(), ids=FITS)


@each_fit
@pytest.mark.parametrize("shift", [1e5, 1e8])
def test_densities_of_fits_do_not_depend_on_a_large_mean(fit, shift):
    """Multiples of 2^-20 are exact beside 1e8."""
    noise = np.random.default_rng(13).normal(size=(30, 4, 4))
    matrices = np.round(noise * 2**20) / 2**20
    expected = fit(matrices).log_likelihood(matrices)
    found = fit(matrices + shift).log_likelihood(matrices + shift)
    # The stored mean has an error of 1e-16 of itself, in units of the standard deviation of 1.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * shift)


@each_fit
def test_matrices_that_are_no_numbers_to_square_are_refused(fit):
    matrices = np.random.default_rng(14).normal(size=(8, 4, 4))
    assert np.isfinite(fit(1e69 * matrices).parameters).all()
    with pytest.raises(ValueError, match=r"up to 1e\+70, .* found -?\d.*e\+160; divide all"):
        fit(1e160 * matrices)
    matrices[3, 0, 0], matrices[5, 1, 2] = np.nan, np.inf
    with pytest.raises(ValueError, match="found NaN or infinity in 2 of 8 matrices; leave these"):
        fit(matrices)


def test_sides_too_short_to_fit():
    with pytest.raises(ValueError, match=r"at least \(2, 2\), found \(1, 4\)"):
        Bipartite.fit(np.ones((5, 1, 4)))
    with pytest.raises(
        ValueError, match=r"two or more on the exchangeable side, found shape \(4, 1\)"
    ):
        OneSided.fit(np.ones((5, 4, 1)))
