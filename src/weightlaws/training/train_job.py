"""One training job: a shard's members, from the stored data set to the stored weights.

A job first looks what it can go on from: the shard that an earlier one wrote, if it is as long or
longer, else the state that an earlier one left. From time to time, and at its end, it writes its
own state.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from weightlaws.storage import hdf5
from weightlaws.storage.disk_file import writing
from weightlaws.storage.shard_specs import Spec
from weightlaws.training.engine import Engine, Networks, Recipe, TrainingError
from weightlaws.training.progress_line import pace_line
from weightlaws.training.record import (
    Progress,
    begin,
    can_become,
    read_networks,
    resume,
    unlike,
    write_networks,
)
from weightlaws.training.setup import MakeEngine, choose_engine, initial_networks, member_shuffles

log = logging.getLogger(__name__)

# At most this share of the time goes into writing states.
_SHARE_OF_WRITING = 0.05


def train_shard(
    path: Path,
    spec: Spec,
    dataset: Path,
    state: Path,
    *,
    engine: str,
    device: str,
    threads: int,
    keep_state: bool,
    go_on: Callable[[], bool] = lambda: True,
    seconds_between_states: float = 60.0,
) -> None:
    """Train the members that a spec names and store their kept snapshots as a weights shard.

    Parameters
    ----------
    path
        The shard to write. If there is one, as an earlier job left it, it is used where it can be.
    spec
        A ``specs.training_spec`` of one shard.
    dataset
        The stored data set.
    state
        Where training goes on from, if it can, and what it leaves to go on from.
    engine, device, threads
        See ``training.choose_engine``.
    keep_state
        Whether the state stays when the shard is written.
    go_on
        Asked after each epoch; training stops where it says no.
    seconds_between_states
        At the least.

    Raises
    ------
    TrainingError
        If there is no such device, every member diverges, or training was told to stop.
    StorageError
        If the stored data set is not the spec's.
    WriteError
        If the shard or the state cannot be written; what was there before stays.
    """
    make_engine = choose_engine(engine, device, threads)
    with _alone(state, go_on):
        progress, networks = _so_far(path, state, spec)
        if progress.epoch < spec["epochs"]:
            splits = read_splits(dataset, spec["dataset"])
            trainer = _start(make_engine, splits, progress, networks)
            del networks  # the engine has copies of its own
            _train(trainer, progress, state, go_on, seconds_between_states)
        provenance = {"threads": threads, "trained_by": progress.trained_by}
        with hdf5.create(path, "weights", spec, provenance) as writer:
            progress.write(writer)
        if not keep_state:
            state.unlink(missing_ok=True)
    for member in np.flatnonzero(~progress.finite[:, -1]):
        log.warning(
            "member %d diverged: it is listed, and left out of every law",
            spec["members"][0] + member,
        )


@contextmanager
def _alone(state: Path, go_on: Callable[[], bool]) -> Iterator[None]:
    """Wait until no other job trains these members: one that outlived its run may end soon."""
    lock = FileLock(state.with_suffix(".lock"))
    with writing(state):
        state.parent.mkdir(parents=True, exist_ok=True)
        Path(lock.lock_file).touch()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s: another job trains these members; waiting for its end", lock.lock_file)
        while not lock.is_locked:
            _stop_unless(go_on())
            with suppress(Timeout):
                lock.acquire(timeout=1)
    try:
        yield
    finally:
        lock.release()


def _so_far(path: Path, state: Path, spec: Spec) -> tuple[Progress, Networks | None]:
    """Return what there is of the shard, and the networks to go on with if that is not all."""
    for file, kind in ((path, "weights"), (state, "state")):
        if not file.exists():
            continue
        try:
            with hdf5.opened(file, kind) as reader:
                whole = reader.spec.get("epochs", 0) >= spec["epochs"]
                if can_become(reader.spec, spec) and (whole or kind == "state"):
                    progress = resume(reader, spec)
                    log.info("%s has epochs 0 to %d", file, progress.epoch)
                    return progress, None if whole else read_networks(reader)
            log.info("%s cannot be gone on from: its spec is another", file)
        except hdf5.StorageError as error:
            log.warning("not used: %s", error)
    return begin(spec), None


def _start(
    make_engine: MakeEngine,
    splits: dict[str, npt.NDArray[np.uint8]],
    progress: Progress,
    networks: Networks | None,
) -> Engine:
    """Make the engine with the networks as they were left, or else as they are drawn."""
    spec = progress.spec
    first, last = spec["members"]
    members, images = range(first, last + 1), len(splits["train_images"])
    done = max(0, progress.epoch)
    recipe = Recipe(
        spec["batch_size"], spec["learning_rate"], spec["weight_decay"], spec["output_scale"]
    )
    start = networks
    if start is None or recipe.output_scale is not None:
        # Outputs are centred at the draw, also where the networks have gone on from it.
        shapes = {layer: tuple(shape) for layer, shape in spec["shapes"].items()}
        start = initial_networks(
            shapes, members, seed=spec["seed"], initialisation=spec["initialisation"]["law"]
        )
    shuffles = member_shuffles(members, seed=spec["seed"], images=images, epochs=done)
    engine = make_engine(splits, networks or start, shuffles, recipe, start)
    log.info("engine %s", engine.description)
    if progress.trained_by and unlike(progress.trained_by[-1], engine.description):
        log.warning(
            "epochs up to %d were trained by %s: from here on sums may be rounded otherwise",
            done,
            progress.trained_by[-1],
        )
    return engine


def _train(
    engine: Engine,
    progress: Progress,
    state: Path,
    go_on: Callable[[], bool],
    seconds_between_states: float,
) -> None:
    """Train to the last epoch, recording, and leaving states on the way and at the end."""
    if progress.epoch < 0:
        progress.start(engine.evaluate())
        progress.keep(engine.networks())
    epochs, done, description = progress.spec["epochs"], progress.epoch, engine.description
    start = stored = time.monotonic()
    pause = seconds_between_states
    for epoch in range(done + 1, epochs + 1):
        loss = engine.train_epoch()
        progress.record(loss, engine.evaluate(), description)
        log.info("%s", pace_line(progress, epoch - done, time.monotonic() - start))
        if progress.keeps(epoch):
            progress.keep(engine.networks())
        stop = not go_on()
        if stop or epoch == epochs or time.monotonic() - stored > pause:
            before = time.monotonic()
            _store_state(state, progress, engine.networks())
            stored = time.monotonic()
            pause = max(seconds_between_states, (stored - before) / _SHARE_OF_WRITING)
        _stop_unless(not stop)


def _stop_unless(told_to_go_on: bool) -> None:
    if not told_to_go_on:
        raise TrainingError(
            "told to stop, as the run that started this job has ended, or the job was cancelled or "
            "has reached its time limit; run snakemake again, and it goes on from its state"
        )


def _store_state(path: Path, progress: Progress, networks: Networks) -> None:
    provenance = {"trained_by": progress.trained_by}
    with hdf5.create(path, "state", progress.spec_so_far(), provenance) as writer:
        progress.write(writer)
        write_networks(writer, networks)


def read_splits(path: Path, spec: Spec) -> dict[str, npt.NDArray[np.uint8]]:
    """Read a stored data set, checked against the expected spec.

    Raises
    ------
    StorageError
        If the file is not the data set of that spec.
    """
    with hdf5.opened(path, "dataset", spec) as reader:
        return {
            f"{split}_{name}": reader.read(f"{split}_{name}", np.uint8, shape)
            for split in ("train", "test")
            for name, shape in (("images", (None, None, None, None)), ("labels", (None,)))
        }
