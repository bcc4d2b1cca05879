"""How far the training of each shard of a study is, from what stands in the folder of its results.

Nothing but files is asked, so that any machine that sees the folder can tell: the shards, the
states that jobs leave about once a minute, and the jobs' logs.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from weightlaws.monitoring.durations import readable_duration
from weightlaws.planning.specs import training_spec, without_code
from weightlaws.storage.hdf5 import StorageError, opened
from weightlaws.storage.shard_specs import Spec
from weightlaws.study.conditions import Condition, Shard
from weightlaws.study.study import Study
from weightlaws.training.progress_line import Pace, last_pace
from weightlaws.training.record import can_become

# Digests of code are not to be had here: a shard that other code trained counts as any.
_NO_CODE = {"dataset": "", "train": ""}
# Bytes at the end of a log that are read: more than the longest traceback.
_TAIL = 2**16
_END = re.compile(r"^[\d-]{10} [\d:]{8},\d{3}  (done|the job failed)$", re.MULTILINE)
# A job counts as running until its log has been silent for so many seconds and so many of its own
# epochs. What the first epoch takes, of which nothing is known, is put at ten minutes.
_SILENCE, _EPOCHS_OF_SILENCE, _FIRST_EPOCH = 300.0, 3, 600.0


@dataclass(frozen=True)
class Job:
    """What a run has to say of the job that trains a shard, if it has begun.

    Attributes
    ----------
    running
        Whether it trains now.
    pace
        How far and how fast it is, once it has trained an epoch.
    trouble
        How it came to an early end, if it did.
    """

    running: bool = False
    pace: Pace | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Standing:
    """How far the training of a shard is.

    Attributes
    ----------
    condition, shard
        Which members it has.
    epochs
        How many the study asks for.
    epoch
        The last of these that is trained. Where no job runs it is what the next can go on from.
    stored
        Whether the shard stands there as the study asks for it.
    job
        That of this run.
    """

    condition: Condition
    shard: Shard
    epochs: int
    epoch: int
    stored: bool = False
    job: Job = Job()

    @property
    def members(self) -> int:
        """How many networks the shard has."""
        return self.shard.last - self.shard.first + 1

    @property
    def trained(self) -> float:
        """How many networks the trained epochs are worth."""
        return self.members * self.epoch / self.epochs

    @property
    def epochs_left(self) -> int:
        """Network epochs that are still to be trained."""
        return self.members * (self.epochs - self.epoch)


def standings(folder: Path, study: Study, now: float) -> list[Standing]:
    """Return how far the training of each shard is, by condition and members.

    Parameters
    ----------
    folder
        Of the study's results.
    now
        The time, as files have it: seconds since 1970.

    Raises
    ------
    FileNotFoundError
        If the folder has no study.yaml.
    """
    # A run begins by writing the record: logs that are older are of jobs of an earlier one.
    began = (folder / "study.yaml").stat().st_mtime
    return [
        _standing(folder, study, condition, shard, began, now)
        for condition in study.trained.values()
        for shard in study.shards(condition)
    ]


def log_file(condition: Condition, shard: Shard) -> str:
    """Return the path of a training job's log, from the folder of the study's results."""
    return f"logs/train/{condition.name}/{shard.name}.log"


def _standing(
    folder: Path, study: Study, condition: Condition, shard: Shard, began: float, now: float
) -> Standing:
    wanted = without_code(training_spec(study, condition, _NO_CODE, shard))
    file = f"{condition.name}/{shard.name}.h5"
    weights = _spec(folder / "weights" / file, "weights")
    if weights == wanted:
        return Standing(condition, shard, study.epochs, study.epochs, stored=True)
    job = _job(folder / log_file(condition, shard), shard.last - shard.first + 1, began, now)
    if job.pace:
        epoch = job.pace.epoch
    elif weights and can_become(weights, wanted) and weights["epochs"] >= study.epochs:
        epoch = study.epochs  # the job only cuts it
    else:
        state = _spec(folder / "state" / file, "state")
        epoch = state["epochs"] if state and can_become(state, wanted) else 0
    return Standing(condition, shard, study.epochs, min(epoch, study.epochs), job=job)


def _job(log: Path, members: int, began: float, now: float) -> Job:
    """Read from a job's log what has become of it since the run began."""
    if not log.is_file() or (written := log.stat().st_mtime) < began:
        return Job()
    text = _tail(log)
    if end := _END.search(text):
        last = text.rstrip().splitlines()[-1]
        return Job(trouble="" if end[1] == "done" else f"failed: {last}")
    pace, silence = last_pace(text), now - written
    epoch = members / pace.rate if pace else _FIRST_EPOCH
    if silence > max(_SILENCE, _EPOCHS_OF_SILENCE * epoch):
        return Job(trouble=f"silent for {readable_duration(silence)}: killed, or stuck")
    return Job(running=True, pace=pace)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().decode(errors="replace")


def _spec(path: Path, kind: str) -> Spec | None:
    """Read a file's spec without digests of code, if there is such a file."""
    try:
        return _spec_of(path, kind, path.stat().st_mtime_ns)
    except (FileNotFoundError, StorageError):  # a job makes anew what cannot be read
        return None


@cache  # who watches asks again and again
def _spec_of(path: Path, kind: str, _written: int) -> Spec:
    with opened(path, kind) as reader:
        return without_code(reader.spec)
