import numpy as np
import pytest
from scipy import stats

from weightlaws.inference import significance
from weightlaws.inference.significance import false_discovery, p_values
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.pigmm import PIGMM

GRAPHS = catalogue("published")
SETTINGS = {"n_matrices": 4000, "n_ensembles": 1000}
# A law with means and correlated blocks, as trained ensembles have.
LAW = PIGMM(5, [0.4, 0.1, 0.13, 0.02, 0.1, 0.11, 0.02, 0.01, 0.13, -0.01, 0.12, 0.14, 0.1])


def p_of(matrices, seed, **settings):
    invariants = evaluate(GRAPHS, matrices)
    rng = np.random.default_rng(seed)
    size = matrices.shape[-1]
    return p_values(invariants, GRAPHS, size, rng, **SETTINGS | settings)[13:]


@pytest.mark.parametrize("n_members", [100, 1000])
def test_tests_hold_their_level(n_members):
    """A tenth of the study of calibration: 100 ensembles of a law, tested against it."""
    n = 100
    rng = np.random.default_rng(n_members)
    matrices = LAW.sample(n * n_members, rng).reshape(n, n_members, 5, 5)
    p = np.array([p_of(ensemble, seed) for seed, ensemble in enumerate(matrices)])
    rejected = (p < 0.05).sum(axis=0)
    # 39 invariants, dependent: each is binomial, and none may be beyond the point that one in
    # 39 * 1000 is beyond. Their mean has at most the binomial error of one invariant.
    assert rejected.max() <= stats.binom.isf(1 / 39_000, n, 0.05)
    assert stats.binom.cdf(rejected.mean(), n, 0.05) > 0.01
    assert stats.binom.sf(rejected.mean() - 1, n, 0.05) > 0.01
    # The fourth power of the sum is the most skewed one.
    assert stats.kstest(p[:, 38], "uniform").pvalue > 0.001


def test_ensembles_of_independent_matrices_give_the_same_p_values():
    """Against a plain parametric bootstrap, all of whose ensembles are of fresh matrices."""
    n_members, size = 60, 4
    rng = np.random.default_rng(3)
    matrices = np.sqrt(1 / 3) * rng.standard_t(6, (n_members, size, size))
    invariants = evaluate(GRAPHS, matrices)
    law = PIGMM.fit(matrices)

    def statistic(values):
        fit = PIGMM(size, significance.parameters_from_moments(values[:, :13].mean(0), size))
        return ((values.mean(0) - fit.expectation(GRAPHS)) / values.std(0))[13:]

    observed = statistic(invariants)
    fresh = evaluate(GRAPHS, law.sample(n_members * 2000, rng)).reshape(2000, n_members, -1)
    simulated = np.array([statistic(values) for values in fresh])
    tails = np.minimum((simulated <= observed).mean(0), (simulated >= observed).mean(0))
    expected = (2 * tails).clip(max=1)
    found = p_of(matrices, 4, n_matrices=20_000, n_ensembles=2000)
    # Both tails are known to some sqrt(p (1 - p) / 2000), the pool adds less.
    np.testing.assert_allclose(found, expected, atol=0.09)
    assert found.min() < 0.2


def test_heavy_tails_are_found_where_they_show():
    rng = np.random.default_rng(5)
    matrices = rng.standard_t(5, (300, 5, 5))
    p = p_of(matrices, 6)
    names = [graph.name for graph in GRAPHS[13:]]
    quartic = names.index("ij.ij.ij.ij")
    assert p[quartic] == 2 / 1001  # the least there is
    assert p[names.index("ij.kl.mn.op")] > 0.01  # the sum of all entries is nearly Gaussian


def test_what_is_fitted_or_constant_is_not_tested():
    matrices = LAW.sample(50, np.random.default_rng(7))
    invariants = evaluate(GRAPHS, matrices)
    invariants[:, 20] = 3.0
    p = p_values(invariants, GRAPHS, 5, np.random.default_rng(8), **SETTINGS)
    assert np.isnan(p[:13]).all()
    assert np.isnan(p[20])
    assert np.isfinite(np.delete(p[13:], 7)).all()
    assert np.nanmin(p) > 0
    assert np.nanmax(p) <= 1


def test_the_seed_decides():
    matrices = LAW.sample(50, np.random.default_rng(9))
    first, again, other = (p_of(matrices, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_units_of_weight_do_not_matter():
    matrices = LAW.sample(50, np.random.default_rng(9))
    np.testing.assert_allclose(p_of(matrices, 1), p_of(1e-3 * matrices, 1), atol=0.01)


def test_false_discoveries_are_those_of_benjamini_and_yekutieli():
    p = np.array([[0.001, np.nan, 0.02], [0.6, 0.004, np.nan]])
    # By hand: four tests, and 1 + 1/2 + 1/3 + 1/4 = 25/12.
    harmonic = 25 / 12
    expected = harmonic * np.array([4 * 0.001, 4 / 2 * 0.004, 4 / 3 * 0.02, 0.6])
    q = false_discovery(p)
    np.testing.assert_allclose(q[[0, 1, 0, 1], [0, 1, 2, 0]], expected.clip(max=1))
    assert np.isnan(q[0, 1])
    assert np.isnan(q[1, 2])
    assert np.isnan(false_discovery(np.full(3, np.nan))).all()
