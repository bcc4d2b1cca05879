import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support.published import CASES, published_matrices
from support.rounding import assert_sums_close, expectation_terms, parameter_terms

from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import PUBLISHED
from weightlaws.laws.noise_floor import simulate_fits
from weightlaws.laws.pigmm import (
    FITTED,
    PIGMM,
    multiplicities,
    parameters_from_moments,
    sufficient_statistics,
)

GRAPHS = tuple(PUBLISHED.values())

# A law without a zero or an equality that would hide an exchanged index.
LAW = np.array([0.7, -0.4, 1.3, 0.5, 0.8, 1.1, 0.3, -0.2, 0.9, 0.4, 0.6, 0.35, 0.55])


def explicit_basis(size):
    """Orthonormal vectors (vectors, D*D) of V0, the three copies of VH, V2 and V3."""
    rng = np.random.default_rng(0)
    ones, eye = np.ones(size), np.eye(size)
    centred = np.linalg.qr(np.column_stack([ones, rng.normal(size=(size, size - 1))]))[0].T[1:]
    v0 = [np.ones((size, size)) / size, (eye - 1 / size) / np.sqrt(size - 1)]
    columns = [np.outer(ones, e) / np.sqrt(size) for e in centred]
    rows = [np.outer(e, ones) / np.sqrt(size) for e in centred]
    diagonals = []
    for e, column, row in zip(centred, columns, rows, strict=True):
        rest = np.diag(e) - sum((np.diag(e) * b).sum() * b for b in (column, row))
        diagonals.append(rest / np.linalg.norm(rest))
    known = [np.ravel(b) for b in (*v0, *columns, *rows, *diagonals)]
    others = []
    for sign in (1, -1):
        part = rng.normal(size=(size * size, size, size))
        part = (part + sign * part.swapaxes(1, 2)).reshape(-1, size * size)
        part -= part @ np.transpose(known) @ known
        _, values, right = np.linalg.svd(part)
        others.append(right[: np.sum(values > 1e-9 * values[0])])
    vh = [np.reshape(b, (size - 1, -1)) for b in (columns, rows, diagonals)]
    return np.reshape(v0, (2, -1)), vh, *others


def explicit_law(size, f):
    """Mean and covariance of the vectorised matrix, block by block."""
    v0, vh, v2, v3 = explicit_basis(size)
    covariance = v0.T @ [[f[2], f[3]], [f[3], f[4]]] @ v0 + f[11] * v2.T @ v2 + f[12] * v3.T @ v3
    block = [[f[5], f[6], f[7]], [f[6], f[8], f[9]], [f[7], f[9], f[10]]]
    for a in range(3):
        for b in range(3):
            covariance += block[a][b] * vh[a].T @ vh[b]
    return (f[:2] @ v0).reshape(size, size), covariance


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"D={case['size']}")
def test_published_values(case):
    first, second = published_matrices(case["size"])
    law = PIGMM.fit(first)
    # The means cancel to 1e-3 of their terms.
    terms = parameter_terms(first)
    assert_sums_close(law.parameters, case["parameters"], terms, units=10)
    found, second_terms = PIGMM.fit(second).parameters, parameter_terms(second)
    assert_sums_close(found, case["second_parameters"], second_terms, units=10)
    predictions = law.expectation(GRAPHS[13:])
    # Products of the parameters' own terms, and so far more than what a prediction loses.
    terms = expectation_terms(GRAPHS[13:], case["size"], terms)
    assert_sums_close(predictions, case["predictions_I14_to_I52"], terms, units=1)
    values = evaluate(GRAPHS[13:], first)
    sd = values.std(0)
    deviations = np.abs(predictions - values.mean(0)) / sd
    # A difference of two averages has the terms of both.
    terms = (terms + evaluate(GRAPHS[13:], np.abs(first)).mean(0)) / sd
    expected = case["deviation_in_standard_deviations_I14_to_I52"]
    assert_sums_close(deviations, expected, terms, units=1)


@pytest.mark.parametrize("size", [4, 5, 8])
def test_mean_and_covariance_on_an_explicit_basis(size):
    _, vh, v2, v3 = explicit_basis(size)
    assert (1, len(vh[0]), len(v2), len(v3)) == multiplicities(size)
    mean, covariance = explicit_law(size, LAW)
    law = PIGMM(size, LAW)
    # Entries of order 1 and a basis exact to some 1e-15.
    np.testing.assert_allclose(law.mean(), mean, rtol=0, atol=1e-13)
    np.testing.assert_allclose(law.covariance(), covariance, rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", [4, 7])
def test_fit_projects_on_an_explicit_basis(size):
    matrices = np.random.default_rng(1).normal(1, 2, size=(9, size, size))
    v0, vh, v2, v3 = explicit_basis(size)
    flat = matrices.reshape(9, -1)
    s = flat @ v0.T
    h = [flat @ basis.T for basis in vh]
    expected = [
        *s.mean(0),
        *np.cov(s.T, ddof=0)[np.triu_indices(2)],
        *(np.mean(h[a] * h[b]) for a, b in zip(*np.triu_indices(3), strict=True)),
        np.mean((flat @ v2.T) ** 2),
        np.mean((flat @ v3.T) ** 2),
    ]
    found, terms = PIGMM.fit(matrices).parameters, parameter_terms(matrices)
    assert_sums_close(found, expected, terms, units=10)


@pytest.mark.parametrize("size", [4, 10, 640])
def test_the_law_has_the_moments_that_it_fits(size):
    moments = PIGMM(size, LAW).expectation(FITTED)
    # At D = 640 a variance of V3 is what remains of moments some 1e2 times larger.
    np.testing.assert_allclose(parameters_from_moments(moments, size), LAW, rtol=1e-12)


def test_statistics_are_vectorised():
    matrices = np.random.default_rng(2).normal(size=(3, 5, 6, 6))
    invariants = evaluate(FITTED, matrices)
    assert sufficient_statistics(invariants, 6).shape == (3, 5, 13)
    fits = parameters_from_moments(invariants.mean(1), 6)
    for fit, ensemble in zip(fits, matrices, strict=True):
        other, terms = PIGMM.fit(ensemble).parameters, parameter_terms(ensemble)
        assert_sums_close(fit, other, terms, units=10)


@settings(deadline=None)
@given(st.integers(4, 7), st.integers(0, 2**32 - 1))
def test_permutations_leave_the_fit(size, seed):
    rng = np.random.default_rng(seed)
    matrices, order = rng.normal(size=(5, size, size)), rng.permutation(size)
    permuted = PIGMM.fit(matrices[:, order][:, :, order])
    parameters = PIGMM.fit(matrices).parameters
    assert_sums_close(permuted.parameters, parameters, parameter_terms(matrices), units=10)


@settings(deadline=None)
@given(
    st.integers(1, 3), st.integers(4, 9), st.sampled_from([0, 1, 1e6, -1e-9]), st.integers(0, 99)
)
def test_fit_never_fails(n, size, offset, seed):
    noise = np.random.default_rng(seed).normal(size=(n, size, size))
    transposed = noise.swapaxes(1, 2)
    for matrices in (
        noise + offset,
        noise * offset,
        offset + 0 * noise,
        offset * np.eye(size) + 0 * noise,
        noise + transposed + offset,
        offset * (noise - transposed),
        noise[:, :1] + 0 * noise,
    ):
        law = PIGMM.fit(matrices)
        assert np.isfinite(law.sample(2, np.random.default_rng(0))).all()


@pytest.mark.parametrize("size", [4, 10])
def test_fit_recovers_the_law_from_its_samples(size):
    n = 20_000
    matrices = PIGMM(size, LAW).sample(n, np.random.default_rng(3))
    fits = simulate_fits(LAW, size, n, 2000, np.random.default_rng(4))
    z = (PIGMM.fit(matrices).parameters - LAW) / fits.std(0)
    # 13 roughly normal scores: beyond 4 in one of 1200 seeds.
    assert np.abs(z).max() < 4


def test_samples_have_the_covariance():
    law, n = PIGMM(4, LAW), 50_000
    flat = law.sample(n, np.random.default_rng(5)).reshape(n, -1)
    covariance = law.covariance()
    diagonal = np.diag(covariance)
    error = np.sqrt((covariance**2 + np.outer(diagonal, diagonal)) / n)
    # 136 scores: beyond 5 in one of 10^4 seeds.
    assert np.abs((np.cov(flat.T) - covariance) / error).max() < 5
    z = (flat.mean(0) - law.mean().ravel()) / np.sqrt(diagonal / n)
    assert np.abs(z).max() < 5


def test_expectations_agree_with_samples():
    law, n = PIGMM(10, LAW), 50_000
    graphs = catalogue("complete")
    values = evaluate(graphs, law.sample(n, np.random.default_rng(6)))
    z = (values.mean(0) - law.expectation(graphs)) / (values.std(0) / np.sqrt(n))
    # 361 scores: beyond 5 in one of some 5000 seeds, were they normal.
    assert np.abs(z).max() < 5


def test_singular_law_is_sampled_on_its_support():
    law = PIGMM(5, [1, 2, 1, 1, 1, *[0] * 6, 0, 0.5])
    matrices = law.sample(100, np.random.default_rng(7))
    statistics = sufficient_statistics(evaluate(FITTED, matrices), 5)
    # Squares of rounding errors, of size 1e-15 before squaring or 1e-15 after subtraction.
    np.testing.assert_allclose(statistics[:, 5:12], 0, atol=1e-12)
    np.testing.assert_allclose(statistics[:, 1] - statistics[:, 0], 1, rtol=1e-12)
    assert statistics[:, 12].min() > 0


def test_independent_entries():
    law = PIGMM.iid(6, 0.3)
    assert_sums_close(law.covariance(), 0.3 * np.eye(36), 0.3)
    np.testing.assert_array_equal(law.mean(), np.zeros((6, 6)))
    assert PIGMM.iid(6, 0).sample(2, np.random.default_rng(8)).any() == np.False_


@pytest.mark.parametrize("size", [4, 5])
def test_log_likelihood_is_the_density(size):
    law = PIGMM(size, LAW)
    matrices = np.random.default_rng(9).normal(size=(6, size, size))
    density = stats.multivariate_normal(law.mean().ravel(), law.covariance())
    expected = density.logpdf(matrices.reshape(6, -1))
    # Of order 10 to 100, by a 25 x 25 eigendecomposition of condition 10.
    np.testing.assert_allclose(law.log_likelihood(matrices), expected, rtol=1e-12)


@settings(deadline=None)
@given(st.integers(0, 12), st.sampled_from([-0.02, 0.02]))
def test_fit_is_the_maximum_of_the_likelihood(k, step):
    matrices = PIGMM(5, LAW).sample(50, np.random.default_rng(10))
    best = PIGMM.fit(matrices)
    other = best.parameters.copy()
    other[k] += step
    likelihood = PIGMM(5, other).log_likelihood(matrices).sum()
    assert likelihood < best.log_likelihood(matrices).sum()


@pytest.mark.parametrize("block", ["V0", "VH", "V2", "V3"])
def test_density_of_a_singular_law_is_refused(block):
    f = LAW.copy()
    f[{"V0": slice(3, 5), "VH": slice(5, 8), "V2": 11, "V3": 12}[block]] = 0
    with pytest.raises(np.linalg.LinAlgError, match=f"block {block} is singular"):
        PIGMM(5, f).log_likelihood(np.zeros((1, 5, 5)))


@pytest.mark.parametrize("shift", [1e5, 1e8])
@pytest.mark.parametrize("part", ["entries", "diagonal"])
def test_a_large_mean_costs_a_fit_no_digits(shift, part):
    """Multiples of 2^-20 are exact beside 1e8, and so every difference is the fit's own."""
    rng = np.random.default_rng(12)
    matrices = np.round(PIGMM(5, LAW).sample(40, rng) * 2**20) / 2**20
    added = {"entries": np.full((5, 5), shift), "diagonal": shift * np.eye(5)}[part]
    plain, shifted = PIGMM.fit(matrices), PIGMM.fit(matrices + added)
    means = {"entries": [5 * shift, 0], "diagonal": [shift, np.sqrt(4) * shift]}[part]
    found = shifted.parameters - [*means, *[0] * 11]
    # Means are stored to 1e-16 of themselves, and variances are of order 1.
    np.testing.assert_allclose(found[:2], plain.parameters[:2], rtol=0, atol=1e-15 * 5 * shift)
    np.testing.assert_allclose(found[2:], plain.parameters[2:], rtol=0, atol=1e-13)
    # So is the mean matrix, by which each member's density changes.
    np.testing.assert_allclose(
        shifted.log_likelihood(matrices + added),
        plain.log_likelihood(matrices),
        rtol=0,
        atol=1e-13 * shift,
    )


@pytest.mark.parametrize("n", [1, 2])
def test_density_of_a_fit_to_too_few_matrices_is_refused(n):
    matrices = np.random.default_rng(11).normal(3, 1, size=(n, 8, 8))
    with pytest.raises(np.linalg.LinAlgError, match="block V0 is singular"):
        PIGMM.fit(matrices).log_likelihood(matrices)


def test_parameters_are_read_only_and_copied():
    f = LAW.copy()
    law = PIGMM(5, f)
    f[0] = 9
    assert law.parameters[0] == LAW[0]
    with pytest.raises(ValueError, match="read-only"):
        law.parameters[0] = 9
    assert repr(law).startswith("PIGMM(size=5, parameters=[0.7, -0.4")


@pytest.mark.parametrize(
    ("size", "parameters", "message"),
    [
        (3, LAW, "expected a size above 3, found 3"),
        (5, LAW[:12], r"expected parameters of shape \(13,\), found \(12,\)"),
        (5, np.where(LAW == 0.9, np.nan, LAW), "expected finite parameters, found"),
        (5, np.where(LAW == 0.8, 0.1, LAW), "block V0 is not a covariance: .* eigenvalue -"),
        (5, np.where(LAW == 0.6, -1e-6, LAW), "block VH is not a covariance"),
        (5, np.where(LAW == 0.35, -1e-6, LAW), "block V2 is not .* eigenvalue -1e-06"),
        (5, np.where(LAW == 0.55, -1e-6, LAW), "block V3 is not a covariance"),
    ],
)
def test_what_is_no_law_is_refused(size, parameters, message):
    with pytest.raises(ValueError, match=message):
        PIGMM(size, parameters)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"expected real matrices .* found .* \(5, 5\)"):
        PIGMM.fit(np.ones((5, 5)))
    with pytest.raises(ValueError, match=r"expected real matrices .* found .* \(0, 5, 5\)"):
        PIGMM.fit(np.ones((0, 5, 5)))
    with pytest.raises(ValueError, match=r"shape \(n, D, D\), found \(2, 5, 6\)"):
        PIGMM.fit(np.ones((2, 5, 6)))
    with pytest.raises(ValueError, match="expected a size above 3, found 3"):
        PIGMM.fit(np.ones((2, 3, 3)))
    with pytest.raises(ValueError, match=r"shape \(n, 5, 5\), found .* \(2, 4, 4\)"):
        PIGMM(5, LAW).log_likelihood(np.ones((2, 4, 4)))
    with pytest.raises(ValueError, match=r"shape \(..., 13\), found \(52,\)"):
        sufficient_statistics(np.ones(52), 5)
    with pytest.raises(ValueError, match="at most 64 for the full covariance, found 65"):
        PIGMM.iid(65, 1).covariance()
