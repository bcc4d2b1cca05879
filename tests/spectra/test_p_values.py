import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra.p_values import disjoint, members_p_value, rank_p_value


@pytest.mark.parametrize(("side", "p"), [("greater", 0.3), ("two-sided", 0.6)])
def test_the_p_value_of_one_matrix_is_its_rank(side, p):
    assert rank_p_value(6.5, np.arange(9.0), side) == pytest.approx(p)
    assert np.isnan(rank_p_value(np.nan, np.arange(9.0), side))
    assert np.isnan(rank_p_value(6.5, np.empty(0), side))


@pytest.mark.parametrize("side", ["greater", "two-sided"])
def test_p_values_of_several_members_are_exact(side):
    rng, found = np.random.default_rng(1), []
    for _ in range(2000):
        # Each member has a law and a number of others of its own.
        scales, numbers = np.geomspace(1, 100, 6), [3, 5, 8, 13, 1, 2]
        rows = [
            scale * (k + rng.exponential(size=1 + number))
            for k, (scale, number) in enumerate(zip(scales, numbers, strict=True))
        ]
        values, others = np.array([row[0] for row in rows]), [row[1:] for row in rows]
        found.append(members_p_value(values, others, side, rng))
    # An exact test rejects at most at its level; of 2000, with three standard errors.
    for level in (0.01, 0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 2000)
    assert np.mean(np.array(found) <= 0.2) > 0.17
    if side == "greater":
        assert stats.kstest(found, "uniform").pvalue > 1e-3


def test_p_values_of_two_members_are_those_of_all_choices():
    values, others = np.array([3.0, 20.0]), [np.array([1.0, 2.0]), np.array([30.0, 5.0, 10.0])]
    sums = [one + other for one in (3.0, 1.0, 2.0) for other in (20.0, 30.0, 5.0, 10.0)]
    over, under = np.mean(np.array(sums) >= 23), np.mean(np.array(sums) <= 23)
    rng = np.random.default_rng(2)
    found = np.mean([members_p_value(values, others, "greater", rng) for _ in range(200)])
    assert found == pytest.approx(over, abs=0.004)
    both = np.mean([members_p_value(values, others, "two-sided", rng) for _ in range(200)])
    assert both == pytest.approx(min(1, 2 * min(over, under)), abs=0.008)


def test_extreme_and_missing_values():
    rng = np.random.default_rng(3)
    assert members_p_value(np.full(8, 9.0), [np.ones(9)] * 8, "greater", rng) == 0.001
    assert members_p_value(np.full(8, 0.1), [np.full(9, 0.1)] * 8, "two-sided", rng) == 1
    assert np.isnan(members_p_value(np.empty(0), [], "greater", rng))
    assert np.isnan(members_p_value(np.ones(2), [np.ones(3), np.empty(0)], "greater", rng))
    # A member without a value is left out, and one is left, which has its rank.
    values, others = np.array([np.nan, 5.0]), [np.ones(3), np.append(np.arange(9.0), np.nan)]
    assert members_p_value(values, others, "greater", rng) == 0.5


def test_null_values_are_shared_out_once():
    one, other = np.arange(10.0), np.arange(100.0, 104.0)
    parts = disjoint([one, other, one, one])
    assert [part.tolist() for part in parts] == [
        [0, 1, 2],
        [100, 101, 102, 103],
        [3, 4, 5],
        [6, 7, 8],
    ]
