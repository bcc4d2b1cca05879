import numpy as np
import pytest

from weightlaws.inference.distance import estimate, swapped_distances, without_one
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.pigmm import FITTED, PIGMM, parameters_from_moments
from weightlaws.laws.wasserstein import squared_distance, squared_distances

SIZE = 5
START = PIGMM.iid(SIZE, 0.2)
ENDS = {
    "the start itself": START,
    "a law moved little": PIGMM.iid(SIZE, 0.22),
    "a law moved far": PIGMM(SIZE, [1, 0.3, 0.4, 0, 0.2, 0.3, 0, 0, 0.3, 0, 0.2, 0.2, 0.2]),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("n", [20, 100])
def test_the_true_distance_is_found_without_bias_and_within_the_interval(end, n):
    """By simulation: from a known law, of ensembles that are drawn from another known one."""
    law, ensembles = ENDS[end], 30_000 // n
    values = evaluate(FITTED, law.sample(n * ensembles, np.random.default_rng(1)))
    statistics = values.reshape(n, ensembles, 13)
    fits = parameters_from_moments(statistics.mean(axis=0), SIZE)
    squared = squared_distances(START.parameters, fits, SIZE)
    left_out = squared_distances(START.parameters, without_one(statistics, SIZE), SIZE)
    found, true = estimate(squared, left_out), squared_distance(START, law)
    error = found.corrected.std() / np.sqrt(ensembles)
    assert found.corrected.mean() == pytest.approx(true, abs=4 * error)
    if end != "a law moved far":  # there the noise is larger than what is taken off
        assert squared.mean() > true + 10 * error
    covered = np.mean((found.low <= true) & (true <= found.high))
    # 1500 or 300 ensembles: standard errors of 0.6 and 1.3 %.
    assert covered > 0.95 - 3 * np.sqrt(0.05 * 0.95 / ensembles)


def test_members_that_change_sides_make_the_distance_of_a_loop():
    rng = np.random.default_rng(2)
    first, second = (evaluate(FITTED, START.sample(8, rng)) for _ in range(2))
    found = swapped_distances(first, second, SIZE, 50, np.random.default_rng(3))
    signs = np.random.default_rng(3).choice([-1.0, 1.0], (50, 8))
    for distance, sign in zip(found, signs, strict=True):
        stays = (sign > 0)[:, None]
        sides = np.where(stays, first, second), np.where(stays, second, first)
        laws = [parameters_from_moments(side.mean(axis=0), SIZE) for side in sides]
        # Parts of order 1, whose rounding the root of a small variance makes larger.
        assert distance == pytest.approx(squared_distances(*laws, SIZE), rel=1e-9)


def test_ensembles_of_one_law_exceed_the_floor_as_often_as_they_should():
    """Paired members, alike in law at both ends and dependent: 5 % lie above the 95 % point."""
    n, ensembles, rng = 20, 400, np.random.default_rng(4)
    above = 0
    for _ in range(ensembles):
        common = START.sample(n, rng)
        sides = [evaluate(FITTED, common + 0.3 * START.sample(n, rng)) for _ in range(2)]
        laws = [parameters_from_moments(side.mean(axis=0), SIZE) for side in sides]
        floor = swapped_distances(*sides, SIZE, 200, rng)
        above += squared_distances(*laws, SIZE) > np.quantile(floor, 0.95)
    # A binomial count with mean 20 and standard deviation 4.4; the floor's own error adds 1.
    assert 6 <= above <= 34
