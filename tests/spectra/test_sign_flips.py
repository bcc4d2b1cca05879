import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra import sign_flips
from weightlaws.spectra.sign_flips import count_learned, flipped_copies, learned_rank, sign_flipped


def planted(shape, rank, strength, rng, scales=0.0):
    """Noise of norm about 1 with orthonormal dense components, and rows of log-normal scales."""
    noise = np.exp(scales * rng.standard_normal((shape[0], 1))) * rng.standard_normal(shape)
    u, v = (np.linalg.qr(rng.standard_normal((size, rank)))[0] for size in shape)
    return noise / np.linalg.norm(noise, 2) + u * strength @ v.T


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signs_are_independent_and_sizes_stay(dtype):
    matrix = np.random.default_rng(1).standard_normal((30, 50)).astype(dtype)
    copies = sign_flipped(matrix, 400, np.random.default_rng(2))
    assert copies.dtype == dtype
    np.testing.assert_array_equal(np.abs(copies), np.broadcast_to(np.abs(matrix), copies.shape))
    signs = np.sign(copies / matrix).reshape(400, -1)
    assert set(np.unique(signs)) == {-1, 1}
    sums = np.concatenate([signs.sum(axis=0), (signs[:, 1:] * signs[:, :-1]).sum(axis=0)]) / 20
    assert stats.kstest(sums, "norm").statistic < 0.06  # sums of 400 are on a lattice


def test_copies_have_the_singular_values_and_distances_of_lapack(monkeypatch):
    matrix = np.random.default_rng(3).standard_normal((40, 25))
    for chunk in (10, 2**18):
        monkeypatch.setattr(sign_flips, "_CHUNK", chunk)
        found = flipped_copies(matrix, 6, np.random.default_rng(4), 1e-12)
        copies = [sign_flipped(matrix.T.copy(), 6, np.random.default_rng(4))]
        if chunk == 10:
            rng = np.random.default_rng(4)
            copies = [sign_flipped(matrix.T.copy(), 1, rng) for _ in range(6)]
        for k, copy in enumerate(np.concatenate(copies)):
            u, s, vt = np.linalg.svd(copy.T, full_matrices=False)
            np.testing.assert_allclose(found.singular_values[k], s, rtol=1e-9)
            for vectors, distances in zip((u.T, vt), found.distances[k], strict=True):
                scaled = vectors * np.sqrt(vectors.shape[1])
                expected = [stats.kstest(one, "norm").statistic for one in scaled]
                np.testing.assert_allclose(distances, expected, atol=1e-3)


def by_definition(matrix, flips, rng):
    """Learned rank by norms alone, in float64."""
    m, n = matrix.shape
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    for k in range(len(s)):
        rest = matrix - (u[:, :k] * s[:k]) @ vt[:k]
        factor = np.sqrt(m * n / ((m - k) * (n - k)))
        signs = rng.choice([-1, 1], (flips, m, n))
        if s[k] <= factor * np.linalg.norm(signs * rest, 2, axis=(1, 2)).max():
            return k
    return len(s)


@pytest.mark.parametrize("shape", [(12, 20), (20, 12)])
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "several at once"])
def test_the_law_of_the_learned_rank_is_that_of_its_definition(shape, together, monkeypatch):
    # Strengths at which steps go either way, so that each step's decision shows.
    if together:
        monkeypatch.setattr(sign_flips, "_LARGE", 0)
    counts = np.zeros((2, 13))
    for seed in range(300):
        matrix = planted(shape, 3, 0.9, np.random.default_rng([seed, 5]))
        for row, count in zip(counts, (learned_rank, by_definition), strict=True):
            row[int(count(matrix, 19, np.random.default_rng([seed, 6])))] += 1
    counts = counts[:, counts.sum(axis=0) > 9]
    assert counts.shape[1] >= 3
    assert stats.chi2_contingency(counts).pvalue > 1e-3


@pytest.mark.parametrize("large", [0, 2**20], ids=["several at once", "one by one"])
@pytest.mark.parametrize("scales", [0.0, 1.0])
def test_the_level_is_one_in_one_plus_the_flips(scales, large, monkeypatch):
    """Any scales, any symmetric law: 1 in 20, exactly."""
    monkeypatch.setattr(sign_flips, "_LARGE", large)
    runs, found = 2000, 0
    for seed in range(runs):
        rng = np.random.default_rng([seed, 7])
        sizes = np.exp(scales * rng.standard_normal((8, 12)))
        found += learned_rank(sizes * rng.standard_t(3, (8, 12)), 19, rng) > 0
    assert found / runs == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / runs))


@pytest.mark.parametrize(("rank", "strength"), [(1, 1.3), (9, 1.3), (30, 2.0)])
def test_planted_components_are_counted(rank, strength):
    found = [
        learned_rank(planted((128, 128), rank, strength, rng), 39, rng)
        for rng in (np.random.default_rng([seed, rank]) for seed in range(6))
    ]
    # One too many comes once in 40 times.
    assert sum(n == rank for n in found) >= 4
    assert all(rank <= n <= rank + 1 for n in found)


def test_many_components_of_a_large_matrix_take_few_copies(monkeypatch):
    matrix = planted((200, 400), 20, np.linspace(14, 10, 20), np.random.default_rng(11))
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    first = flipped_copies(matrix, 19, np.random.default_rng(12), 1e-12).singular_values[:, 0]
    drawn, flip = [], sign_flips.sign_flipped
    monkeypatch.setattr(
        sign_flips, "sign_flipped", lambda *given: drawn.append(given) or flip(*given)
    )
    copies = []
    for large in (2**20, 0):
        monkeypatch.setattr(sign_flips, "_LARGE", large)
        drawn.clear()
        rng = np.random.default_rng(13)
        assert count_learned(matrix, u, s, vt, 39, rng, first) == 20
        copies.append(len(drawn))
    assert copies[0] > 19 * 5  # five for each component
    assert copies[1] < copies[0] / 2


def test_components_are_counted_beside_scales():
    found = [
        learned_rank(planted((128, 128), 5, 2.0, rng, scales=0.3), 39, rng)
        for rng in (np.random.default_rng([seed, 8]) for seed in range(6))
    ]
    assert sum(n == 5 for n in found) >= 4


def test_equal_norms_do_not_count():
    rng = np.random.default_rng(9)
    assert learned_rank(np.eye(20), 39, rng) == 0
    assert learned_rank(np.diag(np.arange(20.0)), 39, rng) == 0
    assert np.isnan(learned_rank(np.ones((1, 9)), 39, rng))
    assert np.isnan(learned_rank(np.zeros((4, 9)), 39, rng))


def test_what_is_left_of_a_low_rank_is_not_counted():
    rng = np.random.default_rng(10)
    matrix = rng.standard_normal((40, 3)) @ rng.standard_normal((3, 60))
    for one in (matrix, matrix.astype(np.float32), 1e-100 * matrix, 1e100 * matrix):
        assert learned_rank(one, 39, rng) == 3
