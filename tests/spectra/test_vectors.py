import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra import vectors as sv


def haar(n, length, seed):
    vectors = np.random.default_rng(seed).standard_normal((n, length))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_distances_are_scipys_whatever_the_sign_and_norm():
    vectors = haar(40, 37, 1)
    vectors[0] = 1  # as even as can be
    vectors[1, 1:] = 0
    scaled = vectors * np.sqrt(37 / (vectors**2).sum(axis=1, keepdims=True))
    expected = [stats.kstest(one, "norm").statistic for one in scaled]
    np.testing.assert_allclose(sv.vector_distances(vectors), expected, atol=2e-4)
    np.testing.assert_allclose(sv.vector_distances(-3 * vectors), expected, atol=2e-4)
    assert np.isnan(sv.vector_distances(np.zeros((2, 5)))).all()


def test_vectors_of_equal_singular_values_and_of_zero_are_not_determined():
    values = np.array([[5.0, 3, 3, 2, 1, 0], [6, 5, 4, 3, 2, 1]])
    found = sv.undetermined(values, 1e-9)
    assert found.tolist() == [[False, True, True, False, False, True], [False] * 6]
    assert sv.undetermined(np.array([2.0, 1 + 1e-8, 1]), 1e-7).tolist() == [False, True, True]


def test_p_values_are_ranks_of_the_largest_standing():
    rng = np.random.default_rng(2)
    every = rng.random((20, 2, 4))
    every[:, 1, 3] = np.nan
    standing = np.empty((20, 2, 4))
    for f in range(20):
        others = np.delete(every, f, axis=0)
        standing[f] = (every[f] - others.mean(axis=0)) / others.std(axis=0)
    largest = np.nanmax(standing, axis=(1, 2))
    expected = (largest[:, None, None] >= standing[0]).mean(axis=0)
    found = sv.family_wise_p_values(every[0], every[1:])
    np.testing.assert_allclose(found[0], expected[0])
    np.testing.assert_allclose(found[1, :3], expected[1, :3])
    assert np.isnan(found[1, 3])


def test_the_level_is_family_wise_and_exact():
    rng, flips, runs = np.random.default_rng(3), 19, 4000
    # Laws that differ from rank to rank and hang together, alike for the matrix and its copies.
    shapes = rng.uniform(0.3, 5, (2, 10))
    least = 0
    for _ in range(runs):
        every = rng.gamma(shapes, size=(1 + flips, 2, 10)) * rng.gamma(2, size=(1 + flips, 1, 1))
        least += (sv.family_wise_p_values(every[0], every[1:]) * (1 + flips) < 1.5).any()
    assert least / runs == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / runs))


def test_distances_that_are_the_same_stand_out_nowhere():
    copies = np.full((19, 2, 3), 0.3) + 1e-9 * np.arange(19)[:, None, None]
    assert (sv.family_wise_p_values(np.full((2, 3), 0.3 + 3e-8), copies) * 20 < 1.5).any()
    assert (sv.family_wise_p_values(np.full((2, 3), 0.5), copies) == 1 / 20).all()
    assert np.isnan(sv.family_wise_p_values(np.full((2, 3), 0.5), copies[:0])).all()


def test_participation_is_that_of_random_vectors():
    assert sv.participation(np.array([1.0, 0, 0])) == 1
    assert sv.participation(np.full(4, 0.5)) == pytest.approx(1 / 4)
    found = sv.participation(haar(5000, 60, 10))
    assert found.mean() == pytest.approx(3 / 62, abs=3 * found.std() / np.sqrt(5000))
