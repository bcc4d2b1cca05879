"""The networks of a study: the shapes of their weight matrices, and their initial weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from weightlaws.arrays import Shape, Shapes, Side, Singles
from weightlaws.training.initial_law import initial_law


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


def square_layers(
    shapes: Mapping[str, Shape], labelled: Mapping[str, Side | None] | None = None
) -> Shapes:
    """Return the layers that a matrix model can describe: square, and not with labelled columns.

    ``labelled`` is as of `labelled_side`.
    """
    return {
        name: (fan_out, fan_in)
        for name, (fan_out, fan_in) in shapes.items()
        if fan_out == fan_in and labelled_side(name, labelled) != "columns"
    }


def labelled_side(layer: str, labelled: Mapping[str, Side | None] | None = None) -> Side | None:
    """Return the side of a layer's matrices whose labels training can tell apart.

    Rows before the output are classes, columns after the input are pixels. Hidden neurons can be
    permuted without changing the training problem: the sides of hidden neurons are exchangeable.
    The layer's name tells, unless ``labelled`` says it, by the names of layers, of networks from
    elsewhere.
    """
    if labelled and layer in labelled:
        return labelled[layer]
    if layer.endswith("-output"):
        return "rows"
    return "columns" if layer.startswith("input-") else None


def initial_weights(
    shapes: Mapping[str, Shape], initialisation: str, rng: np.random.Generator
) -> dict[str, Singles]:
    """Draw one member's weight matrices, (out, in) float32, from the input layer to the output."""
    draw = initial_law(initialisation).draw
    return {name: draw(rng, shape).astype(np.float32) for name, shape in shapes.items()}
