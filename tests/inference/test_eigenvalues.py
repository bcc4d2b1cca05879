import numpy as np
import pytest

from weightlaws.inference.eigenvalues import REACH, eigenvalues


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def test_large_matrices_fill_the_disc_evenly(rng):
    shares, plane = eigenvalues(3 * rng.normal(size=(20, 200, 200)), 50, rng)
    np.testing.assert_allclose(shares["radius"], 3 * np.sqrt(200), rtol=0.01)
    assert shares["distance"].iloc[-1] == REACH
    circular = shares["distance"].clip(upper=1) ** 2
    np.testing.assert_allclose(shares["within"], circular, atol=0.03)
    np.testing.assert_allclose(shares["law_within"], circular, atol=0.03)
    distance = np.hypot(plane["imaginary"], plane["real"])
    inside = (distance < 0.9) & (plane["imaginary"].abs() > 0.1)
    assert plane.loc[inside, "density"].mean() == pytest.approx(1, abs=0.05)
    assert plane.loc[distance > 1.2, "density"].max() == 0


def test_densities_of_all_cells_together_are_all_eigenvalues(rng):
    _, plane = eigenvalues(rng.normal(size=(20, 30, 30)), 50, rng)
    side = np.diff(plane["real"].unique())
    np.testing.assert_allclose(side, 2 * REACH / len(plane["real"].unique()))
    for density in ("density", "law_density"):
        assert plane[density].sum() * side[0] ** 2 / np.pi == pytest.approx(1)


def test_real_eigenvalues_lie_in_the_row_of_the_axis(rng):
    symmetric = rng.normal(size=(50, 10, 10))
    _, plane = eigenvalues(symmetric + symmetric.swapaxes(1, 2), 50, rng)
    on_axis = plane["imaginary"] == 0
    assert plane.loc[on_axis, "density"].max() > 0
    assert plane.loc[~on_axis, "density"].max() == 0


def test_an_even_shift_of_the_diagonal_moves_all_eigenvalues_along_the_real_axis(rng):
    _, plane = eigenvalues(0.01 * rng.normal(size=(20, 10, 10)) + np.eye(10), 50, rng)
    most = plane.loc[plane["density"].idxmax()]
    assert most["imaginary"] == 0
    assert most["real"] > 0.1


def test_lost_rank_is_seen_and_has_an_interval(rng):
    matrices = rng.normal(size=(100, 10, 10))
    matrices[:40, 5:] = 0
    shares, _ = eigenvalues(matrices, 500, rng)
    lost, nearest = 0.4 * 0.5, shares.iloc[0]
    assert nearest["low"] < lost < nearest["high"]
    assert nearest["law_within"] < nearest["low"]
    assert (shares["low"] <= shares["within"]).all()
    assert (shares["within"] <= shares["high"]).all()
    assert (shares["n_measured"] == 100).all()


def test_of_many_wide_matrices_the_first_are_measured(rng, monkeypatch):
    monkeypatch.setattr("weightlaws.inference.eigenvalues.MOST", 60)
    matrices = rng.normal(size=(9, 10, 10))
    shares, _ = eigenvalues(matrices, 20, rng)
    assert (shares["n_measured"] == 6).all()
    sizes = np.abs(np.linalg.eigvals(matrices[:6]))
    near = sizes <= (shares["distance"] * shares["radius"]).to_numpy()[:, None, None]
    np.testing.assert_array_equal(shares["within"], near.mean(axis=2).mean(axis=1))


def test_matrices_that_do_not_vary_have_eigenvalues_too(rng):
    shares, _ = eigenvalues(np.zeros((4, 5, 5)), 20, rng)
    assert (shares["radius"] == 1).all()
    assert (shares["within"] == 1).all()
