"""Misses of deviations whose truth and covariance are known."""

import numpy as np
import pytest
from scipy import stats

from weightlaws.inference.intervals import leave_one_out
from weightlaws.inference.miss import mean_square, miss
from weightlaws.inference.noncentral import noncentrality

MEMBERS, INVARIANTS, TAIL = 60, 12, 0.025


def correlated(rng, correlation, n=MEMBERS, k=INVARIANTS):
    """Values (n, k) of variance 1 and one correlation."""
    common = rng.standard_normal((n, 1))
    own = rng.standard_normal((n, k))
    return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_noise_and_degrees_are_those_of_the_covariance(correlation):
    rng = np.random.default_rng(0)
    values = correlated(rng, correlation, n=4000)
    found = mean_square(values.mean(axis=0), leave_one_out(values))
    assert found.n_invariants == INVARIANTS
    assert found.noise == pytest.approx(1 / 4000, rel=0.05)
    squares = INVARIANTS + INVARIANTS * (INVARIANTS - 1) * correlation**2
    assert found.degrees == pytest.approx(INVARIANTS**2 / squares, rel=0.05)
    assert found.mean_square == pytest.approx(np.square(values.mean(axis=0)).mean())


@pytest.mark.parametrize("correlation", [0.0, 0.9])
@pytest.mark.parametrize("truth", [0.0, 0.2, 0.6])
def test_the_interval_holds_the_true_miss(correlation, truth):
    rng = np.random.default_rng(1)
    means = truth * np.resize([1.0, -1.0], INVARIANTS)
    below, above, squares = 0, 0, []
    for _ in range(400):
        values = means + correlated(rng, correlation)
        found = mean_square(values.mean(axis=0), leave_one_out(values))
        value, low, high = miss(
            found.mean_square, found.noise, found.degrees, members=MEMBERS, tail=TAIL
        )
        assert low <= high
        assert value >= 0
        below, above = below + (high < truth), above + (low > truth)
        squares.append(found.mean_square - found.noise)
    most = stats.binom(400, TAIL).ppf(0.995)
    assert above <= most
    assert below <= most
    assert np.mean(squares) == pytest.approx(truth**2, abs=4 * np.std(squares) / np.sqrt(400))


def test_little_noise_by_chance_does_not_narrow_the_interval():
    numbers = {"noise": 0.01, "degrees": 5.0, "members": MEMBERS, "tail": TAIL}
    assert miss(1e-6, **numbers) == miss(0.01, **numbers)
    assert miss(1e-6, **numbers)[2] > 0.1


def test_what_does_not_vary_is_left_out():
    rng = np.random.default_rng(2)
    values = correlated(rng, 0.5)
    whole = mean_square(values.mean(axis=0), leave_one_out(values))
    more = np.column_stack([values, np.full(MEMBERS, np.nan)])
    assert mean_square(more.mean(axis=0), leave_one_out(more)) == whole
    nothing = mean_square(np.array([np.nan]), np.full((MEMBERS, 1), np.nan))
    assert nothing.n_invariants == 0
    numbers = nothing.mean_square, nothing.noise, nothing.degrees
    assert np.isnan(miss(*numbers, members=MEMBERS, tail=TAIL)).all()
    alike = mean_square(np.zeros(2), np.zeros((MEMBERS, 2)))
    numbers = alike.mean_square, alike.noise, alike.degrees
    assert np.isnan(miss(*numbers, members=MEMBERS, tail=TAIL)).all()


@pytest.mark.parametrize(("f", "degrees", "rest"), [(9.0, 3.3, 99.0), (400.0, 5.0, 999.0)])
def test_ends_are_those_of_the_noncentral_law(f, degrees, rest):
    low, high = noncentrality(f, degrees, rest, TAIL)
    assert stats.ncf(degrees, rest, low).sf(f) == pytest.approx(TAIL, abs=1e-6)
    assert stats.ncf(degrees, rest, high).cdf(f) == pytest.approx(TAIL, abs=1e-6)
    # What replaces the law where it cannot be computed goes on from it.
    below, above = (noncentrality(f / degrees, degrees, rest, TAIL) for f in (0.999e6, 1.001e6))
    assert above == pytest.approx([1.001 / 0.999 * end for end in below], rel=2e-3)
    assert np.isfinite(noncentrality(1e15, degrees, rest, TAIL)).all()
    assert noncentrality(0.1, degrees, rest, TAIL)[0] == 0
