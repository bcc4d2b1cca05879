"""How much disk space a study takes, and whether there is as much, to be written to."""

import os
import shutil
import tempfile
from contextlib import suppress
from math import prod
from pathlib import Path

from weightlaws.study.conditions import Condition, Ensemble
from weightlaws.study.study import Study
from weightlaws.training.datasets import DATASETS

# Invariants in a catalogue.
INVARIANTS = {"published": 52, "complete": 361}
# Bytes of a fit to one snapshot, measured: of an invariant, ten numbers and a line of text; of a
# parameter, what stands beside its replicates.
_PER_INVARIANT, _PER_PARAMETER = 305, 350
# Bytes of a shard's file beside its arrays, measured.
_PER_FILE = 6_000


class DiskError(RuntimeError):
    """A disk that cannot hold a study: what was found, what is needed, what to do."""


def disk_estimate(study: Study) -> dict[str, int]:
    """Estimate the bytes that a study takes when it is whole, by folder of its results.

    Arrays are counted by their shapes. Left out are figures and all tables but those of the models,
    some megabytes a condition, single networks that were trained elsewhere, and the old file of a
    shard, which stays beside the new one while this is written.
    """
    datasets = {condition.dataset for condition in study.trained.values()}
    images = (sum(DATASETS[name].images) * (DATASETS[name].inputs + 1) for name in datasets)
    parts = {"datasets": sum(images)}
    for condition in study.conditions.values():
        for folder, size in _condition_estimate(study, condition).items():
            parts[folder] = parts.get(folder, 0) + size
    return parts


def _condition_estimate(study: Study, condition: Ensemble) -> dict[str, int]:
    entries = {layer: prod(shape) for layer, shape in condition.shapes.items()}
    snapshots = {layer: len(kept) for layer, kept in study.layer_snapshots(condition).items()}
    # Weights are float32; by epoch there are loss and accuracy, float64, and two flags.
    weights = 4 * sum(snapshots[layer] * entries[layer] for layer in entries)
    trained = isinstance(condition, Condition)
    weights += (8 + 8 + 1 + 1) * (study.epochs + 1 if trained else 1)
    # A state has all of a shard, and for every entry where it is now and its two moments.
    state = weights + 3 * 4 * sum(entries.values())
    n_invariants = INVARIANTS[study.invariants]
    parameters = 13 * (_PER_PARAMETER + 8 * study.statistics.bootstrap_replicates)
    fits = sum(snapshots[layer] for layer in condition.square_layers)
    files, members = len(study.shards(condition)) * _PER_FILE, condition.members
    modelled = condition.name in study.modelled
    return {
        "weights": files + members * weights,
        "state": files + members * state if trained and study.keep_state else 0,
        "invariants": files + members * fits * 8 * n_invariants if modelled else 0,
        "models": fits * (parameters + _PER_INVARIANT * n_invariants) if modelled else 0,
    }


def check_disk(study: Study, folder: Path, free: int | None = None) -> str:
    """Compare what a study takes with what there is of it and with the space that is free.

    Parameters
    ----------
    folder
        Of the study's results, which need not be there yet.
    free
        Bytes; those of the disk that the folder is on, if not given.

    Returns
    -------
    str
        A table of `disk_estimate`, of what its folders hold now, and of what is free.

    Raises
    ------
    DiskError
        If the folder cannot be written to, or what is still to be written exceeds what is free.
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
        raise DiskError(
            f"disk space for {folder}: found {_readable(free)} free, expected "
            f"{_readable(sum(missing.values()))} for what is still to be written, most of all "
            f"{_readable(missing[largest])} of {largest}; keep fewer snapshots, train fewer "
            f"members, {drop_state}or have results on a larger disk"
        )
    rows = {name: (expected[name], held[name]) for name in expected}
    rows["together"] = (sum(expected.values()), sum(held.values()))
    table = [("", "estimate", "there now")]
    table += [(name, _readable(whole), _readable(now)) for name, (whole, now) in rows.items()]
    lines = [f"  {name:<10} {whole:>9} {now:>10}" for name, whole, now in table]
    return "\n".join([f"Disk space of {folder}, with {_readable(free)} free:", *lines])


def _check_writable(folder: Path, there: Path) -> None:
    """Refuse a folder in which, or in the part of its path that is there, no file can be made."""
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise DiskError(
            f"folder {folder}: found that no file can be made in {there} "
            f"({error.strerror}), expected a folder that can be written to; make it so, or have "
            "results elsewhere"
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
