import numpy as np
import pytest

from weightlaws.inference.eigenvalues import REACH, eigenvalues


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def test_large_matrices_fill_the_disc_evenly(rng):
    found = eigenvalues(3 * rng.normal(size=(20, 200, 200)), 50, rng)
    assert found.radius == pytest.approx(3 * np.sqrt(200), rel=0.01)
    circular = found.distances.clip(max=1) ** 2
    np.testing.assert_allclose(found.within, circular, atol=0.03)
    np.testing.assert_allclose(found.law_within, circular, atol=0.03)
    ends = np.linspace(-REACH, REACH, len(found.observed) + 1)
    middle = (ends[1:] + ends[:-1]) / 2
    distance = np.hypot(middle[:, None], middle)
    inside = (distance < 0.9) & (np.abs(middle) > 0.1)[:, None]
    assert found.observed[inside].mean() == pytest.approx(1, abs=0.05)
    assert found.observed[distance > 1.2].max() == 0


def test_real_eigenvalues_lie_in_the_row_of_the_axis(rng):
    symmetric = rng.normal(size=(50, 10, 10))
    found = eigenvalues(symmetric + symmetric.swapaxes(1, 2), 50, rng)
    axis = len(found.observed) // 2
    assert found.observed[axis].max() > 0
    assert np.delete(found.observed, axis, axis=0).max() == 0


def test_columns_are_the_real_axis(rng):
    """An even shift of the diagonal moves all eigenvalues to the right."""
    found = eigenvalues(0.01 * rng.normal(size=(20, 10, 10)) + np.eye(10), 50, rng)
    row, column = np.unravel_index(found.observed.argmax(), found.observed.shape)
    assert row == len(found.observed) // 2
    assert column > len(found.observed) // 2


def test_lost_rank_is_seen_and_has_an_interval(rng):
    matrices = rng.normal(size=(100, 10, 10))
    matrices[:40, 5:] = 0
    found = eigenvalues(matrices, 500, rng)
    lost = 0.4 * 0.5
    assert found.low[0] < lost < found.high[0]
    assert found.law_within[0] < found.low[0]
    assert (found.low <= found.within).all()
    assert (found.within <= found.high).all()


def test_matrices_that_do_not_vary_have_eigenvalues_too(rng):
    found = eigenvalues(np.zeros((4, 5, 5)), 20, rng)
    assert found.radius == 1
    np.testing.assert_array_equal(found.within, 1)
