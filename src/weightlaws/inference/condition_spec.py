"""What the specs of all tests on one condition's members have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import MemberValues, read_weights


@dataclass(frozen=True)
class ConditionSpec:
    """The members of a condition, and the epochs at which their laws are tested.

    Specs of stages add what else fixes their numbers, by the names that the plain dict has.

    Attributes
    ----------
    weights
        The spec of the condition's weights.
    members
        The number of members, diverged ones included.
    seed
        The study's seed.
    epochs
        The headline epochs.
    """

    weights: WeightsSpec
    members: int
    seed: int
    epochs: tuple[int, ...]

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a plain spec of `planning.specs`; a KeyError or TypeError says what is wrong."""
        values = {field.name: stored[field.name] for field in fields(cls)}
        values["weights"] = WeightsSpec.parse(stored["weights"])
        values["epochs"] = tuple(stored["epochs"])
        return cls(**values)

    def read(self, paths: Sequence[Path], layer: str, epoch: int) -> MemberValues:
        """Read one layer's matrices after one epoch from the condition's weights shards.

        Raises
        ------
        StorageError
            If a shard is not the spec's, or members are missing.
        """
        return next(read_weights(paths, self.weights, self.members, layer, [epoch]))
