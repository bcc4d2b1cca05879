"""Engines: an engine trains the networks of a shard, an epoch at a time.

The default network, loss, optimiser and scaling of pixels are those published with
arXiv:2510.05218: a bias-free ReLU multilayer perceptron, softmax cross-entropy averaged over the
batch, Adam with weight decay added to the gradient, pixels in [-1, 1]. A recipe can choose another
optimiser, another activation and biases, and with an output scale it trains lazily instead.
Networks share nothing but the images: each has its own weights, moments and shuffles. All engines
do this; they differ in how they use a machine, and so in the rounding of float32 sums.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import Any, Literal, Protocol

from weightlaws.arrays import Bools, Floats, Shape, Shapes, Singles

# Adam's decay rates of its two moments, and the term that keeps its divisor off 0.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
# Share of its last step that gradient descent takes again, as is usual.
MOMENTUM = 0.9

Optimiser = Literal["adam", "sgd", "adamw"]
Activation = Literal["relu", "tanh", "gelu"]


@dataclass(frozen=True)
class Recipe:
    """How networks are trained; the last batch of an epoch is smaller where it has to be.

    Attributes
    ----------
    batch_size
        Images in a step.
    learning_rate
        Of the condition; the optimiser's is `step_size`.
    weight_decay
        Strength of the L2 penalty that is added to the gradient; of ``adamw`` the share of a
        weight, times the learning rate, that a step takes off.
    output_scale
        None for the network f(x; w) itself. A number alpha scales and centres its logits to
        alpha (f(x; w) - f(x; w_0)), w_0 its initial weights, for loss, gradient and accuracy
        (Chizat, Oyallon, Bach 2019, arXiv:1812.07956): the larger it is, the less weights move.
    optimiser
        ``adam`` (arXiv:1412.6980), ``sgd`` with momentum `MOMENTUM`, or ``adamw``, Adam with
        decoupled decay (arXiv:1711.05101); each is torch.optim's.
    activation
        Of hidden neurons: ``relu``, ``tanh``, or ``gelu``, x times the standard normal
        distribution function of x (arXiv:1606.08415).
    biases
        Whether neurons have biases. They start at 0, and are trained and decay as weights do.
    """

    batch_size: int
    learning_rate: float
    weight_decay: float
    output_scale: float | None = None
    _: KW_ONLY
    optimiser: Optimiser = "adam"
    activation: Activation = "relu"
    biases: bool = False

    @property
    def step_size(self) -> float:
        """The optimiser's learning rate, which an output scale alpha divides.

        A step moves the scaled logits by about alpha times the step of the weights. Steps that are
        1/alpha as long move them about as fast for every alpha. Adam's and AdamW's steps are as
        long whatever the gradient is multiplied by, so their rate is divided by alpha. The steps of
        gradient descent grow with the gradient, which has a factor alpha too: its rate is divided
        by alpha^2.
        """
        scale = self.output_scale or 1.0
        return self.learning_rate / (scale**2 if self.optimiser == "sgd" else scale)


@dataclass(frozen=True)
class Networks:
    """The networks of a shard and the state of their optimiser.

    Attributes
    ----------
    shapes
        Shapes (out, in) of the weight matrices by layer, from the input on.
    weights
        All entries of all matrices, in this order, and then all biases, where there are some, in
        the same order; float32 (member, entry).
    first_moment, second_moment
        Running means of the gradient and of its square by Adam and AdamW, float32 (member, entry).
        Gradient descent has its momentum in the first, and leaves the second at 0.
    steps
        Steps of the optimiser so far.
    """

    shapes: Shapes
    weights: Singles
    first_moment: Singles
    second_moment: Singles
    steps: int

    def layers(self) -> dict[str, Singles]:
        """Weight matrices by layer, views (member, out, in)."""
        return split_layers(self.weights, self.shapes)

    def biases(self) -> dict[str, Singles]:
        """Biases by layer, views (member, out); of networks without biases none."""
        return split_biases(self.weights, self.shapes)


def n_entries(shapes: Mapping[str, Shape], biases: bool) -> int:
    """Count the entries of a network: those of its matrices, and its biases."""
    return sum(map(prod, shapes.values())) + biases * sum(rows for rows, _ in shapes.values())


def split_layers(entries: Singles, shapes: Mapping[str, Shape]) -> dict[str, Singles]:
    """Cut (member, entry) into matrices by layer, views (member, out, in)."""
    found, start = {}, 0
    for layer, shape in shapes.items():
        found[layer] = entries[:, start : start + prod(shape)].reshape(-1, *shape)
        start += prod(shape)
    return found


def split_biases(entries: Singles, shapes: Mapping[str, Shape]) -> dict[str, Singles]:
    """Cut the biases by layer out of (member, entry), views (member, out), if there are some."""
    start = n_entries(shapes, biases=False)
    if entries.shape[1] == start:
        return {}
    found = {}
    for layer, (fan_out, _) in shapes.items():
        found[layer] = entries[:, start : start + fan_out]
        start += fan_out
    return found


@dataclass(frozen=True)
class Assessment:
    """How networks do on the test images.

    Attributes
    ----------
    accuracy
        Share of the images classified rightly, float64 (member,). With an output scale the largest
        of the centred logits decides; at the start all are 0, which the first class wins.
    dead_output
        Whether all logits of the network itself, neither scaled nor centred, are 0 on every image,
        bool (member,).
    finite
        Whether all weights and biases are finite, bool (member,).
    """

    accuracy: Floats
    dead_output: Bools
    finite: Bools


class Engine(Protocol):
    """Trains a shard's networks.

    An engine takes the splits of the data set, the networks to go on from, a generator of shuffles
    for each member, and the recipe. If the networks have been trained already, it also takes them
    as they were drawn: an output scale centres the logits there.
    """

    @property
    def description(self) -> dict[str, Any]:
        """Engine, device, processor and libraries: all but the spec that numbers depend on."""
        ...

    def train_epoch(self) -> Floats:
        """Pass once over the training images; return the mean batch loss of each member."""
        ...

    def assess(self) -> Assessment:
        """Classify the test images."""
        ...

    def networks(self) -> Networks:
        """Return the networks as they are now; training goes on in arrays of its own."""
        ...
