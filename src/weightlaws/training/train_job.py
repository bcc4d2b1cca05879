"""One training job: a shard's members, from the stored data set to the stored weights.

A job goes on from an earlier one where it can: from its shard, if this has all epochs, else from
its state. From time to time, and at its end, a job writes its own state.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from weightlaws.arrays import Splits
from weightlaws.errors import WeightLawsError
from weightlaws.storage import hdf5
from weightlaws.storage.disk_file import writing
from weightlaws.storage.shard_specs import Spec
from weightlaws.training.engine import Engine, Networks
from weightlaws.training.progress_line import progress_line
from weightlaws.training.record import (
    TrainingRecord,
    begin,
    can_become,
    read_networks,
    resume,
    unlike,
    write_networks,
)
from weightlaws.training.setup import MakeEngine, choose_engine, initial_networks, member_shuffles
from weightlaws.training.stored_images import read_splits
from weightlaws.training.training_spec import TrainingSpec

log = logging.getLogger(__name__)

# At most this share of the time goes into writing states.
_SHARE_OF_WRITING = 0.05


def train_shard(
    path: Path,
    stored: Spec,
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
    stored
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
    WeightLawsError
        If there is no such device, every member diverges, training was told to stop, or the shard
        or the state cannot be written; what was there before stays.
    StorageError
        If the stored data set is not the spec's.
    """
    spec, make_engine = TrainingSpec.parse(stored), choose_engine(engine, device, threads)
    with _alone(state, go_on):
        record, networks = _so_far(path, state, spec)
        if record.epoch < spec.weights.epochs:
            splits = read_splits(dataset, spec.dataset)
            trainer = _start(make_engine, splits, record, networks)
            del networks  # the engine has copies of its own
            _train(trainer, record, state, go_on, seconds_between_states)
        provenance = {"threads": threads, "trained_by": record.trained_by}
        with hdf5.create(path, "weights", stored, provenance) as writer:
            record.write(writer)
        if not keep_state:
            state.unlink(missing_ok=True)
    for member in np.flatnonzero(~record.finite[:, -1]):
        log.warning(
            "member %d diverged: it is listed, and left out of every law",
            spec.members[member],
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


def _so_far(path: Path, state: Path, spec: TrainingSpec) -> tuple[TrainingRecord, Networks | None]:
    """Return the present record of the shard, and the networks to go on with if it is not whole."""
    for file, kind in ((path, "weights"), (state, "state")):
        if not file.exists():
            continue
        try:
            with hdf5.opened(file, kind) as reader:
                whole = reader.spec.get("epochs", 0) >= spec.weights.epochs
                if can_become(reader.spec, spec.stored) and (whole or kind == "state"):
                    record = resume(reader, spec)
                    log.info("%s has epochs 0 to %d", file, record.epoch)
                    return record, None if whole else read_networks(reader)
            log.info("%s cannot be gone on from: its spec is another", file)
        except hdf5.StorageError as error:
            log.warning("not used: %s", error)
    return begin(spec), None


def _start(
    make_engine: MakeEngine,
    splits: Splits,
    record: TrainingRecord,
    networks: Networks | None,
) -> Engine:
    """Make the engine with the networks as they were left, or else as they are drawn."""
    spec = record.spec
    images, done = len(splits["train_images"]), max(0, record.epoch)
    start = networks
    if start is None or spec.recipe.output_scale is not None:
        # Outputs are centred at the draw, also where the networks have gone on from it.
        start = initial_networks(
            spec.weights.shapes,
            spec.members,
            seed=spec.seed,
            initialisation=spec.initialisation,
            biases=spec.recipe.biases,
        )
    shuffles = member_shuffles(spec.members, seed=spec.seed, images=images, epochs=done)
    engine = make_engine(splits, networks or start, shuffles, spec.recipe, start)
    log.info("engine %s", engine.description)
    if record.trained_by and unlike(record.trained_by[-1], engine.description):
        log.warning(
            "epochs up to %d were trained by %s: from here on sums may be rounded otherwise",
            done,
            record.trained_by[-1],
        )
    return engine


def _train(
    engine: Engine,
    record: TrainingRecord,
    state: Path,
    go_on: Callable[[], bool],
    seconds_between_states: float,
) -> None:
    """Train to the last epoch, recording, and leaving states on the way and at the end."""
    if record.epoch < 0:
        record.start(engine.assess())
        record.keep(engine.networks())
    epochs, done, description = record.spec.weights.epochs, record.epoch, engine.description
    start = stored = time.monotonic()
    pause = seconds_between_states
    for epoch in range(done + 1, epochs + 1):
        loss = engine.train_epoch()
        record.record(loss, engine.assess(), description)
        log.info("%s", progress_line(record, epoch - done, time.monotonic() - start))
        if record.keeps(epoch):
            record.keep(engine.networks())
        stop = not go_on()
        if stop or epoch == epochs or time.monotonic() - stored > pause:
            before = time.monotonic()
            _store_state(state, record, engine.networks())
            stored = time.monotonic()
            pause = max(seconds_between_states, (stored - before) / _SHARE_OF_WRITING)
        _stop_unless(not stop)


def _stop_unless(should_continue: bool) -> None:
    if not should_continue:
        raise WeightLawsError(
            "training",
            "a request to stop, as the run that started this job has ended, or the job was "
            "cancelled or has reached its time limit",
            "time to train to the last epoch",
            "run snakemake again, and it goes on from its state",
        )


def _store_state(path: Path, record: TrainingRecord, networks: Networks) -> None:
    provenance = {"trained_by": record.trained_by}
    with hdf5.create(path, "state", record.spec_so_far(), provenance) as writer:
        record.write(writer)
        write_networks(writer, networks)
