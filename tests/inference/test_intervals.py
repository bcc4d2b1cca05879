import numpy as np
import pytest
from scipy import stats

from weightlaws.inference.intervals import jackknife_bias, jackknife_interval, leave_one_out


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_averages_without_one_member_are_those_of_the_others(rng):
    values = 1e6 + rng.normal(size=(7, 3, 2))
    expected = [np.delete(values, k, axis=0).mean(axis=0) for k in range(7)]
    np.testing.assert_allclose(leave_one_out(values), expected, rtol=1e-15)


def test_the_interval_of_a_mean_is_student_s(rng):
    values = rng.normal(size=(12, 4))
    found = jackknife_interval(values.mean(axis=0), leave_one_out(values), level=0.9)
    error = values.std(axis=0, ddof=1) / np.sqrt(12)
    expected = stats.t.interval(0.9, 11, values.mean(axis=0), error)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_the_bias_of_a_variance_is_known(rng):
    """With 1/N it is too low by the unbiased variance over N, which the jackknife finds exactly."""
    values = rng.exponential(size=(9, 5))
    left_out = np.array([np.delete(values, k, axis=0).var(axis=0) for k in range(9)])
    found = jackknife_bias(values.var(axis=0), left_out)
    np.testing.assert_allclose(found, -values.var(axis=0, ddof=1) / 9, rtol=1e-12)


def variances(values):
    """Variances over members (member, ...), of all and without one each."""
    means, squares = leave_one_out(values), leave_one_out(values**2)
    return values.var(axis=0), squares - means**2


def test_logarithms_follow_the_unit_and_only_where_asked(rng):
    values = rng.normal(size=(8, 2))
    estimate, left_out = variances(values)
    low, high = jackknife_interval(estimate, left_out, log=True)
    scaled = jackknife_interval(100 * estimate, 100 * left_out, log=True)
    np.testing.assert_allclose(scaled, [100 * low, 100 * high], rtol=1e-12)
    assert np.all(low > 0)
    assert np.all(low < estimate)
    assert np.all(estimate < high)
    some = jackknife_interval(estimate, left_out, log=np.array([True, False]))
    plain = jackknife_interval(estimate, left_out)
    np.testing.assert_array_equal(some, np.where([True, False], [low, high], plain))


@pytest.mark.parametrize("n", [20, 100])
def test_intervals_of_variances_hold(rng, n):
    """Of 4000 normal ensembles 95 % hold the variance; the share has a standard error of 0.3 %."""
    low, high = jackknife_interval(*variances(rng.normal(size=(n, 4000))), log=True)
    assert np.mean((low < 1) & (high > 1)) == pytest.approx(0.945, abs=0.012)


def test_what_has_no_logarithm_has_no_interval():
    found = jackknife_interval([0.0, 1.0], np.array([[0.0, 1.0], [0.0, 1.0]]), log=True)
    np.testing.assert_array_equal(found, [[np.nan, 1], [np.nan, 1]])


def test_one_member_cannot_be_left_out():
    with pytest.raises(ValueError, match="expected two or more members to leave one out of, found"):
        jackknife_interval([1.0], np.array([[1.0]]))
