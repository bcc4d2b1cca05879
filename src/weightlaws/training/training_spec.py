"""The spec of a training job, parsed."""

from dataclasses import dataclass
from typing import Self

from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.training.engine import Recipe


@dataclass(frozen=True)
class TrainingSpec:
    """Everything that fixes the weights of a shard that is trained here.

    Attributes
    ----------
    stored
        The plain dict, by which files are compared.
    weights
        Shapes, snapshots, epochs and initial law.
    members
        Numbers of the shard's members.
    seed
        The study's seed.
    recipe
        How the networks are trained.
    initialisation
        The name of the initial law.
    dataset
        The plain spec of the stored data set.
    """

    stored: Spec
    weights: WeightsSpec
    members: range
    seed: int
    recipe: Recipe
    initialisation: str
    dataset: Spec

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read the plain spec of one shard."""
        first, last = stored["members"]
        return cls(
            stored=stored,
            weights=WeightsSpec.parse(stored),
            members=range(first, last + 1),
            seed=stored["seed"],
            recipe=Recipe(
                batch_size=stored["batch_size"],
                learning_rate=stored["learning_rate"],
                weight_decay=stored["weight_decay"],
                output_scale=stored["output_scale"],
                optimiser=stored["optimiser"],
                activation=stored["activation"],
                biases=stored["biases"],
            ),
            initialisation=stored["initialisation"]["law"],
            dataset=stored["dataset"],
        )
