"""Teacher and student: random inputs whose classes a random network says.

A network of the teacher's widths can learn them without error. Gardner and Derrida, J. Phys. A 22
(1989) 1983, let a perceptron learn from a perceptron; Saad and Solla, Phys. Rev. E 52 (1995) 4225,
let a network with hidden units learn from another by gradient descent.
"""

from collections.abc import Sequence

import numpy as np

from weightlaws.arrays import Floats, Singles, Splits
from weightlaws.errors import WeightLawsError
from weightlaws.training.networks import initial_weights, layer_shapes

# Inputs that the teacher looks at together.
_BLOCK = 4096


def teacher_splits(
    name: str,
    *,
    inputs: int,
    hidden: Sequence[int],
    classes: int,
    images: tuple[int, int],
    seed: int,
) -> Splits:
    """Draw a teacher, and both splits of its data set.

    Parameters
    ----------
    name
        The data set, whose name has its own random numbers.
    inputs, hidden, classes
        Widths of the teacher: a perceptron of ReLU without biases, of weights N(0, 1/fan_in).
    images
        Numbers of inputs to train on, and to test with.
    seed
        The study's seed.

    Returns
    -------
    Splits
        Images (image, 1, 1, inputs) float32, entries N(0, 1); a label is the largest logit's place.

    Raises
    ------
    WeightLawsError
        If no training image is of one of the classes.
    """
    weights_rng, *image_rngs = np.random.default_rng([seed, *f"teacher/{name}".encode()]).spawn(3)
    shapes = layer_shapes(inputs, hidden, classes)
    weights = [*initial_weights(shapes, "gaussian", weights_rng).values()]
    splits = {}
    for split, n, rng in zip(("train", "test"), images, image_rngs, strict=True):
        drawn = rng.standard_normal((n, inputs), dtype=np.float32)
        blocks = [drawn[k : k + _BLOCK] for k in range(0, n, _BLOCK)]
        labels = np.concatenate([_logits(weights, block).argmax(axis=1) for block in blocks])
        splits[f"{split}_images"] = drawn[:, None, None]
        splits[f"{split}_labels"] = labels.astype(np.uint8)
    absent = sorted({*range(classes)} - {*splits["train_labels"].tolist()})
    if absent:
        raise WeightLawsError(
            f"data set {name}",
            f"no image to train on of the class {absent[0]}, in {images[0]} of a teacher",
            "images of each class",
            "draw more images, have fewer classes or wider hidden layers, or take another seed",
        )
    return splits


def _logits(weights: Sequence[Singles], images: Singles) -> Floats:
    values = images.astype(np.float64)
    for k, layer in enumerate(weights):
        values = (values if k == 0 else np.maximum(values, 0)) @ layer.T
    return values
