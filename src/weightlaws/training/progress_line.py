"""The line of a job's log by which its training can be followed: how it is written, and read."""

import re
from dataclasses import dataclass

from weightlaws.training.record import Progress

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
        Network epochs a second: epochs that all the job's networks together trained in a second.
    """

    epoch: int
    epochs: int
    rate: float


def pace_line(progress: Progress, trained: int, seconds: float) -> str:
    """Say how the last epoch went, and the pace of those that a job trained in some seconds."""
    first, last = progress.spec["members"]
    epoch, epochs = progress.epoch, progress.spec["epochs"]
    return (
        f"members {first}-{last}  epoch {epoch} of {epochs}  "
        f"mean loss {progress.loss[:, epoch - 1].mean():.4f}  "
        f"mean accuracy {progress.accuracy[:, epoch].mean():.4f}  "
        f"{(last - first + 1) * trained / seconds:.3g} network epochs/s  "
        f"{seconds / trained * (epochs - epoch):.0f} s left"
    )


def last_pace(log: str) -> Pace | None:
    """Read the last such line of a log, whatever else stands in it; None if there is none."""
    lines = list(_LINE.finditer(log))
    if not lines:
        return None
    epoch, epochs, rate = lines[-1].group("epoch", "epochs", "rate")
    return Pace(int(epoch), int(epochs), float(rate))
