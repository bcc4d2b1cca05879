"""One job's request: its memory and its time, with what is asked for on top of what is expected."""

from dataclasses import dataclass
from math import ceil

from weightlaws.study.conditions import Ensemble, Shard
from weightlaws.study.study import Study

#: How much longer than expected a job may take: nodes of a cluster differ.
SAFETY = 3
#: Minutes to start Snakemake, and to import and compile what a job uses.
START = 5
#: MB of the two Snakemakes that stand above a job of a cluster, measured.
SNAKEMAKE = 300
#: MB of the interpreter and libraries, measured, by the heaviest that a job imports.
NUMPY, PANDAS, STATS, SCIPY, TORCH = 70, 115, 130, 165, 300
# Share on top for what allocators hold.
_MARGIN = 0.1


@dataclass(frozen=True)
class Request:
    """What a job takes.

    Attributes
    ----------
    megabytes
        Of its own process, at the peak.
    seconds
        Expected; of training with its threads, else of one core.
    """

    megabytes: float
    seconds: float

    @property
    def mem_mb(self) -> int:
        """What to ask for, Snakemake included."""
        return ceil(SNAKEMAKE + self.megabytes)

    @property
    def minutes(self) -> int:
        """What to ask for: `SAFETY` times what is expected, and `START`."""
        return ceil(START + SAFETY * self.seconds / 60)


def request(libraries: float, of_arrays: float, seconds: float) -> Request:
    """Make a request of MB of libraries, bytes of arrays, and seconds."""
    return Request(libraries + (1 + _MARGIN) * of_arrays / 1e6, seconds)


def members(shard: Shard) -> int:
    """Return how many members a shard has."""
    return shard.last - shard.first + 1


def tested(study: Study, condition: Ensemble) -> dict[str, int]:
    """Return the number of tested epochs whose weights are kept, by layer, where there are any."""
    epochs = {*study.tested_epochs(condition)}
    counts = {
        layer: len(epochs.intersection(kept))
        for layer, kept in study.layer_snapshots(condition).items()
    }
    return {layer: count for layer, count in counts.items() if count}
