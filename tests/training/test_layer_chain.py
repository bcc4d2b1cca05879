import pytest

from weightlaws.training.layer_chain import chain
from weightlaws.training.networks import layer_shapes


@pytest.mark.parametrize(
    ("shapes", "ordered"),
    [
        (layer_shapes(784, (10,), 10), "input-hidden1 hidden1-output"),
        # As a file lists them.
        (
            dict(sorted(layer_shapes(784, (10, 12), 10).items())),
            "input-hidden1 hidden1-hidden2 hidden2-output",
        ),
        ({"a-classes": (3, 4), "pixels-a": (4, 9)}, "pixels-a a-classes"),
        ({"input-hidden1": (4, 9), "hidden1-output": (3, 5)}, ""),  # 4 neurons are not 5
        ({"input-hidden1": (4, 9), "hidden2-output": (3, 4)}, ""),
        ({"a-b": (4, 4), "b-a": (4, 4)}, ""),
        ({"input-hidden1": (4, 9), "hidden1-output": (3, 4), "a-a": (4, 4)}, ""),
        ({"fc.weight": (4, 9), "head.weight": (3, 4)}, ""),
        ({"input-hidden1": (4, 9)}, ""),
        ({}, ""),
    ],
)
def test_layers_of_a_chain_name_what_they_join(shapes, ordered):
    assert chain(shapes) == tuple(ordered.split())
