"""A weight that several parameters of a network make up."""

from dataclasses import dataclass

from weightlaws.external.parameters import Parameter


@dataclass(frozen=True)
class Combined:
    """A weight, and what it is made of.

    Attributes
    ----------
    parameter
        The weight, under the name that it would have as a parameter of its own.
    parts
        Names of the parameters that make it up.
    notes
        How they do.
    """

    parameter: Parameter
    parts: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Combinations:
    """What was found of one kind among a network's parameters.

    Attributes
    ----------
    weights
        Those that can be computed.
    refused
        Why the weight that a parameter is a part of cannot be computed, by the parameter's name.
    """

    weights: tuple[Combined, ...]
    refused: dict[str, str]
