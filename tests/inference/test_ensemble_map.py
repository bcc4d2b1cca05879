import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from weightlaws.inference.ensemble_map import STEPS, distances, positions, steps
from weightlaws.laws.pigmm import PIGMM
from weightlaws.laws.wasserstein import distance


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_points_of_a_plane_are_placed_as_they_lie(rng):
    points = rng.normal(size=(30, 2)) * [3, 1]
    found, stress = positions(squareform(pdist(points)), seed=0)
    assert stress < 1e-3
    np.testing.assert_allclose(pdist(found), pdist(points), atol=1e-2)


def test_stress_is_what_the_plane_misses(rng):
    dissimilarities = pdist(rng.normal(size=(20, 6)))
    found, stress = positions(squareform(dissimilarities), seed=0)
    shown = pdist(found)
    expected = np.sqrt(((shown - dissimilarities) ** 2).sum() / (shown**2).sum())
    assert stress == pytest.approx(expected, rel=1e-6)
    assert stress > 0.1


def test_the_same_distances_give_the_same_map(rng):
    dissimilarities = squareform(pdist(rng.normal(size=(20, 6))))
    first, second = (positions(dissimilarities, seed=1)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    spread = first.std(axis=0)
    assert spread[0] > spread[1]


def test_distances_are_those_of_the_laws(rng):
    laws = [PIGMM.fit(rng.normal(size=(30, 5, 5)) * scale) for scale in (1, 2, 3)]
    found = distances(np.stack([law.parameters for law in laws]), 5)
    expected = [[distance(one, other) for other in laws] for one in laws]
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_a_path_has_few_epochs_with_the_first_and_the_last():
    found = steps(np.arange(51))
    assert len(found) <= STEPS
    assert (found[0], found[1], found[-1]) == (0, 1, 50)
    np.testing.assert_array_equal(steps(np.array([0, 1, 50])), [0, 1, 50])
