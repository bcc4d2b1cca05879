"""A page of text to follow a run by.

``python -m weightlaws.monitoring.progress_page results/default`` prints it.

It counts networks and files, from what stands in the folder of the results alone.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from math import floor
from pathlib import Path
from statistics import mean

from weightlaws.monitoring.durations import readable_duration
from weightlaws.monitoring.expected_files import Files, done_files, stage_files
from weightlaws.monitoring.training_status import Standing, log_file, standings
from weightlaws.planning.resources.training import seconds_per_network_epoch
from weightlaws.results import ResultsError, load
from weightlaws.study.conditions import Condition
from weightlaws.study.messages import StudyError
from weightlaws.study.study import Study

# Characters of a line.
_WIDTH = 99
# Conditions that are listed one by one, and jobs that came to an early end.
_CONDITIONS, _TROUBLES = 14, 3

Cost = Callable[[Condition], float]


def seconds_left(shards: Iterable[Standing], cost: Cost) -> float | None:
    """Estimate how long the training will yet take, by the pace of the jobs that run.

    All the work that is left, network epochs times their cost, is taken to be done as fast as the
    running jobs together do theirs; but each of these must come to its own end too.

    Parameters
    ----------
    shards
        All of a study.
    cost
        Time that an epoch of one network of a condition takes, in any unit.

    Returns
    -------
    float or None
        Seconds; None if no job runs, or none has trained an epoch yet.
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
        Of the study's results.
    now
        The time, as files have it: seconds since 1970.
    cost
        See `seconds_left`.

    Returns
    -------
    str
        At most 40 lines of at most 99 characters; paths of logs may be longer.
    bool
        Whether all is done.
    """
    shards, stages = standings(folder, study, now), stage_files(study)
    stored = {f"weights/{s.condition.name}/{s.shard.name}.h5" for s in shards if s.stored}
    # What was trained elsewhere has no epochs.
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
        _table([("stage", "files done"), *rows]),
        _troubles(folder, shards),
    ]
    return "\n\n".join(filter(None, blocks)), all(files.keys() <= done for files in stages.values())


def _headline(shards: list[Standing], cost: Cost) -> str:
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


def _trained(shards: Sequence[Standing]) -> str:
    """Say how many networks are trained, such as ``3,412.6 of 20,000``, rounded down."""
    # What is not whole shall not look it.
    number = f"{floor(10 * sum(shard.trained for shard in shards)) / 10:,.1f}"
    return f"{number.removesuffix('.0')} of {sum(shard.members for shard in shards):,}"


def _of(some: int, all_of_them: int) -> str:
    return f"{some:,} of {all_of_them:,}"


def _conditions(shards: list[Standing], stages: dict[str, Files], done: Set[str]) -> str:
    """Table of what is trained and read, first what is at work; the rest is summed up."""
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


def _troubles(folder: Path, shards: list[Standing]) -> str:
    """Logs of the jobs that came to an early end, with what they say at last."""
    found = [shard for shard in shards if shard.job.trouble]
    lines = []
    for shard in found[:_TROUBLES]:
        log = folder / log_file(shard.condition, shard.shard)
        lines += [str(log), _shortened(f"  {shard.job.trouble}", _WIDTH)]
    more = len(found) - _TROUBLES
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _rate(shards: Iterable[Standing]) -> float:
    """Network epochs a second of the running jobs together."""
    return sum(shard.job.pace.rate for shard in shards if shard.job.pace)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Align columns, the first to the left, shortened if need be, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first = min(widths[0], _WIDTH - sum(2 + width for width in widths[1:]))
    lines = (
        "  ".join([_shortened(row[0], first).ljust(first), *map(str.rjust, row[1:], widths[1:])])
        for row in rows
    )
    return "\n".join(map(str.rstrip, lines))


def _shortened(text: str, length: int) -> str:
    """Leave out the middle of what is too long: conditions' names differ at their ends."""
    cut = (length - 3) // 2
    return text if len(text) <= length else f"{text[: length - 3 - cut]}...{text[-cut:]}"


def main() -> None:
    """Print the page once, or again and again until all is done."""
    parser = argparse.ArgumentParser(
        prog="python -m weightlaws.monitoring.progress_page",
        description="Say how far a study's run is.",
    )
    parser.add_argument("folder", type=Path, help="of the results, such as results/default")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="repeat until all is done")
    arguments = parser.parse_args()
    try:
        while True:
            study = load(arguments.folder).study
            cost = partial(seconds_per_network_epoch, study)
            text, whole = page(arguments.folder, study, time.time(), cost)
            clear = "\033[H\033[2J" if arguments.every and sys.stdout.isatty() else ""
            print(f"{clear}{text}", flush=True)
            if whole or not arguments.every:
                return
            time.sleep(arguments.every)
    except ResultsError as error:
        sys.exit(str(error))
    except StudyError as error:
        sys.exit(f"{arguments.folder / 'study.yaml'}: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
