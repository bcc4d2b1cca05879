import numpy as np
import ot
import pytest
from scipy import stats

from weightlaws.inference.omnibus import _held_out_distance, omnibus, random_directions
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID


def test_directions_have_norm_1_and_supports_of_many_sizes():
    directions = random_directions((5, 12), 400, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(directions, axis=0), 1)
    supports = np.count_nonzero(directions, axis=0)
    sides = [(r, c) for r in (1, 2, 5) for c in (1, 2, 4, 12)]
    assert set(supports) == {r * c for r, c in sides}
    assert np.linalg.matrix_rank(directions) == 60


def test_the_distance_is_that_of_sorted_projections():
    rng = np.random.default_rng(2)
    matrices, directions = rng.normal(size=(20, 3, 4)), random_directions((3, 4), 7, rng)
    law = IID((3, 4), [0.0, 1.0])
    found = _held_out_distance(matrices, lambda _: law, directions, np.random.default_rng(3))
    held_out = matrices[1::2].reshape(10, -1)
    samples = law.sample(10, np.random.default_rng(3)).reshape(10, -1)
    sides = [np.sort(points @ directions, axis=0) for points in (held_out, samples)]
    assert found == pytest.approx(np.sqrt(np.mean((sides[0] - sides[1]) ** 2)))
    one = [
        ot.wasserstein_1d(*(points @ directions[:, k] for points in (held_out, samples)), p=2)
        for k in range(7)
    ]
    assert found == pytest.approx(np.sqrt(np.mean(one)))


def test_it_holds_its_level():
    n, rng = 300, np.random.default_rng(4)
    p = [omnibus(rng.normal(size=(20, 4, 6)), IID.fit, 19, rng).p for _ in range(n)]
    rejected = np.sum(np.array(p) <= 0.05)
    assert stats.binom.sf(rejected - 1, n, 0.05) > 0.001
    assert stats.binom.cdf(rejected, n, 0.05) > 0.001


def test_it_sees_heavy_tails_and_scales_that_differ_between_members():
    rng = np.random.default_rng(5)
    heavy = rng.standard_t(3, (100, 10, 10))
    scattered = np.exp(0.4 * rng.normal(size=(100, 1, 1))) * rng.normal(size=(100, 10, 10))
    for matrices in (heavy, scattered):
        found = omnibus(matrices, Bipartite.fit, 99, rng)
        assert found.p == 0.01
        assert found.distance > 1.2 * found.expected


def test_wide_matrices_are_tested_by_random_blocks():
    """Heavy tails in every entry show in any block."""
    rng = np.random.default_rng(7)
    shapes = []

    def fit(matrices):
        shapes.append(matrices.shape[1:])
        return IID.fit(matrices)

    assert omnibus(rng.standard_t(3, (60, 5, 200)), fit, 39, rng).p == 1 / 40
    assert set(shapes) == {(5, 32)}


def test_simulation_stops_once_p_is_large():
    drawn = []

    class Counting(IID):
        def sample(self, n, rng):
            drawn.append(n)
            return super().sample(n, rng)

    rng = np.random.default_rng(6)
    found = omnibus(rng.normal(size=(20, 4, 4)), Counting.fit, 999, rng)
    assert found.p > 0.05
    assert len(drawn) < 2 * 400
    assert found.p == pytest.approx(5 / ((len(drawn) - 1) / 2))
