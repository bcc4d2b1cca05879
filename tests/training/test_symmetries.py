"""Which changes of hidden neurons training respects: the symmetries of the law of the weights."""

import copy

import numpy as np
import pytest

from weightlaws.training.engine import Recipe
from weightlaws.training.networks import layer_shapes
from weightlaws.training.setup import choose_engine, initial_networks, member_shuffles

SHAPES, MEMBERS = layer_shapes(784, (10, 10), 10), range(3)


def changed(networks, order, signs):
    """Networks whose first hidden neurons are in another order and have other signs."""
    result = copy.deepcopy(networks)
    before, _, *_ = result.layers().values()
    _, after, *_ = result.layers().values()
    before[:] = before[:, order] * signs[:, None]
    after[:] = after[:, :, order] * signs
    if biases := result.biases():
        first = biases["input-hidden1"]
        first[:] = first[:, order] * signs
    return result


def trained(digits, networks, recipe):
    splits = {name: values[:500] for name, values in digits.items()}
    order = np.random.default_rng(0).permutation(len(digits["train_labels"]))[:500]
    splits |= {f"train_{name}": digits[f"train_{name}"][order] for name in ("images", "labels")}
    shuffles = member_shuffles(MEMBERS, seed=1, images=500, epochs=0)
    engine = choose_engine("numba", "cpu", 1)(splits, networks, shuffles, recipe, networks)
    engine.train_epoch()
    return engine.networks()


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize(
    ("activation", "flipped", "respected"),
    [
        ("tanh", False, True),
        ("tanh", True, True),
        ("relu", False, True),
        ("relu", True, False),
        ("gelu", False, True),
        ("gelu", True, False),
    ],
)
def test_training_respects_permutations_and_with_tanh_signs(
    digits, activation, flipped, respected, optimiser, biases
):
    """Training from changed networks leads to what changes the trained ones, or does not."""
    recipe = Recipe(50, 1e-3, 0.01, optimiser=optimiser, activation=activation, biases=biases)
    rng = np.random.default_rng(5)
    order = rng.permutation(10)
    signs = np.where(np.arange(10) % 2 == 1, -1, 1) if flipped else np.ones(10)
    start = initial_networks(SHAPES, MEMBERS, seed=7, initialisation="gaussian", biases=biases)
    signs = signs.astype(np.float32)
    expected = changed(trained(digits, start, recipe), order, signs).weights
    found = trained(digits, changed(start, order, signs), recipe).weights
    moved = np.abs(expected - changed(start, order, signs).weights).max()
    error = np.abs(found - expected).max() / moved
    assert error < 1e-2 if respected else error > 0.1
