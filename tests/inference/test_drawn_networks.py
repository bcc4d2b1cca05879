import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from weightlaws.inference.drawn_networks import (
    ALL,
    JOINT,
    NOTHING,
    OTHERS,
    PERMUTED,
    TRAINED,
    accuracies,
    drawn_accuracies,
    fitted_laws,
)
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.network import NetworkLaw
from weightlaws.laws.one_sided import OneSided
from weightlaws.training.engine import Recipe
from weightlaws.training.networks import layer_shapes
from weightlaws.training.setup import choose_engine, initial_networks, member_shuffles

SHAPES = layer_shapes(784, [20, 16], 10)
LAYERS = list(SHAPES)


@pytest.fixture(scope="module")
def trained(digits):
    """Weights of six networks after six epochs, and their accuracies as they are stored."""
    members = range(6)
    networks = initial_networks(SHAPES, members, seed=0, initialisation="gaussian")
    shuffles = member_shuffles(members, seed=0, images=len(digits["train_images"]), epochs=0)
    engine = choose_engine("torch", "cpu", 1)(digits, networks, shuffles, Recipe(50, 0.002, 0.0))
    for _ in range(6):
        engine.train_epoch()
    return engine.networks().layers(), engine.assess().accuracy


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_the_activation_and_the_type_of_images_are_those_of_the_engine(digits, activation):
    """Untrained networks, so that wrong activations give another class for many images."""
    members, scaled = range(4), dict(digits)
    for split in ("train", "test"):
        pixels = digits[f"{split}_images"].astype(np.float32)
        scaled[f"{split}_images"] = pixels / np.float32(127.5) - np.float32(1)
    networks = initial_networks(SHAPES, members, seed=1, initialisation="kaiming")
    layers = [*networks.layers().values()]
    found = []
    for splits in (digits, scaled):
        shuffles = member_shuffles(members, seed=1, images=4500, epochs=0)
        recipe = Recipe(50, 0.002, 0.0, activation=activation)
        engine = choose_engine("numba", "cpu", 1)(splits, networks, shuffles, recipe)
        test = splits["test_images"], splits["test_labels"]
        found += [engine.assess().accuracy, accuracies([layers], *test, activation)[0]]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=0, atol=1.5 / 500)


@pytest.fixture
def test_images(digits):
    return digits["test_images"], digits["test_labels"]


def small(n, rng, widths=(7, 4, 3, 5)):
    """Networks by layer, and images with labels."""
    shapes = layer_shapes(widths[0], widths[1:-1], widths[-1])
    layers = {layer: rng.normal(size=(n, *shape)) for layer, shape in shapes.items()}
    images = rng.integers(256, size=(40, 1, 1, widths[0]), dtype=np.uint8)
    return layers, images, rng.integers(widths[-1], size=40, dtype=np.uint8)


def test_accuracies_are_those_that_training_stores(trained, test_images):
    layers, stored = trained
    found = accuracies([[*layers.values()]], *test_images)[0]
    # Single sums are rounded otherwise: an image of 500 may change sides.
    np.testing.assert_allclose(found, stored, rtol=0, atol=1.5 / len(test_images[1]))
    assert stored.mean() > 0.5


def test_accuracies_of_modules_and_of_ensembles_with_a_layer_in_common(monkeypatch):
    rng = np.random.default_rng(0)
    layers, images, labels = small(9, rng)
    one = [*layers.values()]
    two = [one[0], *(rng.normal(size=layer.shape) for layer in one[1:])]
    # Four networks at a time.
    monkeypatch.setattr("weightlaws.inference.drawn_networks._CHUNK", 5 * 40 * 4)
    found = accuracies([one, two], images, labels)
    pixels = (torch.tensor(images.reshape(40, -1)).double() / 255 - 0.5) / 0.5
    for values, ensemble in zip(found, (one, two), strict=True):
        for member in range(9):
            parts = []
            for layer in ensemble:
                linear = nn.Linear(*layer.shape[:0:-1], bias=False, dtype=torch.float64)
                linear.weight.data = torch.tensor(layer[member])
                parts += [linear, nn.ReLU()]
            answers = nn.Sequential(*parts[:-1])(pixels).argmax(1).numpy()
            assert values[member] == (answers == labels).mean()


def test_a_dead_network_answers_the_first_class():
    layers, images, labels = small(3, np.random.default_rng(1))
    dead = [*[*layers.values()][:-1], np.zeros_like(layers["hidden2-output"])]
    np.testing.assert_array_equal(accuracies([dead], images, labels), [3 * [(labels == 0).mean()]])


def test_the_table(trained, test_images):
    layers, stored = trained
    laws = fitted_laws(layers)
    table = drawn_accuracies(layers, laws, *test_images, np.random.default_rng(2))
    rows = table.set_index(["law", "drawn"])
    of_laws = [(law, drawn) for law in (*laws, OTHERS) for drawn in (ALL, *LAYERS)]
    of_hidden = [(PERMUTED, drawn) for drawn in (ALL, "hidden1", "hidden2")]
    assert [*rows.index] == [(TRAINED, NOTHING), *of_laws, *of_hidden]
    own = rows.loc[(TRAINED, NOTHING)]
    assert own["accuracy"] == pytest.approx(stored.mean(), abs=1.5 / len(test_images[1]))
    expected = stats.t.interval(0.95, 5, own["accuracy"], own["standard_error"])
    np.testing.assert_allclose(own[["low", "high"]].astype(float), expected, rtol=1e-10)
    assert own["standard_error"] == pytest.approx(own["sd"] / np.sqrt(6), rel=1e-12)
    # Which neuron is which is lost in all of them.
    assert rows.drop((TRAINED, NOTHING))["accuracy"].max() < own["accuracy"] - 0.2
    assert (rows["n_networks"] == 6).all()


def test_the_laws_that_are_fitted():
    layers, *_ = small(30, np.random.default_rng(3))
    laws = fitted_laws(layers)
    kinds = {
        "i.i.d.": [IID, IID, IID],
        "bipartite": [Bipartite, Bipartite, Bipartite],
        "one-sided": [OneSided, Bipartite, OneSided],
    }
    for name, expected in kinds.items():
        assert [type(law) for law in laws[name]] == expected
    assert [law.labelled for law in laws["one-sided"][::2]] == ["columns", "rows"]
    assert isinstance(laws[JOINT], NetworkLaw)
    assert list(laws) == [*kinds, JOINT]


class Constant:
    """A law of one matrix."""

    def __init__(self, matrix):
        self.matrix = matrix

    def sample(self, n, _):
        return np.repeat(self.matrix[None], n, axis=0)


def test_a_law_that_is_a_network_does_what_the_network_does(trained, test_images):
    """Also layer by layer: what is drawn is put in its place, and the others are kept."""
    layers, _ = trained
    twins = {layer: np.repeat(values[:1], 3, axis=0) for layer, values in layers.items()}
    law = [Constant(values[0]) for values in twins.values()]
    rng = np.random.default_rng(4)
    table = drawn_accuracies(twins, {"itself": law}, *test_images, rng).set_index("law")
    own = table.loc[TRAINED, "accuracy"]
    assert (table.loc["itself", "accuracy"] == own).all()
    assert len(table.loc["itself"]) == 4
    # Twins have the same layers; permuted ones do not.
    assert (table.loc[OTHERS, "accuracy"] == own).all()
    assert (table.loc[PERMUTED, "accuracy"] < own - 0.1).all()


def test_a_joint_law_carries_what_independent_layers_lose():
    """One hidden layer: inputs above the average vote for their own class."""
    rng = np.random.default_rng(5)
    n, hidden, classes = 300, 60, 4
    first = rng.normal(size=(n, hidden, classes))
    second = first.swapaxes(1, 2) + 0.5 * rng.normal(size=(n, classes, hidden))
    labels = rng.integers(classes, size=200, dtype=np.uint8)
    images = rng.integers(150, size=(200, 1, 1, classes), dtype=np.uint8)
    images[np.arange(200), 0, 0, labels] = 255
    layers = {"input-hidden1": first, "hidden1-output": second}
    laws = {**fitted_laws(layers), JOINT: NetworkLaw.fit([first, second], "labelled")}
    table = drawn_accuracies(layers, laws, images, labels, rng).set_index(["law", "drawn"])
    accuracy = table["accuracy"]
    assert accuracy[TRAINED, NOTHING] > 0.95
    assert accuracy[JOINT, ALL] > 0.9
    assert accuracy[JOINT, "hidden1-output"] > 0.9
    for law in ("i.i.d.", "bipartite", "one-sided", OTHERS, PERMUTED):
        assert abs(accuracy[law, ALL] - 1 / classes) < 0.1


def test_bad_input():
    rng = np.random.default_rng(6)
    layers, images, labels = small(4, rng)
    one = [*layers.values()]
    with pytest.raises(ValueError, match="ensembles of networks of one shape"):
        accuracies([one, [layer[:2] for layer in one]], images, labels)
    with pytest.raises(ValueError, match="labels and inputs for images"):
        accuracies([one], images, labels[:5])
    with pytest.raises(ValueError, match="labels and inputs for images"):
        accuracies([one], images[..., :3], labels)
    with pytest.raises(ValueError, match="three or more trained networks, found 2"):
        drawn_accuracies({k: v[:2] for k, v in layers.items()}, {}, images, labels, rng)
