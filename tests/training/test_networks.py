from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

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
        ("kaiming", stats.norm(0, (2 / 400) ** 0.5)),
        ("xavier", stats.uniform(-((6 / 700) ** 0.5), 2 * (6 / 700) ** 0.5)),
    ],
)
def test_initial_weights_follow_the_published_law(name, law):
    weights = initial_weights({"layer": (300, 400)}, name, np.random.default_rng(3))["layer"]
    assert weights.dtype == np.float32
    assert weights.shape == (300, 400)
    assert stats.kstest(weights.ravel(), law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", names("initial_laws"))
def test_stated_moments_are_those_of_the_draws(name):
    law, shape = initial_law(name), (500, 2000)
    draws = law.draw(np.random.default_rng(4), shape)
    if law.independent:
        # One million draws: standard errors 1.4e-3 or less of the variance, 5e-3 of the kurtosis.
        assert draws.var() == pytest.approx(law.variance(shape), rel=6e-3)
        assert stats.kurtosis(draws.ravel()) == pytest.approx(law.excess_kurtosis, abs=0.02)
    else:
        assert np.isnan(law.variance(shape))


def test_what_is_said_of_sides_counts_more_than_names():
    shapes = {"input-a": (5, 5), "a-b": (5, 5), "b-output": (5, 5)}
    said = {"input-a": None, "a-b": "columns"}
    assert list(square_layers(shapes)) == ["a-b", "b-output"]
    assert list(square_layers(shapes, said)) == ["input-a", "b-output"]
    assert [labelled_side(layer, said) for layer in shapes] == [None, "columns", "rows"]


TORCHS_OWN = {
    "kaiming": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "xavier": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
}


@pytest.mark.parametrize("shape", [(30, 200), (200, 30), (60, 60)])
@pytest.mark.parametrize("name", TORCHS_OWN)
def test_starts_have_the_moments_of_torch_s(name, shape):
    law, rng = initial_law(name), np.random.default_rng(5)
    generator = torch.Generator().manual_seed(5)
    ours = np.stack([law.draw(rng, shape) for _ in range(100)])
    empty = torch.empty(shape)
    theirs = np.stack(
        [TORCHS_OWN[name](empty, generator=generator).numpy().copy() for _ in range(100)]
    )
    # 360,000 entries or more: the standard error of a variance is 0.24 % of it at the most, and
    # that of the ratio of fourth moments 0.6 %.
    assert ours.mean() == pytest.approx(0, abs=5 * ours.std() / ours.size**0.5)
    for power, tolerance in ((2, 0.02), (4, 0.04)):
        assert (ours**power).mean() == pytest.approx(float((theirs**power).mean()), rel=tolerance)


@pytest.mark.parametrize("shape", [(10, 40), (40, 10), (20, 20)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape):
    drawn = initial_law("orthogonal").draw(np.random.default_rng(6), shape)
    short = drawn if shape[0] <= shape[1] else drawn.T
    np.testing.assert_allclose(short @ short.T, np.eye(min(shape)), atol=1e-13)
