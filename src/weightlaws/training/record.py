"""What the training of a shard has come to: all that its file will hold, as far as it is known.

The same arrays are written at the end as a weights shard, and on the way, with the networks and
their optimiser's moments, as a state, from which training can go on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weightlaws.storage.hdf5 import Reader, Writer
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import weights_shard
from weightlaws.training.engine import Evaluation, Networks, TrainingError

_BY_EPOCH = ("accuracy", "dead_output", "finite")
_MOMENTS = ("weights", "first_moment", "second_moment")


@dataclass
class Progress:
    """The record of a shard's training, filled up to an epoch.

    Attributes
    ----------
    spec
        What fixes the numbers of the shard when it is whole.
    epoch
        Epochs that are recorded; -1 before the initialisation is.
    weights
        By layer: the kept snapshots, float32 (member, snapshot, out, in).
    loss
        Mean of each epoch's batch losses, float64 (member, epoch).
    accuracy
        Share of the test images classified rightly, from epoch 0 on, float64 (member, 1 + epoch).
    dead_output
        See `engine.Evaluation`, from epoch 0 on, bool (member, 1 + epoch).
    finite
        Whether losses and weights have been finite so far, bool (member, 1 + epoch).
    trained_by
        The engines that trained it, each with the first and last of its epochs.
    """

    spec: Spec
    epoch: int
    weights: dict[str, npt.NDArray[np.float32]]
    loss: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    dead_output: npt.NDArray[np.bool_]
    finite: npt.NDArray[np.bool_]
    trained_by: list[dict[str, Any]]

    def keeps(self, epoch: int) -> bool:
        """Whether some layer's weights after this epoch are kept."""
        return any(epoch in epochs for epochs in self.spec["snapshots"].values())

    def start(self, evaluation: Evaluation) -> None:
        """Note how the networks do before training."""
        self._note(evaluation, evaluation.finite)

    def record(
        self, loss: npt.NDArray[np.float64], evaluation: Evaluation, engine: dict[str, Any]
    ) -> None:
        """Note how the next epoch went, and who trained it.

        Raises
        ------
        TrainingError
            If no member's loss and weights are finite any more. One that diverged harms no other.
        """
        finite = evaluation.finite & np.isfinite(loss) & self.finite[:, self.epoch]
        self.loss[:, self.epoch] = loss
        self._note(evaluation, finite)
        if self.trained_by and not unlike(self.trained_by[-1], engine):
            self.trained_by[-1]["epochs"][1] = self.epoch
        else:
            self.trained_by.append({**engine, "epochs": [self.epoch, self.epoch]})
        if not finite.any():
            first, last = self.spec["members"]
            raise TrainingError(
                f"members {first} to {last} have all diverged: found losses or weights that are "
                f"not finite after epoch {self.epoch}, expected finite ones; lower learning_rate"
            )

    def _note(self, evaluation: Evaluation, finite: npt.NDArray[np.bool_]) -> None:
        self.epoch += 1
        self.accuracy[:, self.epoch] = evaluation.accuracy
        self.dead_output[:, self.epoch] = evaluation.dead_output
        self.finite[:, self.epoch] = finite

    def keep(self, networks: Networks) -> None:
        """Keep the weights after the epoch that was recorded last, of the layers that should be."""
        for layer, weights in networks.layers().items():
            epochs = self.spec["snapshots"][layer]
            if self.epoch in epochs:
                self.weights[layer][:, epochs.index(self.epoch)] = weights

    def spec_so_far(self) -> Spec:
        """What fixes the numbers that are recorded."""
        kept = {
            layer: [epoch for epoch in epochs if epoch <= self.epoch]
            for layer, epochs in self.spec["snapshots"].items()
        }
        return {**self.spec, "epochs": self.epoch, "snapshots": kept}

    def write(self, writer: Writer) -> None:
        """Store what is recorded."""
        for layer, epochs in self.spec_so_far()["snapshots"].items():
            writer.add(f"weights/{layer}", self.weights[layer][:, : len(epochs)])
            writer.add(f"epochs/{layer}", np.array(epochs, dtype=np.int64))
        writer.add("loss", self.loss[:, : self.epoch])
        for name in _BY_EPOCH:
            writer.add(name, getattr(self, name)[:, : self.epoch + 1])


def unlike(engine: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether engines differ, whatever epochs they trained."""
    return {**engine, "epochs": None} != {**other, "epochs": None}


def begin(spec: Spec) -> Progress:
    """Return the record of a training that has not begun, of a ``specs.training_spec``."""
    first, last = spec["members"]
    n_members, n_epochs = last - first + 1, spec["epochs"]
    return Progress(
        spec=spec,
        epoch=-1,
        weights={
            layer: np.empty((n_members, len(epochs), *spec["shapes"][layer]), np.float32)
            for layer, epochs in spec["snapshots"].items()
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
    return all(
        epoch in found["snapshots"][layer]
        for layer, epochs in wanted["snapshots"].items()
        for epoch in epochs
        if epoch <= found["epochs"]
    )


def resume(reader: Reader, spec: Spec) -> Progress:
    """Read what a shard or a state that `can_become` another has of it.

    Raises
    ------
    StorageError
        If the file is damaged.
    """
    found, shard, progress = reader.spec, weights_shard(reader, layers=()), begin(spec)
    progress.epoch = min(found["epochs"], spec["epochs"])
    progress.loss[:, : progress.epoch] = shard.loss[:, : progress.epoch]
    for name in _BY_EPOCH:
        getattr(progress, name)[:, : progress.epoch + 1] = getattr(shard, name)[
            :, : progress.epoch + 1
        ]
    for layer, wanted in spec["snapshots"].items():
        kept = found["snapshots"][layer]
        shape = (len(shard.members), len(kept), *spec["shapes"][layer])
        for place, epoch in enumerate(epoch for epoch in wanted if epoch <= progress.epoch):
            progress.weights[layer][:, place] = reader.read(
                f"weights/{layer}",
                np.float32,
                shape,
                finite=shard.finite[:, -1],
                part=(slice(None), kept.index(epoch)),
            )
    progress.trained_by = [
        {**engine, "epochs": [engine["epochs"][0], min(engine["epochs"][1], progress.epoch)]}
        for engine in reader.provenance.get("trained_by", [])
        if engine["epochs"][0] <= progress.epoch
    ]
    return progress


def write_networks(writer: Writer, networks: Networks) -> None:
    """Store what training needs to go on: weights and moments."""
    for name in _MOMENTS:
        writer.add(f"networks/{name}", getattr(networks, name))
    writer.add("networks/steps", [networks.steps])


def read_networks(reader: Reader) -> Networks:
    """Read what training needs to go on.

    Raises
    ------
    StorageError
        If the file is damaged.
    """
    shapes = {layer: tuple(shape) for layer, shape in reader.spec["shapes"].items()}
    first, last = reader.spec["members"]
    shape = (last - first + 1, sum(fan_out * fan_in for fan_out, fan_in in shapes.values()))
    # Networks that diverged go on too, as they would have without the stop.
    weights, first_moment, second_moment = (
        reader.read(f"networks/{name}", np.float32, shape, finite=False) for name in _MOMENTS
    )
    (steps,) = reader.read("networks/steps", np.int64, (1,))
    return Networks(shapes, weights, first_moment, second_moment, int(steps))
