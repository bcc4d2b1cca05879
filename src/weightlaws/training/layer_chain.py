"""Which layers are those of one multilayer perceptron, told by their names and shapes."""

from collections.abc import Mapping
from itertools import pairwise

from weightlaws.arrays import Shape


def chain(shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """Order the layers of one multilayer perceptron from its input to its output.

    Their names say what they join, as those of `networks.layer_shapes` do, and the shapes agree
    with them. Empty if these are not the two or more layers of one.
    """
    steps = {name.partition("-")[0]: name for name in shapes if name.count("-") == 1}
    targets = {name.partition("-")[2] for name in steps.values()}
    ordered = [name for source, name in steps.items() if source not in targets][:1]
    while ordered and (following := steps.get(ordered[-1].partition("-")[2])):
        ordered.append(following)
    fits = all(shapes[a][0] == shapes[b][1] for a, b in pairwise(ordered))
    return tuple(ordered) if fits and len(ordered) == len(shapes) > 1 else ()
