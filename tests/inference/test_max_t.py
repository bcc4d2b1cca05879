import numpy as np
import pytest
from scipy import stats
from scipy.stats import false_discovery_control

from weightlaws.inference.max_t import (
    adjusted_p_values,
    critical_value,
    p_values,
    require_simulations,
)


def brute_force(observed, simulated):
    """Westfall and Young's algorithm as a loop over tests, the largest first."""
    order = np.argsort(-observed)
    adjusted, least = np.empty(len(observed)), 0.0
    for step, k in enumerate(order):
        largest = simulated[:, order[step:]].max(axis=1)
        least = max(least, (1 + (largest >= observed[k]).sum()) / (1 + len(simulated)))
        adjusted[k] = least
    return adjusted


def test_steps_are_those_of_westfall_and_young():
    rng = np.random.default_rng(1)
    common = rng.normal(size=(500, 1))
    simulated = np.abs(rng.normal(size=(500, 12)) + common)
    observed = np.abs(rng.normal(size=12)) + np.array([5.0, 0, 2, *[0] * 9])
    adjusted = adjusted_p_values(observed, simulated)
    np.testing.assert_array_equal(adjusted, brute_force(observed, simulated))
    assert (adjusted >= p_values(observed, simulated)).all()
    assert adjusted[0] < 0.05


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_a_family_holds_its_level_however_its_tests_depend(correlation):
    """Of 1000 families of 30 true hypotheses, 5 % have a rejection."""
    rng = np.random.default_rng(2)

    def draw(n):
        common = np.sqrt(correlation) * rng.normal(size=(n, 1))
        return np.abs(common + np.sqrt(1 - correlation) * rng.normal(size=(n, 30)))

    simulated = draw(1999)
    rejected = sum(adjusted_p_values(observed, simulated).min() <= 0.05 for observed in draw(1000))
    # The simulations' own quantile has a standard error of 0.5 %, 5 families.
    assert 50 - 4 * 8.5 < rejected < 50 + 4 * 8.5


def test_a_lone_deviation_is_found():
    """Among 1392 tests Benjamini and Yekutieli's bound for any dependence can find none."""
    rng = np.random.default_rng(3)
    simulated = np.abs(rng.normal(size=(4000, 1392)))
    observed = np.abs(rng.normal(size=1392))
    observed[7] = 9.0
    adjusted = adjusted_p_values(observed, simulated)
    assert adjusted[7] == 1 / 4001
    assert np.delete(adjusted, 7).min() > 0.05
    p = rng.random(1392)
    p[7] = 2 / 50_001
    assert false_discovery_control(p, method="by")[7] > 0.4


def test_what_is_no_test_stays_none_and_what_did_not_vary_counts_against():
    observed = np.array([3.0, np.nan, 2.0])
    simulated = np.array([[1.0, 9.0, 1.0], [np.nan, 9.0, 1.0], [0.5, 9.0, 0.1]])
    np.testing.assert_array_equal(p_values(observed, simulated), [2 / 4, np.nan, 1 / 4])
    np.testing.assert_array_equal(adjusted_p_values(observed, simulated), [2 / 4, np.nan, 2 / 4])


def test_beyond_the_critical_value_a_lone_test_is_significant():
    simulated = np.abs(np.random.default_rng(4).normal(size=(199, 5)))
    threshold = critical_value(simulated, 0.05)
    observed = np.zeros(5)
    for value, significant in ((threshold * 1.0001, True), (threshold * 0.9999, False)):
        observed[2] = value
        assert (adjusted_p_values(observed, simulated)[2] <= 0.05) == significant
    exact = stats.halfnorm.ppf(0.95 ** (1 / 5))
    assert threshold == pytest.approx(exact, abs=0.4)


def test_settings_under_which_nothing_could_be_significant_are_refused():
    require_simulations(19, 0.05)
    with pytest.raises(ValueError, match=r"found 18 simulations at the level 0\.05, expected"):
        require_simulations(18, 0.05)
    with pytest.raises(ValueError, match="expected at least 99"):
        critical_value(np.zeros((50, 3)), 0.01)
