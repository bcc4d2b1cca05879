"""The networks of a study: the shapes of their weight matrices and the laws they start from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Shapes = dict[str, tuple[int, int]]


def layer_shapes(inputs: int, hidden: Sequence[int], classes: int) -> Shapes:
    """Shapes (out, in) of the weight matrices of a bias-free multilayer perceptron, by layer name.

    A layer is named by what it joins: ``input-hidden1``, ``hidden1-hidden2``, ``hidden2-output``.
    """
    names = ["input", *(f"hidden{k}" for k in range(1, len(hidden) + 1)), "output"]
    widths = [inputs, *hidden, classes]
    return {
        f"{source}-{target}": (fan_out, fan_in)
        for source, target, fan_in, fan_out in zip(
            names, names[1:], widths, widths[1:], strict=False
        )
    }


def square_layers(shapes: Mapping[str, tuple[int, int]]) -> Shapes:
    """Return the layers that a matrix model can describe: square and not the input layer."""
    return {
        name: (fan_out, fan_in)
        for name, (fan_out, fan_in) in shapes.items()
        if fan_out == fan_in and not name.startswith("input-")
    }


@dataclass(frozen=True)
class InitialLaw:
    """The law of the independent entries of a weight matrix before training.

    Attributes
    ----------
    draw
        ``draw(rng, shape)`` gives float64 entries of mean 0 and scale 1; the weights are these
        divided by sqrt(fan_in).
    variance
        Variance of one such entry.
    excess_kurtosis
        Fourth moment over squared variance, minus the Gaussian's 3.
    """

    draw: Callable[[np.random.Generator, tuple[int, int]], npt.NDArray[np.float64]]
    variance: float
    excess_kurtosis: float


# As published with arXiv:2510.05218: N(0, 1/fan_in) and U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
INITIAL_LAWS = {
    "gaussian": InitialLaw(lambda rng, shape: rng.standard_normal(shape), 1.0, 0.0),
    "uniform": InitialLaw(lambda rng, shape: rng.uniform(-1.0, 1.0, shape), 1 / 3, -6 / 5),
}


def initial_weights(
    shapes: Mapping[str, tuple[int, int]], initialisation: str, rng: np.random.Generator
) -> dict[str, npt.NDArray[np.float32]]:
    """Draw one member's weight matrices, (out, in) float32, from the input layer to the output."""
    draw = INITIAL_LAWS[initialisation].draw
    return {
        name: (draw(rng, shape) / np.sqrt(shape[1])).astype(np.float32)
        for name, shape in shapes.items()
    }
