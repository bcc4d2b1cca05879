import numpy as np
import pytest
from scipy import stats

from weightlaws.training.initial_law import initial_law
from weightlaws.training.networks import (
    initial_weights,
    labelled_side,
    layer_shapes,
    square_layers,
)
from weightlaws.training.plugins import names


def test_layers_are_named_by_what_they_join():
    assert layer_shapes(784, (10, 40), 10) == {
        "input-hidden1": (10, 784),
        "hidden1-hidden2": (40, 10),
        "hidden2-output": (10, 40),
    }


def test_square_layers_leave_the_input_out():
    shapes = layer_shapes(10, (10, 10, 7), 10)
    assert list(square_layers(shapes)) == ["hidden1-hidden2"]
    depth_study = square_layers(layer_shapes(784, (10, 10, 10), 10))
    assert list(depth_study) == ["hidden1-hidden2", "hidden2-hidden3", "hidden3-output"]


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("gaussian", stats.norm(0, 1 / 20)),
        ("uniform", stats.uniform(-1 / 20, 2 / 20)),
    ],
)
def test_initial_weights_follow_the_published_law(name, law):
    weights = initial_weights({"layer": (300, 400)}, name, np.random.default_rng(3))["layer"]
    assert weights.dtype == np.float32
    assert weights.shape == (300, 400)
    assert stats.kstest(weights.ravel(), law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", names("initial_laws"))
def test_stated_moments_are_those_of_the_draws(name):
    law = initial_law(name)
    draws = law.draw(np.random.default_rng(4), (1000, 1000))
    # One million draws: standard errors 1.4e-3 or less of the variance, 5e-3 of the kurtosis.
    assert draws.var() == pytest.approx(law.variance, abs=6e-3)
    assert stats.kurtosis(draws.ravel()) == pytest.approx(law.excess_kurtosis, abs=0.02)


def test_what_is_said_of_sides_counts_more_than_names():
    shapes = {"input-a": (5, 5), "a-b": (5, 5), "b-output": (5, 5)}
    said = {"input-a": None, "a-b": "columns"}
    assert list(square_layers(shapes)) == ["a-b", "b-output"]
    assert list(square_layers(shapes, said)) == ["input-a", "b-output"]
    assert [labelled_side(layer, said) for layer in shapes] == [None, "columns", "rows"]
