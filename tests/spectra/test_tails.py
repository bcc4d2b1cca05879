import dataclasses
import warnings

import numpy as np
import powerlaw
import pytest
from scipy import integrate, optimize, stats

from weightlaws.spectra import tails
from weightlaws.spectra.tails import (
    ALTERNATIVES,
    FEWEST,
    analyse_tail,
    hill,
    plateau,
    shortest_tail,
)


def pareto(alpha):
    return lambda n, rng: 1 + rng.pareto(alpha - 1, n)


def bulk_and_tail(share, alpha=3.0):
    def draw(n, rng):
        n_tail = round(share * n)
        quarter_circle = 2 * np.abs(2 * rng.beta(1.5, 1.5, n - n_tail) - 1)
        return np.append(quarter_circle, 2 * pareto(alpha)(n_tail, rng))

    return draw


def lognormal(sigma):
    return lambda n, rng: rng.lognormal(0, sigma, n)


def gaussian(columns):
    return lambda n, rng: np.linalg.svd(rng.standard_normal((n, columns)), compute_uv=False)


def student(degrees):
    return lambda n, rng: np.linalg.svd(rng.standard_t(degrees, (n, n)), compute_uv=False)


def exponential(n, rng):
    return rng.exponential(1, n)


def uniform(n, rng):
    return rng.random(n)


def excesses(values, result):
    return np.log(values[values >= result.x_min] / result.x_min)


def test_hill_is_its_definition():
    values = pareto(2.5)(50, np.random.default_rng(0))
    k, exponents = hill(values)
    ordered = np.sort(values)[::-1]
    np.testing.assert_array_equal(k, np.arange(1, 50))
    expected = [1 + 1 / np.mean(np.log(ordered[:i] / ordered[i])) for i in k]
    np.testing.assert_allclose(exponents, expected, rtol=1e-12)
    k, first = hill(values, 7)
    assert len(k) == 7
    np.testing.assert_array_equal(first, exponents[:7])


@pytest.mark.parametrize("alpha", [1.5, 2.5, 3.5])
def test_hill_finds_the_exponent_and_its_error(alpha):
    rng = np.random.default_rng(1)
    k, exponents = zip(*(hill(pareto(alpha)(2000, rng), 200) for _ in range(300)), strict=True)
    gamma = 1 / (np.array(exponents)[:, -1] - 1)
    error = 1 / (alpha - 1) / np.sqrt(k[0][-1])
    # Mean and spread of 300 draws, at 4 standard errors: 0.23 and 0.16 of the spread.
    assert abs(gamma.mean() - 1 / (alpha - 1)) < 0.23 * error
    assert gamma.std() == pytest.approx(error, rel=0.17)


def test_hill_of_equal_values_is_infinite():
    _, exponents = hill([3.0, 3.0, 3.0, 1.0, 0.0, -1.0])
    np.testing.assert_array_equal(exponents[:2], np.inf)
    assert exponents[2] == pytest.approx(1 + 1 / np.log(3))
    assert len(exponents) == 3


@pytest.mark.parametrize(
    ("draw", "n", "n_samples", "least", "most"),
    [
        # Shares found in 400 samples: 0.95 and at least 0.99, 0.98 of the tail above a bulk; 0.22,
        # 0.01 and 0. The bounds are 4 binomial standard errors from them.
        (pareto(2.5), 100, 200, 0.89, 1),
        (pareto(3.5), 500, 100, 0.95, 1),
        (pareto(2.5), 2000, 50, 0.95, 1),
        (bulk_and_tail(0.3), 2000, 50, 0.90, 1),
        (lognormal(0.5), 1024, 100, 0, 0.38),
        (lognormal(1), 2048, 25, 0, 0.56),
        (exponential, 1024, 50, 0, 0.08),
        (uniform, 512, 50, 0, 0),
        (gaussian(100), 100, 10, 0, 0),
        (gaussian(400), 100, 5, 0, 0),
        (gaussian(512), 512, 1, 0, 0),
    ],
)
def test_plateaus_are_those_of_power_laws(draw, n, n_samples, least, most):
    rng = np.random.default_rng(2)
    share = np.mean([plateau(draw(n, rng)) is not None for _ in range(n_samples)])
    assert least <= share <= most


def test_a_plateau_is_the_longest_flat_stretch():
    values = bulk_and_tail(0.4)(500, np.random.default_rng(3))
    first, last, exponent = plateau(values)
    k, exponents = hill(values)
    gamma = 1 / (exponents - 1)

    def deviation(last):
        stretch = k[(k >= last / 4) & (k <= last)]
        ratio = gamma[stretch - 1] / gamma[last - 1]
        return np.mean(stretch**2 * (ratio - 1) ** 2 / last) / (3 / 16)

    assert deviation(last) < 1.5 <= min(deviation(longer) for longer in range(last + 1, 500))
    assert first == np.ceil(last / 4)
    assert shortest_tail(500) <= last < 250  # 200 values are above the bulk
    assert exponent == exponents[last - 1]
    assert abs(exponent - 3) < 4 * 2 / np.sqrt(last)


def test_without_a_stretch_that_is_long_enough_there_is_no_plateau():
    values = pareto(2.5)(36, np.random.default_rng(4))
    assert shortest_tail(36) == 36
    assert plateau(values) is None


@pytest.mark.parametrize(
    ("draw", "n", "n_samples", "least", "most"),
    [
        # Shares found in 400 samples of values, and in 60 of matrices: 0.93 to 0.96 of power laws,
        # 0.87 of Student's; up to 0.1 of log-normals and 0.003 of the others. The bounds are 4
        # binomial standard errors from them.
        (pareto(2.5), 128, 100, 0.83, 1),
        (pareto(2.5), 500, 100, 0.86, 1),
        (pareto(3.5), 500, 100, 0.86, 1),
        (pareto(2.5), 2000, 50, 0.82, 1),
        (bulk_and_tail(0.4), 512, 50, 0.80, 1),
        (bulk_and_tail(0.3), 2048, 50, 0.80, 1),
        (student(1.5), 512, 6, 0.3, 1),
        (lognormal(1), 128, 100, 0, 0.17),
        (lognormal(0.5), 512, 100, 0, 0.22),
        (lognormal(0.5), 2048, 50, 0, 0.20),
        (exponential, 128, 100, 0, 0.03),
        (uniform, 128, 100, 0, 0),
        (gaussian(100), 100, 10, 0, 0),
        (gaussian(784), 128, 6, 0, 0),
        (gaussian(512), 512, 3, 0, 0),
        (gaussian(1024), 1024, 1, 0, 0),
        (student(2.5), 128, 10, 0, 0),
    ],
)
def test_verdicts(draw, n, n_samples, least, most):
    rng = np.random.default_rng(5)
    verdicts = [analyse_tail(draw(n, rng), rng).verdict for _ in range(n_samples)]
    assert set(verdicts) <= {"power law", "not a power law"}
    assert least <= verdicts.count("power law") / n_samples <= most


@pytest.mark.parametrize(
    ("draw", "alpha"), [(pareto(2.5), 2.5), (pareto(5.0), 5.0), (bulk_and_tail(0.4), 3.0)]
)
def test_exponents_are_found_within_their_errors(draw, alpha):
    rng = np.random.default_rng(6)
    results = [analyse_tail(draw(1000, rng), rng) for _ in range(100)]
    scores = np.array([(result.exponent - alpha) / result.exponent_error for result in results])
    # The choice of x_min adds to the error, which leaves it out, by up to 1.5 times.
    assert abs(scores.mean()) < 0.6
    assert scores.std() < 1.6
    flat = np.array([result.hill_exponent for result in results])
    assert abs(np.nanmedian(flat) - alpha) < 0.1 * (alpha - 1)


@pytest.mark.parametrize("draw", [lognormal(0.7), exponential, gaussian(300)])
def test_a_log_normal_fits_as_well_as_with_scipy(draw):
    rng = np.random.default_rng(7)
    values = draw(300, rng)
    result = analyse_tail(values, rng)
    y = excesses(values, result)

    def cost(parameters):
        law = stats.norm(parameters[0], np.exp(parameters[1]))
        return -np.sum(law.logpdf(y) - law.logsf(0))

    start = (y.mean(), np.log(y.std()))
    options = {"xatol": 1e-8, "fatol": 1e-8, "maxiter": 5000, "maxfev": 5000}
    fit = optimize.minimize(cost, start, method="Nelder-Mead", options=options)
    ratio = stats.expon(scale=y.mean()).logpdf(y).sum() + fit.fun
    assert result.log_likelihood_ratio["lognormal"] == pytest.approx(ratio, abs=1e-4)
    assert result.p_value["lognormal"] == pytest.approx(stats.chi2.sf(-2 * ratio, 1), rel=1e-3)
    assert ratio < -1


@pytest.mark.parametrize("draw", [lognormal(1), exponential, bulk_and_tail(0.1), gaussian(300)])
def test_a_truncated_power_law_fits_as_well_as_with_quadrature(draw):
    rng = np.random.default_rng(8)
    values = draw(300, rng)
    result = analyse_tail(values, rng)
    y = excesses(values, result)
    x = np.exp(y)

    def cost(parameters):
        alpha, rate = np.exp(parameters)
        norm, _ = integrate.quad(lambda x: x**-alpha * np.exp(-rate * (x - 1)), 1, np.inf)
        return np.sum(alpha * y + rate * (x - 1)) + len(x) * np.log(norm)

    options = {"xatol": 1e-6, "fatol": 1e-7, "maxiter": 2000, "maxfev": 2000}
    fit = optimize.minimize(cost, (0, -1), method="Nelder-Mead", options=options)
    slope = 1 / y.mean()
    ratio = np.sum(np.log(slope) - (1 + slope) * y) + fit.fun
    found = result.log_likelihood_ratio["truncated_power_law"]
    assert found == pytest.approx(ratio, abs=1e-3)
    assert result.p_value["truncated_power_law"] == pytest.approx(
        stats.chi2.sf(-2 * found, 1), rel=1e-9
    )


def test_alternatives_never_lose_and_rarely_win_against_a_true_power_law():
    rng = np.random.default_rng(9)
    results = [analyse_tail(pareto(2.5)(200, rng), rng) for _ in range(300)]
    for name in ALTERNATIVES:
        ratios = np.array([result.log_likelihood_ratio[name] for result in results])
        p_values = np.array([result.p_value[name] for result in results])
        assert ratios.max() <= 0
        np.testing.assert_allclose(p_values, stats.chi2.sf(-2 * ratios, 1))
        # A level of 0.05: 4 standard errors of 300 samples.
        assert np.mean(p_values < 0.1) < 0.1


@pytest.mark.parametrize("draw", [pareto(2.5), lognormal(0.7)])
@pytest.mark.parametrize("seed", [10, 11, 12, 13])
def test_the_tail_is_that_of_the_powerlaw_package(draw, seed):
    rng = np.random.default_rng(seed)
    values = draw(150, rng)
    result = analyse_tail(values, rng)
    # By default the package keeps alpha at or below 3.
    options = {"parameter_ranges": {"alpha": [0, None]}, "verbose": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = powerlaw.Fit(values, **options).xmin_fitting_results
        fit = powerlaw.Fit(values / result.x_min, xmin=1.0, **options)
        ratio, p_value = fit.distribution_compare("power_law", "truncated_power_law")
    lengths = np.unique(np.linspace(shortest_tail(150), 150, 50).round().astype(int))
    candidates = np.isin(search["xmins"], np.sort(values)[150 - lengths])
    assert candidates.sum() == len(lengths)
    best = np.argmin(np.where(candidates, search["distances"], np.inf))
    assert result.x_min == search["xmins"][best]
    assert result.n_tail == np.sum(values >= result.x_min)
    assert result.exponent == pytest.approx(search["alphas"][best], rel=1e-4)
    assert result.exponent_error == pytest.approx((result.exponent - 1) / result.n_tail**0.5)
    # The package stops its search where the likelihood changes by 1e-4, or parameters by as much.
    found = result.log_likelihood_ratio["truncated_power_law"]
    assert found == pytest.approx(ratio, abs=5e-3)
    if ratio < -0.05:  # nearer to 0 the p-value rises too steeply to compare
        assert result.p_value["truncated_power_law"] == pytest.approx(p_value, abs=0.02)


@pytest.mark.parametrize("n", [0, 10, FEWEST - 1])
def test_too_few_values_get_no_verdict(n):
    values = np.append(pareto(2.5)(n, np.random.default_rng(11)), [0.0, 0.0])
    result = analyse_tail(values, np.random.default_rng(0), goodness_of_fit_replicates=5)
    assert result.verdict == "too few values"
    assert result.reason == f"{n} positive values, fewer than 100"
    assert (result.n_tail, result.hill_k) == (0, None)
    numbers = [
        result.x_min,
        result.exponent,
        result.exponent_error,
        result.hill_exponent,
        result.goodness_of_fit,
        *result.log_likelihood_ratio.values(),
        *result.p_value.values(),
    ]
    assert np.isnan(numbers).all()
    assert result.p_value.keys() == {"lognormal", "truncated_power_law"}


def test_as_many_as_needed_get_one():
    values = pareto(2.5)(FEWEST, np.random.default_rng(12))
    assert analyse_tail(values, np.random.default_rng(0)).verdict == "power law"


def test_values_of_zero_and_below_are_left_out():
    values = pareto(2.5)(200, np.random.default_rng(13))
    expected = analyse_tail(values, np.random.default_rng(0), goodness_of_fit_replicates=5)
    more = np.concatenate([[0.0, -3.0], values, [0.0]])
    assert analyse_tail(more, np.random.default_rng(0), goodness_of_fit_replicates=5) == expected
    np.testing.assert_array_equal(hill(more)[1], hill(values)[1])


def test_the_result_depends_on_nothing_but_values_and_rng():
    values = bulk_and_tail(0.5)(300, np.random.default_rng(14))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, same, other = (
        analyse_tail(values, np.random.default_rng(seed), goodness_of_fit_replicates=50)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert one == same
    assert one.goodness_of_fit != other.goodness_of_fit
    judged = {name: getattr(one, name) for name in ("goodness_of_fit", "verdict", "reason")}
    assert dataclasses.replace(other, **judged) == one
    rng = np.random.default_rng(2)
    analyse_tail(values, rng)
    assert rng.random() == np.random.default_rng(2).random()


@pytest.mark.parametrize("factor", [1e-9, 3.0, 1e12])
@pytest.mark.parametrize("draw", [pareto(2.5), bulk_and_tail(0.4), lognormal(0.7), gaussian(300)])
def test_the_unit_of_the_values_does_not_matter(draw, factor):
    values = draw(300, np.random.default_rng(15))
    result, scaled = (
        analyse_tail(c * values, np.random.default_rng(0), goodness_of_fit_replicates=10)
        for c in (1.0, factor)
    )
    same = ("verdict", "n_tail", "hill_k", "goodness_of_fit", "reason")
    assert [getattr(scaled, name) for name in same] == [getattr(result, name) for name in same]
    assert scaled.x_min == pytest.approx(factor * result.x_min, rel=1e-12, abs=0)
    for name in ("exponent", "exponent_error", "log_likelihood_ratio", "p_value"):
        # The fits stop where a likelihood per value changes by 1e-12.
        assert getattr(scaled, name) == pytest.approx(getattr(result, name), rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(scaled.hill_exponent, result.hill_exponent)


def test_the_goodness_of_fit_accepts_power_laws_and_rejects_mixtures():
    rng = np.random.default_rng(16)

    def goodness(draw, n):
        results = [
            analyse_tail(draw(n, rng), rng, goodness_of_fit_replicates=20) for _ in range(20)
        ]
        for result in results:
            found = "fits badly" in result.reason
            assert found == (result.goodness_of_fit <= 0.1)
            assert result.verdict != "power law" or not found
        return np.array([result.goodness_of_fit for result in results])

    # About uniform, mean 1/2 and standard deviation 0.3: 4 standard errors of 20 samples.
    assert 0.24 < goodness(pareto(2.5), 200).mean() < 0.76
    # The 200 values above the bulk are fewer than the 272 needed.
    assert np.mean(goodness(bulk_and_tail(0.1), 2048) <= 0.1) > 0.7
    assert np.isnan(analyse_tail(pareto(2.5)(200, rng), rng).goodness_of_fit)


def test_samples_of_the_fitted_law_have_its_tail_and_the_values_below():
    rng = np.random.default_rng(21)
    logs = np.log(np.sort(bulk_and_tail(0.4)(500, rng))[::-1])
    drawn = [tails._resample(logs, 200, 2.0, rng) for _ in range(200)]
    assert all(np.all(np.diff(sample) <= 0) for sample in drawn)
    joined = np.concatenate(drawn)
    above = joined[joined >= logs[199]] - logs[199]
    assert np.isin(joined[joined < logs[199]], logs[200:]).all()
    # 40 000 of 100 000 are above: 4 standard errors of their number and of their mean.
    assert abs(len(above) - 40_000) < 4 * 155
    assert abs(above.mean() - 0.5) < 4 * 0.5 / 200
    assert stats.kstest(above, stats.expon(scale=0.5).cdf).pvalue > 1e-4


def test_equal_values_are_no_power_law():
    rng = np.random.default_rng(17)
    result = analyse_tail(np.full(200, 2.0), rng)
    said = "all values are equal, or differ by no more than rounding"
    assert (result.verdict, result.reason) == ("not a power law", said)
    nearly = 2.0 + 1e-9 * rng.pareto(2.5, 200)
    assert analyse_tail(nearly, rng, rounding=np.ptp(nearly)).reason == said
    assert np.isnan(result.exponent)
    result = analyse_tail(rng.integers(1, 4, 200), rng)
    assert result.verdict == "not a power law"
    assert result.x_min in (1, 2)


@pytest.mark.parametrize(
    "values",
    [
        np.append(np.ones(200), 1e6),
        1 + 1e-15 * np.arange(200),
        np.geomspace(1e-150, 1e150, 500),
        np.append(np.full(150, 1e-17), np.linspace(1, 2, 150)),
        np.append(np.full(120, 2.0), np.linspace(0.5, 1.5, 100)),
        pareto(1.05)(500, np.random.default_rng(18)),
        pareto(200.0)(500, np.random.default_rng(19)),
    ],
)
def test_extreme_values_are_fitted_without_a_sound(values, capfd):
    result = analyse_tail(values, np.random.default_rng(0), goodness_of_fit_replicates=2)
    assert np.isfinite([*result.log_likelihood_ratio.values(), *result.p_value.values()]).all()
    assert result.exponent > 1
    assert capfd.readouterr() == ("", "")


def test_a_fit_that_fails_is_named(monkeypatch):
    failure = optimize.OptimizeResult(success=False, fun=0.0, message="")
    monkeypatch.setattr(tails.optimize, "minimize", lambda *_, **__: failure)
    values = pareto(2.5)(300, np.random.default_rng(20))
    result = analyse_tail(values, np.random.default_rng(0))
    assert result.verdict == "not a power law"
    assert "fit of a lognormal failed; the fit of a truncated power law failed" in result.reason
    assert np.isnan([*result.log_likelihood_ratio.values(), *result.p_value.values()]).all()
    assert result.hill_k is not None


@pytest.mark.parametrize("values", [[1.0, np.nan], [1.0, np.inf], [[1.0, 2.0]], 3.0])
def test_values_are_a_finite_row(values):
    for function in (hill, plateau, lambda v: analyse_tail(v, np.random.default_rng(0))):
        with pytest.raises(ValueError, match="expected finite values of shape"):
            function(values)


@pytest.mark.parametrize("n", [-1, 101])
def test_replicates_are_limited(n):
    with pytest.raises(ValueError, match=f"expected 0 to 100 replicates, found {n}"):
        analyse_tail(np.ones(5), np.random.default_rng(0), goodness_of_fit_replicates=n)


@pytest.mark.parametrize(("values", "k_max"), [([3, 2, 1], 0), ([3, 2, 1, 0], 3), ([1], None)])
def test_the_hill_plot_has_a_last_point(values, k_max):
    with pytest.raises(ValueError, match="expected k_max from 1"):
        hill(values, k_max)
