import numpy as np
import pytest

from weightlaws.inference.bootstrap import resampled_moments, resampling_weights, restricted


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_weights_are_counts_of_members_drawn_with_replacement(rng):
    weights = resampling_weights(7, 5000, rng)
    counts = weights * 7
    np.testing.assert_allclose(counts, counts.round(), atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    # Binomial counts: mean 1, variance 6/7; 5000 replicates know them to some 2 %.
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.06)
    np.testing.assert_allclose(counts.var(axis=0), 6 / 7, rtol=0.1)


def test_moments_are_those_of_the_resampled_members(rng):
    weights = resampling_weights(6, 20, rng)
    values = 1e3 + rng.normal(size=(6, 4))
    mean, sd = resampled_moments(weights, values)
    for k, times in enumerate(np.rint(6 * weights).astype(int)):
        resampled = np.repeat(values, times, axis=0)
        # Values of 10^3 are stored to 1e-13, and so are their offsets from the mean.
        np.testing.assert_allclose(mean[k], resampled.mean(axis=0), rtol=0, atol=1e-12)
        np.testing.assert_allclose(sd[k], resampled.std(axis=0), rtol=0, atol=1e-12)


def test_the_error_of_a_mean_is_the_textbook_s(rng):
    values = rng.exponential(size=(400, 1))
    mean, _ = resampled_moments(resampling_weights(400, 20_000, rng), values)
    assert mean.std() == pytest.approx(values.std() / 20, rel=0.03)


def test_restricted_weights_sum_to_one_and_keep_their_ratios(rng):
    weights = resampling_weights(8, 50, rng)
    kept = np.arange(8) != 3
    part = restricted(weights, kept)
    np.testing.assert_allclose(part.sum(axis=1), 1)
    np.testing.assert_allclose(part * weights[:, kept].sum(axis=1)[:, None], weights[:, kept])
    np.testing.assert_allclose(restricted(weights, np.ones(8, dtype=bool)), weights, rtol=1e-15)


def test_too_few_kept_members_are_refused(rng):
    kept = np.arange(8) == 3
    with pytest.raises(ValueError, match=r"found none in \d+ of 50: 1 of 8 members are kept"):
        restricted(resampling_weights(8, 50, rng), kept)
