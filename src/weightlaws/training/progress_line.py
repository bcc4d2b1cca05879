"""The line in a job's log after each epoch of training: how it is written, and read."""

import re
from dataclasses import dataclass

from weightlaws.training.record import TrainingRecord

_LINE = re.compile(
    r"members \d+-\d+  epoch (?P<epoch>\d+) of (?P<epochs>\d+)  mean loss \S+  "
    r"mean accuracy \S+  (?P<rate>\S+) network epochs/s  \d+ s left$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Pace:
    """How far a job's training is, and how fast it goes.

    Attributes
    ----------
    epoch, epochs
        The last epoch that was trained, and how many there are to be.
    rate
        Network epochs a second, summed over the networks of the job.
    """

    epoch: int
    epochs: int
    rate: float


def progress_line(record: TrainingRecord, trained: int, seconds: float) -> str:
    """Describe the last epoch, and the pace of the epochs that a job trained in some seconds."""
    members = record.spec.members
    epoch, epochs = record.epoch, record.spec.weights.epochs
    return (
        f"members {members[0]}-{members[-1]}  epoch {epoch} of {epochs}  "
        f"mean loss {record.loss[:, epoch - 1].mean():.4f}  "
        f"mean accuracy {record.accuracy[:, epoch].mean():.4f}  "
        f"{len(members) * trained / seconds:.3g} network epochs/s  "
        f"{seconds / trained * (epochs - epoch):.0f} s left"
    )


def last_pace(log: str) -> Pace | None:
    """Read the last such line of a log, whatever else stands in it; None if there is none."""
    lines = list(_LINE.finditer(log))
    if not lines:
        return None
    epoch, epochs, rate = lines[-1].group("epoch", "epochs", "rate")
    return Pace(int(epoch), int(epochs), float(rate))
