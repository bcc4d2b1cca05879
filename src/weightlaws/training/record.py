"""The record of a shard's training: the arrays of its file, as far as they are known.

The arrays are written as a weights shard at the end. On the way they are written as a state, with
the networks and the moments of their optimiser, and training can go on from a state.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from weightlaws.arrays import Bools, Floats, Singles
from weightlaws.errors import WeightLawsError
from weightlaws.storage.hdf5 import Reader, Writer
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import weights_shard
from weightlaws.training.engine import Assessment, Networks, n_entries
from weightlaws.training.training_spec import TrainingSpec

_BY_EPOCH = ("accuracy", "dead_output", "finite")
_MOMENTS = ("weights", "first_moment", "second_moment")


@dataclass
class TrainingRecord:
    """The record of a shard's training, filled up to an epoch.

    Attributes
    ----------
    spec
        The spec of the whole shard.
    epoch
        Epochs that are recorded; -1 before the initialisation is.
    weights
        By layer: the kept snapshots, float32 (member, snapshot, out, in).
    biases
        By layer, of networks that have some: at the same epochs, float32 (member, snapshot, out).
    loss
        Mean of each epoch's batch losses, float64 (member, epoch).
    accuracy
        Share of the test images classified rightly, from epoch 0 on, float64 (member, 1 + epoch).
    dead_output
        See `engine.Assessment`, from epoch 0 on, bool (member, 1 + epoch).
    finite
        Whether losses and weights have been finite so far, bool (member, 1 + epoch).
    trained_by
        The engines that trained it, each with the first and last of its epochs.
    """

    spec: TrainingSpec
    epoch: int
    weights: dict[str, Singles]
    biases: dict[str, Singles]
    loss: Floats
    accuracy: Floats
    dead_output: Bools
    finite: Bools
    trained_by: list[dict[str, Any]]

    def keeps(self, epoch: int) -> bool:
        """Whether some layer's weights after this epoch are kept."""
        return any(epoch in epochs for epochs in self.spec.weights.snapshots.values())

    def start(self, assessment: Assessment) -> None:
        """Note how the networks do before training."""
        self._note(assessment, assessment.finite)

    def record(self, loss: Floats, assessment: Assessment, engine: dict[str, Any]) -> None:
        """Note how the next epoch went, and who trained it.

        Raises
        ------
        WeightLawsError
            If no member's loss and weights are finite any more. A diverged member harms no other.
        """
        finite = assessment.finite & np.isfinite(loss) & self.finite[:, self.epoch]
        self.loss[:, self.epoch] = loss
        self._note(assessment, finite)
        if self.trained_by and not unlike(self.trained_by[-1], engine):
            self.trained_by[-1]["epochs"][1] = self.epoch
        else:
            self.trained_by.append({**engine, "epochs": [self.epoch, self.epoch]})
        if not finite.any():
            members = self.spec.members
            raise WeightLawsError(
                f"members {members[0]} to {members[-1]} have all diverged",
                f"losses or weights that are not finite after epoch {self.epoch}",
                "finite ones",
                "lower learning_rate",
            )

    def _note(self, assessment: Assessment, finite: Bools) -> None:
        self.epoch += 1
        self.accuracy[:, self.epoch] = assessment.accuracy
        self.dead_output[:, self.epoch] = assessment.dead_output
        self.finite[:, self.epoch] = finite

    def keep(self, networks: Networks) -> None:
        """Keep the weights after the epoch that was recorded last, of the layers that should be."""
        for kept, found in (
            (self.weights, networks.layers()),
            (self.biases, networks.biases()),
        ):
            for layer, values in found.items():
                epochs = self.spec.weights.snapshots[layer]
                if self.epoch in epochs:
                    kept[layer][:, epochs.index(self.epoch)] = values

    def spec_so_far(self) -> Spec:
        """Return the spec of the recorded part."""
        kept = {
            layer: [epoch for epoch in epochs if epoch <= self.epoch]
            for layer, epochs in self.spec.weights.snapshots.items()
        }
        return {**self.spec.stored, "epochs": self.epoch, "snapshots": kept}

    def write(self, writer: Writer) -> None:
        """Store the recorded part."""
        for layer, epochs in self.spec_so_far()["snapshots"].items():
            writer.add(f"weights/{layer}", self.weights[layer][:, : len(epochs)])
            writer.add(f"epochs/{layer}", np.array(epochs, dtype=np.int64))
            if layer in self.biases:
                writer.add(f"biases/{layer}", self.biases[layer][:, : len(epochs)])
        writer.add("loss", self.loss[:, : self.epoch])
        for name in _BY_EPOCH:
            writer.add(name, getattr(self, name)[:, : self.epoch + 1])


def unlike(engine: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether engines differ, whatever epochs they trained."""
    return {**engine, "epochs": None} != {**other, "epochs": None}


def begin(spec: TrainingSpec) -> TrainingRecord:
    """Return the record of a training that has not begun."""
    n_members, n_epochs, weights = len(spec.members), spec.weights.epochs, spec.weights
    sizes = {layer: (n_members, len(epochs)) for layer, epochs in weights.snapshots.items()}
    biased = sizes if spec.recipe.biases else {}
    return TrainingRecord(
        spec=spec,
        epoch=-1,
        weights={
            layer: np.empty((*size, *weights.shapes[layer]), np.float32)
            for layer, size in sizes.items()
        },
        biases={
            layer: np.empty((*size, weights.shapes[layer][0]), np.float32)
            for layer, size in biased.items()
        },
        loss=np.empty((n_members, n_epochs)),
        accuracy=np.empty((n_members, n_epochs + 1)),
        dead_output=np.empty((n_members, n_epochs + 1), np.bool_),
        finite=np.empty((n_members, n_epochs + 1), np.bool_),
        trained_by=[],
    )


def can_become(found: Spec, wanted: Spec) -> bool:
    """Whether a shard or state has all of what another spec asks for, up to its own last epoch.

    It does if both say the same of everything but their length, and the snapshots that are wanted
    are among those that were kept.
    """
    lengths = {"epochs": None, "snapshots": None}
    if {**found, **lengths} != {**wanted, **lengths}:
        return False
    kept, asked = WeightsSpec.parse(found), WeightsSpec.parse(wanted)
    return all(
        epoch in kept.snapshots[layer]
        for layer, epochs in asked.snapshots.items()
        for epoch in epochs
        if epoch <= kept.epochs
    )


def resume(reader: Reader, spec: TrainingSpec) -> TrainingRecord:
    """Read the record of a shard or state that `can_become` the shard of this spec.

    Raises
    ------
    StorageError
        If the file is damaged.
    """
    shard, record = weights_shard(reader, layers=()), begin(spec)
    found = WeightsSpec.parse(reader.spec)
    record.epoch = min(found.epochs, spec.weights.epochs)
    record.loss[:, : record.epoch] = shard.loss[:, : record.epoch]
    for name in _BY_EPOCH:
        getattr(record, name)[:, : record.epoch + 1] = getattr(shard, name)[:, : record.epoch + 1]
    for layer, wanted in spec.weights.snapshots.items():
        kept = found.snapshots[layer]
        for name, values in (("weights", record.weights), ("biases", record.biases)):
            if layer not in values:
                continue
            shape = (len(shard.members), len(kept), *values[layer].shape[2:])
            for place, epoch in enumerate(epoch for epoch in wanted if epoch <= record.epoch):
                values[layer][:, place] = reader.read(
                    f"{name}/{layer}",
                    np.float32,
                    shape,
                    finite=shard.finite[:, -1],
                    part=(slice(None), kept.index(epoch)),
                )
    record.trained_by = [
        {**engine, "epochs": [engine["epochs"][0], min(engine["epochs"][1], record.epoch)]}
        for engine in reader.provenance.get("trained_by", [])
        if engine["epochs"][0] <= record.epoch
    ]
    return record


def write_networks(writer: Writer, networks: Networks) -> None:
    """Store the networks, with the moments of their optimiser, for training to go on."""
    for name in _MOMENTS:
        writer.add(f"networks/{name}", getattr(networks, name))
    writer.add("networks/steps", [networks.steps])


def read_networks(reader: Reader) -> Networks:
    """Read the networks, with the moments of their optimiser, for training to go on.

    Raises
    ------
    StorageError
        If the file is damaged.
    """
    spec = TrainingSpec.parse(reader.spec)
    shapes = spec.weights.shapes
    shape = (len(spec.members), n_entries(shapes, spec.recipe.biases))
    # Networks that diverged go on too, as they would have without the stop.
    weights, first_moment, second_moment = (
        reader.read(f"networks/{name}", np.float32, shape, finite=False) for name in _MOMENTS
    )
    (steps,) = reader.read("networks/steps", np.int64, (1,))
    return Networks(shapes, weights, first_moment, second_moment, int(steps))
