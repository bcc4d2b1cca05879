"""Disk space: the size of a study against the space that is free."""

import os
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tabulate import tabulate

from weightlaws.errors import WeightLawsError
from weightlaws.planning import file_sizes
from weightlaws.planning.stages import STAGES
from weightlaws.study.conditions import Checkpoint
from weightlaws.study.study import Study


def disk_estimate(study: Study) -> dict[str, int]:
    """Estimate the bytes of a finished study, by folder of its results.

    Figures and small tables are left out, some megabytes a condition, and so are single networks
    that were trained elsewhere. A shard's old file, which stays until the new one is whole, is left
    out too.
    """
    trained = study.trained.values()
    # Those of shuffled labels are stored beside those that they are made of.
    stored = {name: each for each in trained for name in (each.images, each.stored_images)}
    images = sum(map(file_sizes.images, stored.values()))
    parts = Counter({"datasets": images, "weights": 0, "state": 0})
    parts.update({"invariants": 0, "models": 0})
    for stage in STAGES.values():
        if stage.sizes is not None:
            for condition in stage.networks(study).values():
                if not isinstance(condition, Checkpoint):
                    parts.update(stage.sizes(study, condition))
    return dict(parts)


def check_disk(study: Study, folder: Path, free: int | None = None) -> str:
    """Compare the size of a study with its present files and with the free space.

    Parameters
    ----------
    folder
        The folder of the study's results, which need not be there yet.
    free
        Free bytes; if not given, the free bytes of the folder's disk.

    Returns
    -------
    str
        A table of `disk_estimate`, of the present size of each folder, and of the free space.

    Raises
    ------
    WeightLawsError
        If the folder cannot be written to, or the missing files take more than is free.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    _check_writable(folder, there)
    if free is None:
        free = shutil.disk_usage(there).free
    expected = disk_estimate(study)
    held = {name: _bytes_in(folder / name) for name in expected}
    missing = {name: max(0, expected[name] - held[name]) for name in expected}
    if sum(missing.values()) > free:
        largest = max(missing, key=lambda name: missing[name])
        drop_state = "set keep_state: false, " if study.keep_state else ""
        raise WeightLawsError(
            f"disk space for {folder}",
            f"{_readable(free)} free",
            f"{_readable(sum(missing.values()))} for the missing files, most of all "
            f"{_readable(missing[largest])} of {largest}",
            f"keep fewer snapshots, train fewer members, {drop_state}or put results on a larger "
            "disk",
        )
    rows = {name: (expected[name], held[name]) for name in expected}
    rows["together"] = (sum(expected.values()), sum(held.values()))
    table = [(name, _readable(whole), _readable(now)) for name, (whole, now) in rows.items()]
    align = ("left", "right", "right")
    text = tabulate(table, ("", "estimate", "there now"), tablefmt="plain", colalign=align)
    lines = [f"  {line}" for line in text.splitlines()]
    return "\n".join([f"Disk space of {folder}, with {_readable(free)} free:", *lines])


def _check_writable(folder: Path, there: Path) -> None:
    """Refuse a folder if no file can be made in it, or in the part of its path that is there."""
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise WeightLawsError(
            f"folder {folder}",
            f"that no file can be made in {there} ({error.strerror})",
            "a folder that can be written to",
            "make it writable, or put results elsewhere",
        ) from error


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            # Jobs that run rename their files, and remove them.
            with suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total


def _readable(size: int) -> str:
    """Write bytes with three digits and a unit, such as ``83.6 GB``."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5:  # more would round to 1000
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} PB"
