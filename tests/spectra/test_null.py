import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra import null_job
from weightlaws.spectra.null import (
    gaussian_singular_values,
    matched_null,
    reference_null,
    simulate_null,
    spacing_density,
)
from weightlaws.spectra.statistics import STATISTICS, spectral_statistics, why_missing
from weightlaws.storage import hdf5


@pytest.mark.parametrize("shape", [(1, 4), (6, 6), (20, 9)])
def test_the_bidiagonal_model_draws_singular_values_of_gaussian_matrices(shape):
    fast = gaussian_singular_values(shape, 4000, np.random.default_rng(1))
    slow = np.linalg.svd(np.random.default_rng(2).standard_normal((4000, *shape)), compute_uv=False)
    assert fast.shape == (4000, min(shape))
    assert (np.diff(fast, axis=1) <= 0).all()
    for rank in (0, min(shape) // 2, min(shape) - 1):
        assert stats.ks_2samp(fast[:, rank], slow[:, rank]).pvalue > 1e-3
    # The joint law too: sums of squares are chi-squared, spacings have their ratios.
    assert stats.kstest((fast**2).sum(axis=1), stats.chi2(np.prod(shape)).cdf).pvalue > 1e-3


def test_small_values_of_large_square_matrices_keep_their_digits():
    # The smallest of a square matrix is about 1 / sqrt(n): Edelman's law of n s^2 at the hard edge.
    smallest = gaussian_singular_values((300, 300), 300, np.random.default_rng(3))[:, -1]
    x = 300 * smallest**2
    law = 1 - np.exp(-(np.sort(x) / 2 + np.sqrt(np.sort(x))))
    assert stats.kstest(law, "uniform").pvalue > 1e-3


def test_a_null_has_all_statistics_of_a_shape_and_is_drawn_by_its_seed():
    one, other = (simulate_null((110, 120), 4, matrices=20) for _ in range(2))
    assert [*one.statistics] == [*STATISTICS]
    assert all(np.isfinite(values).all() for values in one.statistics.values())
    assert one.statistics["mean_ratio"].mean() == pytest.approx(0.5307, abs=0.02)
    assert one.spacings.shape == (20, 32)
    np.testing.assert_array_equal(one.singular_values, other.singular_values)
    third = simulate_null((110, 120), 5, matrices=20)
    assert (third.singular_values != one.singular_values).any()


def test_matrices_measured_together_are_measured_as_each_alone():
    null = simulate_null((100, 130), 6, matrices=40)
    values = null.singular_values.copy()
    values[3, :2] *= 1.5  # outliers, so that not all have as many levels
    values[5, -1] = 0
    bulks, together, spacings = spectral_statistics(values, null.shape, null.ends)
    for k, one in enumerate(values):
        bulk, alone, (apart,) = spectral_statistics(one[None], null.shape, null.ends)
        assert bulk.one(0) == bulks.one(k)
        np.testing.assert_array_equal(apart, spacings[k])
        for name, (value,) in alone.items():
            assert together[name][k] == pytest.approx(value, rel=1e-12)
    assert (bulks.above[3], bulks.below[5]) == (2, 1)


def test_a_null_that_matches_is_of_the_shape_asked_for():
    null = simulate_null((20, 30), 7, matrices=50)
    assert matched_null(null, (30, 20)) is null
    other = matched_null(null, (18, 28))
    assert (other.shape, other.seed) == ((18, 28), 7)
    assert matched_null(null, (18, 28)) is other
    # Seed and shape alone fix it, as those of the stored ones.
    again = simulate_null((18, 28), 7, matrices=len(other.singular_values))
    np.testing.assert_array_equal(again.singular_values, other.singular_values)
    assert len(matched_null(null, (20, 30), 1234).singular_values) == 1234


def test_what_a_shape_is_too_small_for_is_nan_and_said():
    null = simulate_null((3, 8), 6, matrices=10)
    assert all(np.isnan(values).all() for values in null.statistics.values())
    assert why_missing(3)["mean_ratio"] == ("found 3 singular values, expected at least 5")
    found = "found 79 singular values in the bulk, expected 80 to unfold"
    assert why_missing(79)["brody"] == found
    assert why_missing(200, 79)["brody"] == found
    assert why_missing(100) == {}
    assert [*why_missing(100, 99)] == ["brody_window_spread"]


def test_the_reference_null_is_the_same_each_time():
    assert reference_null((7, 9)) is reference_null((7, 9))
    assert reference_null((7, 9)).shape == (7, 9)


def test_spacing_densities_integrate_to_one():
    spacings = np.random.default_rng(7).weibull(2, 500)
    assert (spacing_density(spacings) * 0.125).sum() == pytest.approx(1)
    assert np.isnan(spacing_density(np.empty(0))).all()


SPEC = {
    "shape": [12, 30],
    "matrices": 25,
    "seed": 1,
    "code": "c",
}


def test_a_stored_null_is_read_back(tmp_path):
    path = tmp_path / "12x30.h5"
    null_job.store_null(path, SPEC)
    null = null_job.read_null(path, SPEC)
    assert (null.shape, null.seed) == ((12, 30), 1)
    assert null.singular_values.shape == (25, 12)
    assert np.isfinite(null.statistics["mean_ratio"]).all()
    assert np.isnan(null.statistics["brody"]).all()
    null_job.store_null(tmp_path / "again.h5", SPEC)
    again = null_job.read_null(tmp_path / "again.h5")
    np.testing.assert_array_equal(again.singular_values, null.singular_values)
    assert again.ends == null.ends
    with pytest.raises(hdf5.StorageError, match=r"spec.matrices: found 25, expected 26"):
        null_job.read_null(path, {**SPEC, "matrices": 26})


def test_a_matrix_without_rows_has_no_singular_values():
    """What is left of a matrix of zeros, without its zeros."""
    assert gaussian_singular_values((0, 0), 5, np.random.default_rng(1)).shape == (5, 0)
    null = simulate_null((0, 0), 1, matrices=5)
    assert np.isnan(null.statistics["mean_ratio"]).all()
