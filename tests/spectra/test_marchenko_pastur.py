import numpy as np
import pytest
from scipy import integrate

from weightlaws.spectra import marchenko_pastur as mp
from weightlaws.spectra.kolmogorov_smirnov import ks_distance

SHAPES = [(50, 50), (30, 120), (784, 128), (10, 10)]


def simulated(shape, n, seed):
    draws = np.random.default_rng(seed).standard_normal((n, *shape))
    return np.linalg.svd(draws, compute_uv=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_density_integrates_to_the_distribution_function(shape):
    lower, upper = mp.edges(shape, 0.7)
    for s in np.linspace(lower, upper, 5)[1:]:
        area, _ = integrate.quad(lambda x: mp.density(np.array(x), shape, 0.7), lower, s)
        np.testing.assert_allclose(area, mp.cdf(np.array(s), shape, 0.7), atol=1e-6)
    ends = mp.cdf(np.array([0.5 * lower, lower, upper, 1.01 * upper]), shape, 0.7)
    np.testing.assert_allclose(ends, [0, 0, 1, 1], atol=1e-6)
    outside = np.array([1.01 * upper, *([0.5 * lower] if lower else [])])
    np.testing.assert_array_equal(mp.density(outside, shape, 0.7), 0)


def test_square_matrices_have_a_quarter_of_a_circle():
    s = np.linspace(0.0, 20.0, 7)
    circle = np.sqrt(4 * 100 - s**2) / (np.pi * 100)
    np.testing.assert_allclose(mp.density(s, (100, 100)), circle, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", [(200, 200), (100, 400), (300, 200)])
def test_the_law_holds_for_random_matrices(shape):
    # Eigenvalue rigidity: the distribution function of n values errs by some log(n) / n.
    values = simulated(shape, 1, 1)[0]
    law = mp.cdf(values[::-1], shape)
    assert ks_distance(law) < 4 / min(shape)
    assert abs(np.median(values) / mp.median(shape) - 1) < 0.02


def fit_bulk(values, shape, ends):
    return mp.fit_bulks(values[None], shape, ends).one(0)


@pytest.mark.parametrize("shape", [(40, 40), (30, 100)])
def test_the_largest_value_scatters_as_tracy_and_widom_say(shape):
    largest = simulated(shape, 4000, 2)[:, 0]
    assert mp.edge_scale(shape) == pytest.approx(largest.std(), rel=0.05)


@pytest.mark.parametrize("shape", [(10, 10), (10, 100), (30, 30)])
@pytest.mark.parametrize("sigma", [1.0, 1e-3])
def test_random_matrices_have_few_values_outside(shape, sigma):
    ends = mp.simulated_ends(simulated(shape, 2000, 4), shape)
    fits = [fit_bulk(sigma * s, shape, ends) for s in simulated(shape, 2000, 5)]
    above, below = (np.array([getattr(fit, side) for fit in fits]) for side in ("above", "below"))
    # 2000 matrices at a level of 0.01 are 20 +- 4.5; the level's own simulation adds as much.
    assert (above > 0).sum() <= 40
    assert 4 <= (below > 0).sum() <= 40
    errors = np.array([fit.sigma for fit in fits]) / sigma
    assert errors.mean() == pytest.approx(1, abs=0.01)
    assert errors.std() < 1.3 / np.sqrt(2 * np.prod(shape))


@pytest.mark.parametrize("rank", [1, 4, 10])
def test_planted_values_are_found_and_left_out_of_the_fit(rank):
    rng, shape, sigma = np.random.default_rng(6), (60, 120), 0.05
    ends = mp.simulated_ends(simulated(shape, 300, 7), shape)
    found = []
    for _ in range(10):
        u, v = (np.linalg.qr(rng.standard_normal((size, rank)))[0] for size in shape)
        noise = sigma * rng.standard_normal(shape)
        signal = 1.6 * mp.edges(shape, sigma)[1] * u @ v.T
        values = np.linalg.svd(noise + signal, compute_uv=False)
        found.append(fit_bulk(values, shape, ends))
    # Ten matrices at a level of 0.01: one extra has a chance of a tenth.
    assert sum(fit.above == rank for fit in found) >= 9
    assert np.mean([fit.sigma for fit in found]) == pytest.approx(sigma, rel=0.015)
    assert all(fit.shape == (60 - fit.above - fit.below, 120 - fit.above) for fit in found)


def test_rows_without_randomness_are_below():
    rng, shape = np.random.default_rng(8), (80, 80)
    ends = mp.simulated_ends(simulated(shape, 300, 9), shape)
    matrix = rng.standard_normal(shape)
    matrix[:10] = 0
    fit = fit_bulk(np.linalg.svd(matrix, compute_uv=False), shape, ends)
    assert (fit.above, fit.below) == (0, 10)
    assert fit.sigma == pytest.approx(1, abs=0.03)
    nothing = fit_bulk(np.zeros(80), shape, ends)
    assert nothing.sigma == 0
    assert np.isnan(nothing.distance)


def test_a_bulk_is_half_of_the_values_at_least():
    shape = (80, 80)
    ends = mp.simulated_ends(simulated(shape, 300, 11), shape)
    # Steps of one size on a logarithmic scale: each value is far above all smaller ones.
    fit = fit_bulk(np.geomspace(1e6, 1e-6, 80), shape, ends)
    assert (fit.above, fit.is_none) == (40, True)
    assert not fit_bulk(simulated(shape, 1, 12)[0], shape, ends).is_none


def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match="found 4 singular values, expected at least 5"):
        fit_bulk(np.ones(4), (4, 9), mp.Ends(0.1, 5.0))
