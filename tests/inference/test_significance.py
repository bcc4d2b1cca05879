import numpy as np
import pytest
from scipy import stats

from weightlaws.inference.significance import (
    Deviations,
    deviations,
    joined,
    judge,
    simulated_deviations,
)
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate, evaluate_roughly
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.moments import moments
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, ONE_SIDED
from weightlaws.laws.one_sided import OneSided
from weightlaws.laws.pigmm import PIGMM

PUBLISHED = catalogue("published")
SETTINGS = {"n_matrices": 2000, "n_ensembles": 1000}
LAWS = [INDEPENDENT, BIPARTITE, DIAGONAL, ONE_SIDED]
SHAPE = (5, 5)


def law_of(name, shape=SHAPE):
    return moments(name, shape, "rows" if name == ONE_SIDED else None, PUBLISHED)


def family_of(matrices, law, seed, level=0.05, **settings):
    rng = np.random.default_rng(seed)
    simulated = simulated_deviations(
        law.fit(matrices), law, len(matrices), rng, **SETTINGS | settings
    )
    found = deviations(matrices, law)
    return found, judge(found, simulated, level)


# Laws with means and correlated parts, as trained ensembles have.
TRUE = {
    INDEPENDENT: IID(SHAPE, [0.1, 0.13]),
    BIPARTITE: Bipartite(SHAPE, [0.08, 0.13, 0.11, 0.16, 0.12]),
    DIAGONAL: PIGMM(5, [0.4, 0.1, 0.13, 0.02, 0.1, 0.11, 0.02, 0.01, 0.13, -0.01, 0.12, 0.14, 0.1]),
    ONE_SIDED: OneSided.fit(
        np.random.default_rng(0).normal(size=(40, 5, 5))
        + np.array([0.0, 0.5, 1.0, 0.0, -1.0])[:, None],
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_deviation_is_the_mean_over_the_prediction_in_sd(name):
    matrices = TRUE[name].sample(30, np.random.default_rng(1))
    law = law_of(name)
    found = deviations(matrices, law)

    def plain(members):
        values = evaluate(law.graphs, members)
        prediction = law.fit(members).expectation(law.graphs)
        return (values.mean(0) - prediction) / values.std(0)

    np.testing.assert_allclose(found.deviation, plain(matrices), rtol=1e-7, atol=1e-9)
    without = [plain(np.delete(matrices, k, axis=0)) for k in range(len(matrices))]
    np.testing.assert_allclose(found.without, without, rtol=1e-7, atol=1e-8)
    low, high = found.interval
    assert (low < high).all()


@pytest.mark.parametrize("n_simulated", [19, 99])
def test_an_ensemble_like_the_simulated_ones_is_rejected_at_the_level(n_simulated):
    """Of 400 observations from the very law that was simulated, 5 % are rejected."""
    rng, n, rejected = np.random.default_rng(n_simulated), 400, 0
    for _ in range(n):
        *simulated, observed = rng.standard_t(5, size=(n_simulated + 1, 40))
        zeros = np.zeros(40)
        found = Deviations(zeros, zeros, zeros, observed, without=observed + zeros[:2, None])
        rejected += judge(found, np.array(simulated), 0.05).p_adjusted.min() <= 0.05
    assert stats.binom.sf(rejected - 1, n, 0.05) > 0.001
    assert stats.binom.cdf(rejected, n, 0.05) > 0.001


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("n_members", [20, 100])
def test_families_hold_their_level(name, n_members):
    """120 ensembles of each law: some 5 % have an invariant that deviates."""
    n, law, rng = 120, law_of(name), np.random.default_rng([n_members, *name.encode()])
    rejected = 0
    for seed in range(n):
        matrices = TRUE[name].sample(n_members, rng)
        _, family = family_of(matrices, law, seed, n_matrices=1000, n_ensembles=400)
        rejected += np.nanmin(family.p_adjusted) <= 0.05
    assert stats.binom.sf(rejected - 1, n, 0.05) > 0.001
    assert stats.binom.cdf(rejected, n, 0.05) > 0.001


def test_ensembles_of_independent_matrices_give_the_same_p_values():
    """Against a plain parametric bootstrap, all of whose ensembles are of fresh matrices."""
    n_members, law = 60, law_of(DIAGONAL)
    rng = np.random.default_rng(3)
    matrices = np.sqrt(1 / 3) * rng.standard_t(6, (n_members, 5, 5))
    fit = PIGMM.fit(matrices)
    fresh = np.array([deviations(fit.sample(n_members, rng), law).deviation for _ in range(1500)])
    found, family = family_of(matrices, law, 4, n_matrices=20_000, n_ensembles=2000)
    expected = judge(found, fresh, 0.05)
    # Each p is known to some sqrt(p (1 - p) / 1500), the pool adds less.
    np.testing.assert_allclose(family.p, expected.p, atol=0.09)
    assert family.p.min() < 0.05
    np.testing.assert_allclose(family.detectable, expected.detectable, rtol=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_singular_values_that_are_pulled_together_are_found(seed):
    """Singular values pulled 15 % towards their mean, in 100 Gaussian matrices of 10 x 10."""
    rng = np.random.default_rng(seed)
    u, s, vt = np.linalg.svd(rng.normal(size=(100, 10, 10)))
    s = 0.85 * s + 0.15 * s.mean(axis=1, keepdims=True)
    matrices = (u * s[:, None, :]) @ vt
    law = law_of(BIPARTITE, (10, 10))
    found, family = family_of(matrices, law, seed)
    k = law.names.index("ij.ik.lj.lk")  # tr (W W^T)^2
    assert family.p_adjusted[k] == 1 / 1001
    assert found.deviation[k] / found.error[k] < -4
    assert found.interval[1][k] < 0
    assert not family.carried[k]


def test_an_effect_of_the_stated_size_is_found_in_four_cases_of_five():
    """Planted: the fourth moment of independent entries is shifted until its deviation is as said.

    Entries are a mixture of a Gaussian and a two-sided exponential law; its weight sets the size.
    """
    n_members, law = 100, law_of(INDEPENDENT, (6, 6))
    k = law.names.index("ij.ij.ij.ij")
    rng = np.random.default_rng(5)
    gaussian = rng.normal(size=(n_members, 6, 6))
    _, family = family_of(gaussian, law, 6)
    size = family.detectable[k]

    def mixed(weight, n):
        exponential = rng.laplace(scale=np.sqrt(0.5), size=(n, 6, 6))
        chosen = rng.random((n, 6, 6)) < weight
        return np.where(chosen, exponential, rng.normal(size=(n, 6, 6)))

    # The median deviation of such ensembles, in SD, grows with the weight.
    weights = np.linspace(0, 0.4, 9)
    sizes = [
        np.median([deviations(mixed(weight, n_members), law).deviation[k] for _ in range(100)])
        for weight in weights
    ]
    weight = np.interp(size, sizes, weights)
    found = [
        family_of(mixed(weight, n_members), law, seed, n_matrices=1000, n_ensembles=400)[1]
        for seed in range(150)
    ]
    power = np.mean([family.p_adjusted[k] <= 0.05 for family in found])
    # The planted law scatters a little less than the null, 0.041 SD for 0.051.
    expected = stats.norm.cdf(stats.norm.ppf(0.8) * 0.051 / 0.041)
    assert abs(power - expected) < 4 * np.sqrt(expected * (1 - expected) / len(found))


def test_one_member_that_carries_the_deviations_is_named():
    """One member of 100 scaled by 3: many invariants deviate, and none without it."""
    matrices = np.random.default_rng(7).normal(size=(100, 10, 10))
    matrices[42] *= 3
    law = law_of(BIPARTITE, (10, 10))
    found, family = family_of(matrices, law, 8)
    significant = family.p_adjusted <= 0.05
    assert significant.sum() >= 5
    assert (family.influential[significant] == 42).all()
    assert family.carried[significant].all()
    largest = np.abs(found.without[42] - found.deviation)
    np.testing.assert_array_equal(family.influence[significant], largest[significant])


def test_the_seed_decides_and_units_do_not_matter():
    matrices = TRUE[BIPARTITE].sample(50, np.random.default_rng(9))
    law = law_of(BIPARTITE)
    first, again, other, scaled = (
        family_of(factor * matrices, law, seed)[1].p_adjusted
        for seed, factor in ((1, 1), (1, 1), (2, 1), (1, 1e-3))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(first, scaled, atol=0.01)


def test_an_invariant_that_does_not_vary_is_not_tested():
    matrices = np.random.default_rng(10).choice([-1.0, 1.0], size=(50, 5, 5))
    law = law_of(INDEPENDENT)
    found, family = family_of(matrices, law, 11)
    # The sum of W_ij^4, and the sums of squares of the squared norms of rows, columns and all.
    constant = np.ptp(evaluate(law.graphs, matrices), axis=0) == 0
    assert constant.sum() == 4
    for numbers in (found.deviation, family.p, family.p_adjusted, family.detectable):
        assert np.isnan(numbers[constant]).all()
        assert np.isfinite(numbers[~constant]).all()


def test_epochs_join_into_one_family():
    law = law_of(BIPARTITE)
    epochs = [deviations(TRUE[BIPARTITE].sample(20, np.random.default_rng(k)), law) for k in (1, 2)]
    both = joined(epochs)
    assert both.deviation.shape == (2 * len(law.graphs),)
    np.testing.assert_array_equal(both.without[:, len(law.graphs) :], epochs[1].without)


def test_single_precision_adds_nothing_to_the_scatter_about_predictions():
    """The most delicate invariants are those that fitted ones nearly fix."""
    size = 160
    law = PIGMM.fit(np.random.default_rng(4).normal(0.01, 1, size=(60, size, size)))
    fitted = moments(DIAGONAL, (size, size), None, catalogue("complete"))
    drawn = law.sample(60, np.random.default_rng(5)).astype(np.float32)
    exact, rough = evaluate(fitted.graphs, drawn), evaluate_roughly(fitted.graphs, drawn)
    statistics = fitted.statistics(drawn)
    known = np.column_stack([np.ones(60), statistics / np.abs(statistics).max(axis=0)])
    rest = exact - known @ np.linalg.lstsq(known, exact, rcond=None)[0]
    scatter = np.sqrt(np.square(rest).sum(axis=0) / (60 - known.shape[1]))
    added = np.sqrt(np.square(rough - exact).mean(axis=0)) / scatter
    assert added.max() < 2e-3  # and of the variance its square
