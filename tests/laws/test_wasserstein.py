import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.published import CASES, published_matrices
from support.rounding import assert_sums_close

from weightlaws.laws.pigmm import PIGMM
from weightlaws.laws.wasserstein import distance, squared_distance, squared_distances

LAW = np.array([0.7, -0.4, 1.3, 0.5, 0.8, 1.1, 0.3, -0.2, 0.9, 0.4, 0.6, 0.35, 0.55])

seeds = st.integers(0, 2**32 - 1)


def random_parameters(rng, rank_0=2, rank_h=3):
    a, b = rng.normal(size=(2, rank_0)), rng.normal(size=(3, rank_h))
    upper = [(a @ a.T)[np.triu_indices(2)], (b @ b.T)[np.triu_indices(3)]]
    return np.concatenate([rng.normal(size=2), *upper, rng.uniform(size=2)])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"D={case['size']}")
def test_published_values(case):
    first, second = published_matrices(case["size"])
    squared = squared_distance(PIGMM.fit(first), PIGMM.fit(second))
    assert squared == pytest.approx(case["squared_wasserstein"], rel=1e-10)


@pytest.mark.parametrize("size", [4, 5, 9])
def test_pot_on_the_full_covariance(size):
    rng = np.random.default_rng(size)
    p, q = (PIGMM(size, random_parameters(rng)) for _ in range(2))
    expected = ot.gaussian.bures_wasserstein_distance(
        p.mean().ravel(), q.mean().ravel(), p.covariance(), q.covariance()
    )
    # Two square roots of matrices of condition up to 1e4.
    assert distance(p, q) == pytest.approx(float(expected), rel=1e-10)
    assert squared_distance(p, q) == pytest.approx(distance(p, q) ** 2, rel=1e-14)


def test_pot_on_samples():
    """POT's distance of two samples, which knows nothing of the symmetry, tends to ours."""
    size, n = 4, 100_000
    rng = np.random.default_rng(6)
    p, q = (PIGMM(size, random_parameters(rng)) for _ in range(2))
    samples = [law.sample(n, rng).reshape(n, -1) for law in (p, q)]
    found = ot.gaussian.empirical_bures_wasserstein_distance(*samples, reg=0)
    # Errors of means and covariances are of order 1/sqrt(n) = 0.3 % of the spread, which is of the
    # order of the distance; its bias, of order 1/n, is far below.
    assert found == pytest.approx(distance(p, q), rel=0.01)


def test_singular_blocks():
    # To a point: E|W|^2; between two lines in V0: turned by the optimal transport.
    rng = np.random.default_rng(0)
    f, g = random_parameters(rng), np.zeros(13)
    assert squared_distances(f, g, 6) == pytest.approx(
        f[0] ** 2 + f[1] ** 2 + f[2] + f[4] + 5 * (f[5] + f[8] + f[10]) + 9 * f[11] + 10 * f[12],
        rel=1e-12,
    )
    a, b = rng.normal(size=(2, 2))
    f, g = np.zeros(13), np.zeros(13)
    f[2:5], g[2:5] = np.outer(a, a)[np.triu_indices(2)], np.outer(b, b)[np.triu_indices(2)]
    expected, terms = (a @ a + b @ b + sign * 2 * abs(a @ b) for sign in (-1, 1))
    assert_sums_close(squared_distances(f, g, 6), expected, terms)


@settings(deadline=None)
@given(seeds, st.integers(1, 2), st.integers(1, 3), st.integers(4, 700))
def test_metric(seed, rank_0, rank_h, size):
    rng = np.random.default_rng(seed)
    f, g, h = (random_parameters(rng, rank_0, rank_h) for _ in range(3))
    fg, gh, fh = (np.sqrt(squared_distances(*pair, size)) for pair in ((f, g), (g, h), (f, h)))
    # A sum of squares of rounding errors of some 1e-15, over D^2 dimensions.
    assert squared_distances(f, f, size) <= 1e-28 * size**2
    assert squared_distances(g, f, size) == pytest.approx(fg**2, rel=1e-12)
    assert fh <= (fg + gh) * (1 + 1e-12)


def test_scaling_and_shift():
    f = LAW * np.where(np.arange(13) < 2, 3, 9)
    energy = np.square(PIGMM(5, LAW).mean()).sum() + np.trace(PIGMM(5, LAW).covariance())
    # Multiplying matrices by 3 is the optimal transport, so W2^2 = 4 E|W|^2.
    assert squared_distances(f, LAW, 5) == pytest.approx(4 * energy, rel=1e-12)
    shifted = LAW + np.where(np.arange(13) < 1, 2, 0)
    assert squared_distances(shifted, LAW, 5) == pytest.approx(4, rel=1e-12)


def test_nothing_is_lost_near_zero():
    # The distance of N(0, v) and N(0, v (1 + e)^2) is e sqrt(v) D, however small e is. The numbers
    # v (1 + e)^2 are stored to 1e-16, and so e = 1e-9 to 1e-7.
    f = PIGMM.iid(10, 0.1).parameters
    squared = squared_distances(f * (1 + 1e-9) ** 2, f, 10)
    assert squared == pytest.approx(0.1e-18 * 100, rel=1e-6, abs=0)


def test_parameters_broadcast():
    rng = np.random.default_rng(1)
    f = np.array([random_parameters(rng) for _ in range(6)]).reshape(3, 2, 13)
    g = np.array([random_parameters(rng) for _ in range(2)])
    squared = squared_distances(f, g, 7)
    assert squared.shape == (3, 2)
    for i, j in np.ndindex(3, 2):
        expected = squared_distance(PIGMM(7, f[i, j]), PIGMM(7, g[j]))
        assert squared[i, j] == pytest.approx(expected, rel=1e-12)


def test_errors():
    with pytest.raises(ValueError, match="expected two laws of one size, found sizes 4 and 5"):
        distance(PIGMM.iid(4, 1), PIGMM.iid(5, 1))
    with pytest.raises(ValueError, match=r"shape \(..., 13\), found \(2, 11\)"):
        squared_distances(LAW, np.ones((2, 11)), 5)
    with pytest.raises(ValueError, match="expected a size above 3, found 2"):
        squared_distances(LAW, LAW, 2)
