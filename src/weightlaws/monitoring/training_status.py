"""How far the training of each shard is, found from the files in the folder of the results.

Any machine that sees the folder can tell. The files are the shards, the states that jobs leave
about once a minute, and the logs of jobs.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from weightlaws.monitoring.durations import readable_duration
from weightlaws.planning.specs import UNKNOWN_CODE, training_spec, without_code
from weightlaws.storage.hdf5 import StorageError, opened
from weightlaws.storage.shard_specs import Spec
from weightlaws.study.conditions import Condition, Shard
from weightlaws.study.layout import PATHS, log_file
from weightlaws.study.study import Study
from weightlaws.training.progress_line import Pace, last_pace
from weightlaws.training.record import can_become

# Bytes that are read at the end of a log: more than the longest traceback.
_TAIL = 2**16
_END = re.compile(r"^[\d-]{10} [\d:]{8},\d{3}  (done|the job failed)$", re.MULTILINE)
# A job counts as running until its log has been silent for this many seconds and this many of its
# own epochs. The first epoch is taken to last ten minutes, as its pace is not known yet.
_SILENCE, _EPOCHS_OF_SILENCE, _FIRST_EPOCH = 300.0, 3, 600.0


@dataclass(frozen=True)
class TrainingJob:
    """The job that trains a shard in the present run.

    Attributes
    ----------
    running
        Whether it trains now.
    pace
        How far and how fast it is, once it has trained an epoch.
    trouble
        Why it came to an early end, if it did.
    """

    running: bool = False
    pace: Pace | None = None
    trouble: str = ""


@dataclass(frozen=True)
class TrainingStatus:
    """How far the training of a shard is.

    Attributes
    ----------
    condition, shard
        The networks that are trained.
    epochs
        Epochs that the study asks for.
    epoch
        The last trained epoch. Where no job runs, the next one goes on from there.
    stored
        Whether the shard stands there as the study asks for it.
    job
        The shard's job in the present run.
    """

    condition: Condition
    shard: Shard
    epochs: int
    epoch: int
    stored: bool = False
    job: TrainingJob = TrainingJob()

    @property
    def members(self) -> int:
        """Number of networks in the shard."""
        return len(self.shard)

    @property
    def trained(self) -> float:
        """The trained epochs in networks: half the epochs of two networks count as one."""
        return self.members * self.epoch / self.epochs

    @property
    def epochs_left(self) -> int:
        """Network epochs that are still to be trained."""
        return self.members * (self.epochs - self.epoch)


def training_statuses(folder: Path, study: Study, now: float) -> list[TrainingStatus]:
    """Return how far the training of each shard is, by condition and members.

    Parameters
    ----------
    folder
        The folder of the study's results.
    now
        The time in seconds since 1970, as files have it.

    Raises
    ------
    FileNotFoundError
        If the folder has no study.yaml.
    """
    # A run begins by writing the record: older logs are of an earlier run.
    began = (folder / PATHS["study"]).stat().st_mtime
    return [
        _status(folder, study, condition, shard, began, now)
        for condition in study.trained.values()
        for shard in study.shards(condition)
    ]


def training_log(condition: Condition, shard: Shard) -> str:
    """Return the path of a training job's log, from the folder of the study's results."""
    return log_file("train", condition.name, shard.name)


def _status(
    folder: Path, study: Study, condition: Condition, shard: Shard, began: float, now: float
) -> TrainingStatus:
    # Shards of any code count.
    wanted = without_code(training_spec(study, condition, UNKNOWN_CODE, shard))
    place = {"condition": condition.name, "shard": shard.name}
    weights = _spec(folder / PATHS["weights"].format(**place), "weights")
    if weights == wanted:
        return TrainingStatus(condition, shard, study.epochs, study.epochs, stored=True)
    job = _job(folder / training_log(condition, shard), len(shard), began, now)
    if job.pace:
        epoch = job.pace.epoch
    elif weights and can_become(weights, wanted) and weights["epochs"] >= study.epochs:
        epoch = study.epochs  # the job only cuts it
    else:
        state = _spec(folder / PATHS["state"].format(**place), "state")
        epoch = state["epochs"] if state and can_become(state, wanted) else 0
    return TrainingStatus(condition, shard, study.epochs, min(epoch, study.epochs), job=job)


def _job(log: Path, members: int, began: float, now: float) -> TrainingJob:
    """Read from a job's log how the job has fared since the run began."""
    if not log.is_file() or (written := log.stat().st_mtime) < began:
        return TrainingJob()
    text = _tail(log)
    if end := _END.search(text):
        last = text.rstrip().splitlines()[-1]
        return TrainingJob(trouble="" if end[1] == "done" else f"failed: {last}")
    pace, silence = last_pace(text), now - written
    epoch = members / pace.rate if pace else _FIRST_EPOCH
    if silence > max(_SILENCE, _EPOCHS_OF_SILENCE * epoch):
        return TrainingJob(trouble=f"silent for {readable_duration(silence)}: killed, or stuck")
    return TrainingJob(running=True, pace=pace)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().decode(errors="replace")


def _spec(path: Path, kind: str) -> Spec | None:
    """Read a file's spec without digests of code, if there is such a file."""
    try:
        return _spec_of(path, kind, path.stat().st_mtime_ns)
    except (FileNotFoundError, StorageError):  # a job makes such a file anew
        return None


@cache  # a reader who watches asks again and again
def _spec_of(path: Path, kind: str, _written: int) -> Spec:
    with opened(path, kind) as reader:
        return without_code(reader.spec)
