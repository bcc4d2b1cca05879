"""A page of text to follow a run by, made from the files in the folder of its results.

``weightlaws progress results/default`` prints it.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from math import floor
from pathlib import Path
from statistics import mean

from tabulate import tabulate

from weightlaws.monitoring.durations import readable_duration
from weightlaws.monitoring.expected_files import Files, done_files, expected_files, shard_file
from weightlaws.monitoring.training_status import (
    TrainingStatus,
    training_log,
    training_statuses,
)
from weightlaws.planning.resources import seconds_per_network_epoch
from weightlaws.study.conditions import Condition
from weightlaws.study.study import Study, recorded_study

# Characters of a line.
_WIDTH = 99
# Conditions that are listed one by one, and jobs that came to an early end.
_CONDITIONS, _TROUBLES = 14, 3

Cost = Callable[[Condition], float]


def seconds_left(shards: Iterable[TrainingStatus], cost: Cost) -> float | None:
    """Estimate how long the training will yet take, by the pace of the jobs that run.

    The running jobs together are taken to go on at their pace until all network epochs are trained,
    each epoch at its cost. The estimate is at least the time that the slowest job needs for itself.

    Parameters
    ----------
    shards
        All shards of a study.
    cost
        Time to train one network of a condition for an epoch, in any unit.

    Returns
    -------
    float or None
        Seconds; None if no running job has trained an epoch yet.
    """
    work, running, longest, speeds = 0.0, 0, 0.0, []
    for shard in shards:
        work += shard.epochs_left * cost(shard.condition)
        running += shard.job.running
        if shard.job.pace:
            speeds.append(shard.job.pace.rate * cost(shard.condition))
            longest = max(longest, shard.epochs_left / shard.job.pace.rate)
    # Jobs that have just begun are taken to be as fast as the others.
    return max(longest, work / (running * mean(speeds))) if speeds else None


def page(folder: Path, study: Study, now: float, cost: Cost) -> tuple[str, bool]:
    """Say how far a run is.

    Parameters
    ----------
    folder
        The folder of the study's results.
    now
        The time in seconds since 1970, as files have it.
    cost
        See `seconds_left`.

    Returns
    -------
    str
        At most 40 lines of at most 99 characters; paths of logs may be longer.
    bool
        Whether all is done.
    """
    shards, stages = training_statuses(folder, study, now), expected_files(study)
    stored = {shard_file(s.condition.name, s.shard.name) for s in shards if s.stored}
    # Networks that were trained elsewhere have no epochs.
    trained = study.trained
    others = {file for file in stages["weights"] if file.split("/")[1] not in trained}
    done = done_files(folder, stages, stored | others)
    rows = [
        (stage, _of(len(done & files.keys()), len(files)))
        for stage, files in stages.items()
        if files
    ]
    blocks = [
        f"{folder} at {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))}\n"
        + _headline(shards, cost),
        _conditions(shards, stages, done),
        _table([("folder", "files done"), *rows]),
        _troubles(folder, shards),
    ]
    return "\n\n".join(filter(None, blocks)), all(files.keys() <= done for files in stages.values())


def _headline(shards: list[TrainingStatus], cost: Cost) -> str:
    if not shards:
        return "no network is trained here"
    percent = floor(100 * sum(s.trained for s in shards) / sum(s.members for s in shards))
    text = f"{_trained(shards)} networks trained ({percent} %)"
    if percent == 100:
        return text
    if not any(shard.job.running for shard in shards):
        return f"{text}\nno training job is running"
    left = seconds_left(shards, cost)
    if left is None:
        return f"{text}\nno running job has trained an epoch yet"
    pace = f"{_rate(shards):,.1f} network epochs/s"
    return f"{text}\n{pace}, about {readable_duration(left)} of training left"


def _trained(shards: Sequence[TrainingStatus]) -> str:
    """Say how many networks are trained, such as ``3,412.6 of 20,000``, rounded down."""
    # An incomplete number shall not look complete.
    number = f"{floor(10 * sum(shard.trained for shard in shards)) / 10:,.1f}"
    return f"{number.removesuffix('.0')} of {sum(shard.members for shard in shards):,}"


def _of(some: int, all_of_them: int) -> str:
    return f"{some:,} of {all_of_them:,}"


def _conditions(shards: list[TrainingStatus], stages: dict[str, Files], done: Set[str]) -> str:
    """Table of conditions and single networks: first those at work; the rest is summed up."""
    trainings, files = defaultdict(list), defaultdict(list)
    for shard in shards:
        trainings[shard.condition.name].append(shard)
    for of_stage in stages.values():
        for file, rests_on in of_stage.items():
            owners = {path.split("/")[1] for path in rests_on}
            if len(owners) == 1:
                files[owners.pop()].append(file)

    def row(label: str, names: Sequence[str]) -> tuple[str, ...]:
        mine = [shard for name in names for shard in trainings[name]]
        made = [file for name in names for file in files[name]]
        jobs = sum(shard.job.running for shard in mine)
        return (
            label,
            _trained(mine) if mine else "",
            str(jobs or ""),
            f"{_rate(mine):,.1f}" if _rate(mine) else "",
            _of(len(done & set(made)), len(made)),
        )

    def at_work(name: str) -> tuple[bool, bool]:
        mine = trainings[name]
        return not any(shard.job.running for shard in mine), not any(shard.epoch for shard in mine)

    whole = [name for name in files if done >= set(files[name])]
    others = sorted((name for name in files if name not in whole), key=at_work)
    rows: list[tuple[str, ...]]
    rows = [("condition", "networks trained", "jobs", "network epochs/s", "files done")]
    rows += [row(name, [name]) for name in others[:_CONDITIONS]]
    for label, names in (("more", others[_CONDITIONS:]), ("with everything done", whole)):
        if names:
            rows.append(row(f"{len(names)} {label}", names))
    return _table(rows)


def _troubles(folder: Path, shards: list[TrainingStatus]) -> str:
    """Logs of the jobs that came to an early end, each with its last message."""
    found = [shard for shard in shards if shard.job.trouble]
    lines = []
    for shard in found[:_TROUBLES]:
        log = folder / training_log(shard.condition, shard.shard)
        lines += [str(log), _shortened(f"  {shard.job.trouble}", _WIDTH)]
    more = len(found) - _TROUBLES
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _rate(shards: Iterable[TrainingStatus]) -> float:
    """Network epochs a second of the running jobs together."""
    return sum(shard.job.pace.rate for shard in shards if shard.job.pace)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Align columns, the first to the left, shortened if need be, the others to the right."""
    others = sum(2 + max(map(len, column)) for column in list(zip(*rows, strict=True))[1:])
    short = [[_shortened(row[0], _WIDTH - others), *row[1:]] for row in rows]
    align = ["left", *["right"] * (len(rows[0]) - 1)]
    text = tabulate(short, tablefmt="plain", colalign=align, disable_numparse=True)
    return "\n".join(map(str.rstrip, text.splitlines()))


def _shortened(text: str, length: int) -> str:
    """Leave out the middle of a text that is too long: names of conditions differ at their ends."""
    cut = (length - 3) // 2
    return text if len(text) <= length else f"{text[: length - 3 - cut]}...{text[-cut:]}"


def follow(folder: Path, every: float | None = None) -> None:
    """Print the page of a study's folder once, or every so many seconds until all is done.

    Raises
    ------
    WeightLawsError
        If there is no study's record in the folder.
    """
    while True:
        study = recorded_study(folder)
        cost = partial(seconds_per_network_epoch, study)
        text, whole = page(folder, study, time.time(), cost)
        clear = "\033[H\033[2J" if every and sys.stdout.isatty() else ""
        print(f"{clear}{text}", flush=True)
        if whole or not every:
            return
        time.sleep(every)
