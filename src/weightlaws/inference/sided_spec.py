"""What the specs of tests have in common that ask for the labelled sides of layers."""

from collections.abc import Mapping
from dataclasses import dataclass

from weightlaws.arrays import Side
from weightlaws.inference.condition_spec import ConditionSpec
from weightlaws.training.networks import labelled_side


@dataclass(frozen=True)
class SidedSpec(ConditionSpec):
    """The members of a condition, the epochs of its tests, and the labelled sides of its layers.

    The sides change no weights, and so are no part of the spec of the weights.

    Attributes
    ----------
    labelled
        The labelled side of the layers of which it is said; see `networks.labelled_side`.
    """

    labelled: Mapping[str, Side | None]

    def side(self, layer: str) -> Side | None:
        """Return the labelled side of a layer, None if there is none."""
        return labelled_side(layer, self.labelled)
