import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra.p_values import permutation_p_value, pooled_p_value, rank_p_value


@pytest.mark.parametrize(("side", "p"), [("greater", 0.3), ("two-sided", 0.6)])
def test_the_p_value_of_one_matrix_is_its_rank(side, p):
    assert rank_p_value(6.5, np.arange(9.0), side) == pytest.approx(p)
    assert np.isnan(rank_p_value(np.nan, np.arange(9.0), side))
    assert np.isnan(rank_p_value(6.5, np.empty(0), side))


def test_p_values_of_several_members_are_calibrated():
    rng = np.random.default_rng(1)
    gaussian, permuted = [], []
    for _ in range(300):
        null, values = rng.exponential(size=50), rng.exponential(size=8)
        gaussian.append(pooled_p_value(values, null, "two-sided", rng))
        orders = rng.exponential(size=(8, 10)) * np.geomspace(1, 100, 8)[:, None]
        permuted.append(permutation_p_value(orders[:, 0], orders[:, 1:], rng))
    assert stats.kstest(gaussian, "uniform").pvalue > 1e-3
    assert stats.kstest(permuted, "uniform").pvalue > 1e-3
    assert pooled_p_value(np.full(8, 9.0), np.ones(50), "greater", rng) == 0.001
    assert permutation_p_value(np.full(8, 9.0), np.ones((8, 9)), rng) == 0.001
    assert np.isnan(pooled_p_value(np.empty(0), np.ones(5), "greater", rng))


def test_the_single_members_p_value_is_its_rank():
    rng = np.random.default_rng(2)
    assert pooled_p_value(np.array([5.0]), np.arange(9.0), "greater", rng) == 0.5
    assert permutation_p_value(np.array([5.0]), np.arange(9.0)[None], rng) == 0.5
