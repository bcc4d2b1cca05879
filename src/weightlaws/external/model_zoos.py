"""Folders of trained networks: a file for each member, or a folder with its checkpoints.

A folder can hold the files themselves, or subfolders with some checkpoints of a training each, as
model zoos have them: ``NN_tune_trainable_00001/checkpoint_000050/checkpoints``, or
``member/epoch=10.ckpt``. Of a subfolder the last in natural order is the member, 10 after 9, or the
one of a named epoch. The epoch of a file is the number behind ``epoch`` in its path, else behind
``checkpoint``, ``step`` or the like, else the last number.
"""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from natsort import natsort_keygen

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import detect, sharded

log = logging.getLogger(__name__)

_natural = natsort_keygen()

# Endings that say nothing: such files are looked into.
_VAGUE = ("", ".tar")
# Beside checkpoints of another kind these are records of the training.
_ARRAYS = (".npy", ".npz")
# What training programs keep beside the weights, in the same formats.
_BESIDE = re.compile(r"(^|[._-])(optimi[sz]er|optim|scheduler|scaler|rng|training_args)([._-]|$)")
# Epochs and steps by name, then what else counts them.
_EPOCHS = (
    re.compile(r"epochs?[=_ .-]?(\d+)", re.IGNORECASE),
    re.compile(r"(?:checkpoints?|ckpt|steps?|iter(?:ation)?s?)[=_ .-]?(\d+)", re.IGNORECASE),
)
_SHARD = re.compile(r"-\d+-of-(\d+)")
# Folders within a member's folder that are looked into, and what of them without any network.
_DEEPEST, _MOST = 4, 10_000


@dataclass(frozen=True)
class Zoo:
    """The networks of a folder.

    Attributes
    ----------
    files
        Of each member, in natural order: a file, or the folder of a network in several files.
    names
        Of the members, in messages.
    doubts
        Why they may not be independent networks, or alike.
    """

    files: list[Path]
    names: list[str]
    doubts: list[str]


def found_in(folder: Path, epoch: int | None = None) -> Zoo:
    """Find the networks of a folder.

    Parameters
    ----------
    epoch
        The epoch of the checkpoint in each subfolder; the last by default.

    Raises
    ------
    WeightLawsError
        If there are none, or files of several kinds, or files and subfolders of networks; or the
        folder is one network in several files.
    """
    inside = _inside(folder)
    if index := next((entry.name for entry in inside if entry.name.endswith(sharded.INDEX)), None):
        raise WeightLawsError(
            f"{folder}: ensemble",
            f"one network in several files, by {index}",
            "a file or a folder for each network",
            "name the folder under checkpoints",
        )
    paths = [folder / entry.name for entry in inside]
    files = [path for path in paths if path.is_file() and _holds_weights(path)]
    folders = [path for path in paths if path.is_dir() and next(_checkpoints(path), None)]
    if len(files) > 1 and len(folders) > 1:
        raise WeightLawsError(
            f"{folder}: folder",
            f"files of networks, as {files[0].name}, and folders of such, as {folders[0].name}",
            "a file, or a folder, for each network",
            "put the others elsewhere",
        )
    if len(folders) > 1:
        return _of_folders(folder, folders, epoch)
    if epoch is not None and files:
        raise WeightLawsError(
            f"{folder}: epoch",
            f"{epoch}, though a member is a file, such as {files[0].name}",
            "a subfolder with checkpoints for each member, to choose an epoch of",
            "leave the epoch out, or put the checkpoints of each member into a subfolder",
        )
    kinds = sorted({path.suffix.lower() for path in files})
    if len(kinds) != 1:
        raise WeightLawsError(
            f"{folder}: folder",
            f"files ending in {' and '.join(kinds)}" if kinds else "no networks",
            f"files of one kind of {', '.join(detect.SUFFIXES)}, one for each member, or a "
            "subfolder with checkpoints for each",
            "leave one kind in the folder: a network in two would count twice"
            if kinds
            else "put the files of the trained networks there",
        )
    for path in paths:
        if path not in files:
            log.info("%s is left out: it is no file of weights", path)
    names = [path.name for path in files]
    return Zoo(files, names, [*_names_of_one_network(folder, names)])


def _of_folders(folder: Path, folders: Sequence[Path], epoch: int | None) -> Zoo:
    files, missing = [], []
    for member in folders:
        wanted = (
            file
            for file in _checkpoints(member)
            if epoch is None or epoch_of(str(file.relative_to(member))) == epoch
        )
        if (file := next(wanted, None)) is None:
            missing.append(member)
        else:
            files.append(file)
    if not files:
        found = {epoch_of(str(file.relative_to(folders[0]))) for file in _checkpoints(folders[0])}
        known = ", ".join(map(str, sorted(one for one in found if one is not None)[:10]))
        raise WeightLawsError(
            f"{folders[0]}: epochs", known or "none", f"{epoch} among them", "name one of them"
        )
    names = [str(file.relative_to(folder)) for file in files]
    doubts = [*_names_of_one_network(folder, [name.split("/")[0] for name in names])]
    if missing:
        some = ", ".join(path.name for path in missing[:3]) + (", ..." if len(missing) > 3 else "")
        doubts.append(
            f"{folder}: {len(missing)} of {len(folders)} members have no epoch {epoch}, and are "
            f"left out: {some}"
        )
    last = {epoch_of(str(Path(*Path(name).parts[1:]))): name for name in reversed(names)}
    if epoch is None and len(last) > 1:
        first, second = [*last.values()][:2]
        doubts.append(
            f"{folder}: members are of different epochs, such as {first} and {second}; name an "
            "epoch to compare like with like"
        )
    return Zoo(files, names, doubts)


def epoch_of(name: str) -> int | None:
    """Return the epoch that a path tells, or None."""
    for pattern in _EPOCHS:
        if numbers := pattern.findall(name):
            return int(numbers[-1])
    numbers = re.findall(r"\d+", name)
    return int(numbers[-1]) if numbers else None


def _names_of_one_network(folder: Path, names: Sequence[str]) -> Iterator[str]:
    """Say, once, which names sound like parts or epochs of one network."""
    parts = [name for name in names if _SHARD.search(name)]
    if parts:
        yield (
            f"{folder}: {parts[0]} is named like a part of a network; a network in several files "
            "belongs under checkpoints, with its index"
        )
    first: dict[str, str] = {}
    for name in names:
        run = name
        for pattern in _EPOCHS:
            run = pattern.sub("", run)
        if run != name and run in first:
            yield (
                f"{folder}: {first[run]} and {name} are named like epochs of one training, which "
                "are no independent networks; keep one of each training"
            )
            return
        first.setdefault(run, name)


def _inside(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds, in natural order."""
    with os.scandir(folder) as inside:
        return sorted(
            (entry for entry in inside if not entry.name.startswith(".")),
            key=lambda entry: _natural(entry.name),
        )


def _checkpoints(folder: Path) -> Iterator[Path]:
    """Return the networks below a folder, the last in natural order first."""
    arrays, others = [], False
    for path in _files_below(folder):
        if path.suffix.lower() in _ARRAYS:
            arrays.append(path)
        else:
            others = True
            yield path
    if not others:
        yield from arrays


def _files_below(folder: Path) -> Iterator[Path]:
    looked_at = 0

    def below(folder: Path, depth: int) -> Iterator[Path]:
        nonlocal looked_at
        inside = _inside(folder)
        if any(entry.name.endswith(sharded.INDEX) for entry in inside):
            yield folder
            return
        for entry in reversed(inside):
            looked_at += 1
            if looked_at > _MOST:
                raise WeightLawsError(
                    f"{folder}: folder",
                    f"{_MOST} files and folders without a network",
                    "checkpoints of one network",
                    "name the folder that holds the networks",
                )
            path = folder / entry.name
            if entry.is_dir():
                if depth < _DEEPEST:
                    yield from below(path, depth + 1)
            elif entry.is_file() and _holds_weights(path):
                looked_at = 0
                yield path

    yield from below(folder, 0)


def _holds_weights(path: Path) -> bool:
    """Tell by its name whether a file holds weights, or by its beginning if the name does not."""
    if _BESIDE.search(path.stem.lower()):
        return False
    if path.suffix.lower() not in _VAGUE:
        return path.suffix.lower() in detect.SUFFIXES
    try:
        detect.check_file(path)
    except WeightLawsError:
        return False
    return True
