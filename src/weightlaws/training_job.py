"""One training job: a shard's members, from the stored data set to the stored weights."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from weightlaws import storage
from weightlaws.training import Snapshot, TrainingError, choose_device, train

log = logging.getLogger(__name__)


def train_shard(
    path: Path,
    spec: storage.Spec,
    dataset: Path,
    *,
    device: str,
    threads: int,
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Train the members that a spec names and store their kept snapshots as a weights shard.

    Parameters
    ----------
    path
        The shard to write.
    spec
        A ``specs.training_spec`` of one shard.
    dataset
        The stored data set.
    device
        ``auto``, ``cpu`` or ``cuda``.
    threads
        Threads of torch on the CPU.
    go_on
        Asked after each epoch; training stops where it says no.

    Raises
    ------
    TrainingError
        If there is no such device, every member diverges, or training was told to stop.
    StorageError
        If the stored data set is not the spec's.
    """
    torch.set_num_threads(threads)
    chosen = choose_device(device)
    first, last = spec["members"]
    members = range(first, last + 1)
    settings = ("seed", "initialisation", "weight_decay", "epochs", "batch_size", "learning_rate")
    snapshots = train(
        read_splits(dataset, spec["dataset"]),
        {layer: tuple(shape) for layer, shape in spec["shapes"].items()},
        members,
        **{key: spec[key] for key in settings},
        device=chosen,
    )
    log.info("device %s, %d threads, spec %s", chosen, threads, spec)
    provenance = {"device": str(chosen), "threads": threads}
    start = time.monotonic()
    with storage.create(path, "weights", spec, provenance) as writer:
        kept = {
            layer: writer.create(
                f"weights/{layer}",
                (len(members), len(epochs), *spec["shapes"][layer]),
                np.float32,
            )
            for layer, epochs in spec["snapshots"].items()
        }
        losses, accuracies = [], []
        for snapshot in snapshots:
            accuracies.append(snapshot.accuracy)
            if snapshot.epoch > 0:
                losses.append(snapshot.loss)
                _log_progress(snapshot, members, spec["epochs"], time.monotonic() - start)
            for layer, epochs in spec["snapshots"].items():
                if snapshot.epoch in epochs:
                    kept[layer][:, epochs.index(snapshot.epoch)] = snapshot.weights[layer]
            if not go_on():
                raise TrainingError("the run that started this job has ended, so it stops")
        for layer, epochs in spec["snapshots"].items():
            writer.add(f"epochs/{layer}", np.array(epochs, dtype=np.int64))
        writer.add("loss", np.stack(losses, axis=1))
        writer.add("accuracy", np.stack(accuracies, axis=1))
        writer.add("dead_output", snapshot.dead_output)
        writer.add("finite", snapshot.finite)
        for member in np.flatnonzero(~snapshot.finite):
            log.warning(
                "member %d diverged: it is listed, and left out of every law", first + member
            )


def read_splits(path: Path, spec: storage.Spec) -> dict[str, npt.NDArray[np.uint8]]:
    """Read a stored data set, checked against the expected spec.

    Raises
    ------
    StorageError
        If the file is not the data set of that spec.
    """
    with storage.opened(path, "dataset", spec) as reader:
        return {
            f"{split}_{name}": reader.read(f"{split}_{name}", np.uint8, shape)
            for split in ("train", "test")
            for name, shape in (("images", (None, None, None, None)), ("labels", (None,)))
        }


def _log_progress(snapshot: Snapshot, members: range, epochs: int, seconds: float) -> None:
    left = seconds / snapshot.epoch * (epochs - snapshot.epoch)
    log.info(
        "members %d-%d  epoch %d of %d  mean loss %.4f  mean accuracy %.4f  "
        "%.3g network epochs/s  %.0f s left",
        members[0],
        members[-1],
        snapshot.epoch,
        epochs,
        snapshot.loss.mean(),
        snapshot.accuracy.mean(),
        len(members) * snapshot.epoch / seconds,
        left,
    )
