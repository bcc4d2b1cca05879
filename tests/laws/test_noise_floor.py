import numpy as np
import pytest

from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.noise_floor import noise_floor, simulate_fits
from weightlaws.laws.pigmm import FITTED, PIGMM, parameters_from_moments
from weightlaws.laws.wasserstein import squared_distance

LAW = np.array([0.7, -0.4, 1.3, 0.5, 0.8, 1.1, 0.3, -0.2, 0.9, 0.4, 0.6, 0.35, 0.55])


@pytest.mark.parametrize("n_members", [1, 2, 30])
def test_simulated_fits_are_distributed_as_fits(n_members):
    size, n_draws = 5, 4000
    simulated = simulate_fits(LAW, size, n_members, n_draws, np.random.default_rng(12))
    assert simulated.shape == (n_draws, 13)
    matrices = PIGMM(size, LAW).sample(n_members * n_draws, np.random.default_rng(13))
    invariants = evaluate(FITTED, matrices).reshape(n_draws, n_members, 13)
    fits = parameters_from_moments(invariants.mean(1), size)
    if n_members == 1:
        np.testing.assert_array_equal(simulated[:, 2:5], 0)
        simulated, fits = np.delete(simulated, [2, 3, 4], 1), np.delete(fits, [2, 3, 4], 1)
    # Bound chosen so that at most one of 10^4 seeds fails a test of 13 normal scores.
    bound = 4.5
    error = np.sqrt((simulated.var(0) + fits.var(0)) / n_draws)
    assert np.all(np.abs(simulated.mean(0) - fits.mean(0)) < bound * error)
    squares, others = ((f - f.mean(0)) ** 2 for f in (simulated, fits))
    error = np.sqrt((squares.var(0) + others.var(0)) / n_draws)
    assert np.all(np.abs(squares.mean(0) - others.mean(0)) < bound * error)
    # Blocks keep their dependence, e.g. of f3 and f5, and are independent of one another.
    difference = np.corrcoef(simulated.T) - np.corrcoef(fits.T)
    assert (
        np.abs(difference).max() < 0.15
    )  # 6 standard errors of a difference, more for heavy tails


@pytest.mark.parametrize("n_others", [None, 40, 15])
def test_noise_floor_is_that_of_sampled_fits(n_others):
    size, n_members, n_draws = 6, 40, 400
    floor = noise_floor(LAW, size, n_members, 4000, np.random.default_rng(2), n_others)
    assert floor.shape == (4000,)
    law, rng = PIGMM(size, LAW), np.random.default_rng(3)
    distances = []
    for _ in range(n_draws):
        fit = PIGMM.fit(law.sample(n_members, rng))
        other = law if n_others is None else PIGMM.fit(law.sample(n_others, rng))
        distances.append(squared_distance(fit, other))
    # Means of 400 and of 4000 draws: beyond 4 standard errors in one of 16 000 seeds.
    error = np.sqrt(np.var(distances) / n_draws + floor.var() / len(floor))
    assert abs(np.mean(distances) - floor.mean()) < 4 * error
    above = np.mean(np.array(distances) > np.quantile(floor, 0.95))
    assert 0.01 < above < 0.09  # 0.05 with a standard error of 0.011


def test_noise_floor_falls_with_the_ensemble():
    rng = np.random.default_rng(4)
    few, many = (noise_floor(LAW, 10, n, 500, rng).mean() for n in (100, 10_000))
    # As 1/n to leading order; means of 500 draws of a relative spread of about 1/2.
    assert few / many == pytest.approx(100, rel=0.15)


def test_an_ensemble_needs_a_member():
    with pytest.raises(ValueError, match="at least one member, found 0"):
        simulate_fits(LAW, 5, 0, 1, np.random.default_rng(0))
