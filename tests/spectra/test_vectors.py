import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra import vectors as sv


def haar(n, length, seed):
    vectors = np.random.default_rng(seed).standard_normal((n, length))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_distances_are_scipys_whatever_the_sign():
    vectors = haar(4, 37, 1)
    expected = [stats.kstest(np.sqrt(37) * v, "norm").statistic for v in vectors]
    np.testing.assert_allclose(sv.porter_thomas_distances(vectors), expected, rtol=1e-12)
    np.testing.assert_allclose(sv.porter_thomas_distances(-vectors), expected, rtol=1e-12)


def test_long_inputs_are_cut_into_chunks(monkeypatch):
    vectors = haar(50, 30, 2)
    whole = sv.porter_thomas_distances(vectors)
    monkeypatch.setattr(sv, "_CHUNK", 100)
    np.testing.assert_array_equal(sv.porter_thomas_distances(vectors), whole)
    assert len(sv.null_distances(30, 101, np.random.default_rng(0))) == 101


@pytest.mark.parametrize("length", [10, 50, 300])
def test_p_values_of_random_vectors_are_uniform(length):
    null = sv.null_distances(length, 20_000, np.random.default_rng(3))
    p = sv.p_values(sv.porter_thomas_distances(haar(4000, length, 4)), null, length)
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_the_textbook_p_value_is_not_calibrated():
    distances = sv.porter_thomas_distances(haar(20_000, 100, 5))
    textbook = stats.kstwo.sf(distances, 100)
    assert stats.kstest(textbook, "uniform").pvalue < 1e-6


@pytest.mark.parametrize("length", [50, 200])
def test_small_p_values_are_right_beyond_the_simulated_ones(length):
    null = sv.null_distances(length, 5_000, np.random.default_rng(6))
    many = sv.null_distances(length, 1_000_000, np.random.default_rng(7))
    for p in (1e-2, 1e-3, 1e-4):
        found = sv.p_values(np.quantile(many, 1 - p), null, length)
        # The start of the tail, 200 of 5000, is known to 7 %; the shape errs on the safe side.
        assert 0.75 * p < found < 1.8 * p
    assert sv.p_values(np.array(0.9), null, length) < 1e-15


def test_pooling_joins_neighbours_and_stays_inside():
    vectors = haar(6, 4, 8)
    joined = sv.pooled(vectors, 3)
    np.testing.assert_array_equal(joined[2], vectors[1:4].ravel())
    np.testing.assert_array_equal(joined[0], vectors[:3].ravel())
    np.testing.assert_array_equal(joined[5], vectors[3:].ravel())
    np.testing.assert_array_equal(sv.pooled(vectors, 1), vectors)
    with pytest.raises(ValueError, match="ranks: found 7, expected 1 to 6"):
        sv.pooled(vectors, 7)


def test_pooled_p_values_of_random_vectors_are_uniform():
    null = sv.null_distances(40, 10_000, np.random.default_rng(9), ranks=5)
    parts = [np.linalg.qr(np.random.default_rng(k).standard_normal((40, 40)))[0] for k in range(60)]
    # Every fifth rank, as neighbours share vectors.
    distances = [sv.porter_thomas_distances(sv.pooled(q, 5)[2::5]) for q in parts]
    p = sv.p_values(np.concatenate(distances), null, 200)
    # Vectors of one matrix are orthogonal, which makes their entries a little more even.
    assert abs((p < 0.05).mean() - 0.05) < 0.03


def test_participation_is_that_of_random_vectors():
    assert sv.participation(np.array([1.0, 0, 0])) == 1
    assert sv.participation(np.full(4, 0.5)) == pytest.approx(1 / 4)
    found = sv.participation(haar(5000, 60, 10))
    assert found.mean() == pytest.approx(3 / 62, abs=3 * found.std() / np.sqrt(5000))


def test_informative_ranks_are_scipys_discoveries():
    rng = np.random.default_rng(12)
    for rate in (0.05, 0.3):
        # Two digits make ties, also with the limits k rate / m.
        for both in np.round(rng.random((500, 2, 10)) ** 4, 2):
            expected = (stats.false_discovery_control(both.ravel()) <= rate).reshape(2, 10)
            found = sv.informative_ranks(*both, rate)
            np.testing.assert_array_equal(found, expected.any(axis=0))


def test_informative_ranks_hold_the_false_discovery_rate_and_skip_what_is_not_determined():
    left = np.array([1e-9, 0.6, 0.5, np.nan])
    right = np.array([0.4, 1e-8, 0.7, np.nan])
    assert sv.informative_ranks(left, right, 0.05).tolist() == [True, True, False, False]
    none = np.full(3, np.nan)
    assert not sv.informative_ranks(none, none, 0.05).any()
    rng = np.random.default_rng(11)
    found = [sv.informative_ranks(*rng.random((2, 50)), 0.05).any() for _ in range(2000)]
    # Without any signal Benjamini and Hochberg reject in a share `rate` of cases.
    assert np.mean(found) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 2000))
