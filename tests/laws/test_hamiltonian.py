import numpy as np
import pytest

from weightlaws.laws.hamiltonian import effective_size, r_hat, run


def autoregressive(chains, draws, correlation, rng):
    values = np.empty((chains, draws))
    values[:, 0] = rng.normal(size=chains)
    for k in range(1, draws):
        fresh = np.sqrt(1 - correlation**2) * rng.normal(size=chains)
        values[:, k] = correlation * values[:, k - 1] + fresh
    return values


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_effective_size_of_a_known_process(correlation):
    values = autoregressive(20, 2000, correlation, np.random.default_rng(0))
    expected = values.size * (1 - correlation) / (1 + correlation)
    assert effective_size(values) == pytest.approx(expected, rel=0.2)


def test_draws_that_swing_count_for_more():
    values = autoregressive(20, 2000, -0.5, np.random.default_rng(1))
    assert effective_size(values) == pytest.approx(3 * values.size, rel=0.15)


def test_r_hat_sees_chains_apart_and_drifts_and_little_else():
    values = np.random.default_rng(2).normal(size=(20, 100))
    assert r_hat(values) < 1.02
    assert r_hat(values + np.arange(20)[:, None] / 5) > 1.2
    assert r_hat(values + np.linspace(0, 3, 100)) > 1.1
    assert r_hat(np.zeros((4, 10))) == 1


def test_a_normal_target_of_any_scale_and_one_row():
    def target(matrices):
        return -np.square(matrices).sum(axis=(1, 2)) / 2e-4, -matrices / 1e-4

    rng = np.random.default_rng(3)
    chains = run(target, rng.normal(size=(40, 1, 3)), 100, rng)
    assert chains.matrices.shape == (40, 100, 1, 3)
    assert chains.matrices.std() == pytest.approx(0.01, rel=0.05)
    assert 0.65 < chains.accepted < 0.95
