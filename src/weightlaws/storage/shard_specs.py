"""Specs of shards: the plain dict that a file carries, and its parts as attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from weightlaws.arrays import Shapes

#: Bytes for the name of a layer or a member.
NAME_BYTES = 500

#: A spec as Snakemake and files have it: plain built-ins, in a fixed order of keys.
Spec = dict[str, Any]


@dataclass(frozen=True)
class WeightsSpec:
    """Everything that fixes the numbers of a weights shard, or of all shards of a condition.

    Attributes
    ----------
    stored
        The plain dict, by which files are compared.
    shapes
        Shapes (out, in) of the weight matrices, by layer.
    snapshots
        Epochs whose weights are kept, ascending from the start, by layer. The start is 0 for
        networks that are trained here, and the first epoch there is for others.
    epochs
        The last epoch; 0 for networks from elsewhere of which there is one epoch.
    recorded
        Epochs at which it is recorded whether a network is finite: all from 0 on, or those that
        networks from elsewhere have.
    members
        Numbers of the shard's members; None where the spec is shared by all shards.
    dataset, initialisation
        Names of the data set and of the initial law; None for networks that were trained elsewhere.
    """

    stored: Spec
    shapes: Shapes
    snapshots: Mapping[str, tuple[int, ...]]
    epochs: int
    recorded: tuple[int, ...]
    members: range | None
    dataset: str | None
    initialisation: str | None

    @property
    def has_start(self) -> bool:
        """Whether the first snapshot of a layer is where training began, or is taken as that."""
        return self.dataset is not None or len(self.recorded) > 1

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a plain spec; a KeyError or TypeError says which key is missing or wrong."""
        trained_here = "dataset" in stored
        snapshots = {layer: tuple(epochs) for layer, epochs in stored["snapshots"].items()}
        whole = range(stored["epochs"] + 1)
        of_layers = sorted({epoch for epochs in snapshots.values() for epoch in epochs})
        return cls(
            stored=stored,
            shapes={layer: (rows, columns) for layer, (rows, columns) in stored["shapes"].items()},
            snapshots=snapshots,
            epochs=stored["epochs"],
            recorded=tuple(whole if trained_here else of_layers),
            members=_members(stored),
            dataset=stored["dataset"]["dataset"] if trained_here else None,
            initialisation=stored["initialisation"]["law"] if trained_here else None,
        )


@dataclass(frozen=True)
class InvariantsSpec:
    """Everything that fixes the numbers of an invariants shard, or of all shards of a condition.

    Attributes
    ----------
    stored
        The plain dict, by which files are compared.
    weights
        The spec of the condition's weights.
    catalogue
        Name of the set of invariants.
    layers
        The layers whose invariants are evaluated.
    members
        Numbers of the shard's members; None where the spec is shared by all shards.
    """

    stored: Spec
    weights: WeightsSpec
    catalogue: str
    layers: tuple[str, ...]
    members: range | None

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a plain spec; a KeyError or TypeError says which key is missing or wrong."""
        return cls(
            stored=stored,
            weights=WeightsSpec.parse(stored["weights"]),
            catalogue=stored["invariants"],
            layers=tuple(stored["layers"]),
            members=_members(stored),
        )


def _members(stored: Spec) -> range | None:
    if "members" not in stored:
        return None
    first, last = stored["members"]
    return range(first, last + 1)
