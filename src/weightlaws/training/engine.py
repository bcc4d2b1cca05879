"""Engines: an engine trains the networks of a shard, an epoch at a time.

The network, loss, optimiser and scaling of pixels are those published with arXiv:2510.05218: a
bias-free ReLU multilayer perceptron, softmax cross-entropy averaged over the batch, Adam with
weight decay added to the gradient, pixels in [-1, 1]. Networks share nothing but the images: each
has its own weights, moments and shuffles. A recipe with an output scale trains lazily instead. All
engines do this; they differ in how they use a machine, and so in the rounding of float32 sums.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from weightlaws.arrays import Bools, Floats, Shapes, Singles

# Adam's decay rates of its two moments, and the term that keeps its divisor off 0.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8

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
        Of the study; Adam's is `step_size`.
    weight_decay
        Strength of the L2 penalty that is added to the gradient.
    output_scale
        None for the network f(x; w) itself. A number alpha scales and centres its logits to
        alpha (f(x; w) - f(x; w_0)), w_0 its initial weights, for loss, gradient and accuracy
        (Chizat, Oyallon, Bach 2019, arXiv:1812.07956): the larger it is, the less weights move.
    """

    batch_size: int
    learning_rate: float
    weight_decay: float
    output_scale: float | None = None

    @property
    def step_size(self) -> float:
        """Adam's learning rate, which an output scale divides.

        Adam's steps are as long whatever the gradient is multiplied by. So with steps 1/alpha as
        long the scaled logits change about as fast for every alpha.
        """
        return self.learning_rate / (self.output_scale or 1.0)


@dataclass(frozen=True)
class Networks:
    """The networks of a shard and the state of their optimiser.

    Attributes
    ----------
    shapes
        Shapes (out, in) of the weight matrices by layer, from the input on.
    weights
        All entries of all layers, in this order, float32 (member, entry).
    first_moment, second_moment
        Adam's running means of the gradient and of its square, float32 (member, entry).
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


def split_layers(entries: Singles, shapes: Mapping[str, tuple[int, int]]) -> dict[str, Singles]:
    """Cut (member, entry) into matrices by layer, views (member, out, in)."""
    sizes = [fan_out * fan_in for fan_out, fan_in in shapes.values()]
    parts = np.split(entries, np.cumsum(sizes)[:-1], axis=1)
    return {
        layer: part.reshape(-1, *shape)
        for (layer, shape), part in zip(shapes.items(), parts, strict=True)
    }


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
        Whether all weights are finite, bool (member,).
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
