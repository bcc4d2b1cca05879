"""Trajectories: a file for each member and epoch of an ensemble, found by a pattern of their paths.

``runs/seed{member}/epoch{epoch}.pt`` stands for all files whose paths have whole numbers in these
places. Members are numbered from 0 in the order of their numbers. A pattern with ``{member}`` alone
stands for an ensemble of one epoch.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from weightlaws.errors import WeightLawsError

MEMBER, EPOCH = "{member}", "{epoch}"
# Members and epochs that a message names.
_SHOWN = 5


@dataclass(frozen=True)
class Trajectory:
    """The files of a pattern.

    Attributes
    ----------
    names
        Of the members, in messages.
    files
        By epoch, ascending: the file of each member. A pattern without an epoch has the epoch 0.
    """

    names: list[str]
    files: dict[int, list[Path]]


def is_pattern(path: Path | str) -> bool:
    """Tell whether a path is a pattern."""
    return MEMBER in str(path) or EPOCH in str(path)


def folder_of(pattern: Path) -> Path:
    """Return the folder that all files of a pattern are in."""
    return next(part for part in pattern.parents if not is_pattern(part))


def found_by(pattern: Path | str) -> Trajectory:
    """Find the files of a pattern.

    Raises
    ------
    WeightLawsError
        If the pattern has no member, no file fits it, two files are of one member and epoch, or
        members are of different epochs.
    """
    pattern = str(pattern)
    if MEMBER not in pattern:
        raise WeightLawsError(
            f"{pattern}: ensemble",
            f"{EPOCH} without {MEMBER}",
            f"a pattern such as runs/seed{MEMBER}/epoch{EPOCH}.pt",
            f"write {MEMBER} where the number of the network stands",
        )
    found: dict[int, dict[int, Path]] = {}
    for path, member, epoch in _fitting(pattern):
        other = found.setdefault(member, {}).setdefault(epoch, path)
        if other != path:
            raise WeightLawsError(
                f"{pattern}: files",
                f"{other} and {path} of one member and epoch",
                "one of them",
                "remove the other",
            )
    if not found:
        raise WeightLawsError(
            f"{pattern}: ensemble",
            "no file that fits the pattern",
            "files with whole numbers in the places of {member} and {epoch}",
            "correct the pattern",
        )
    _check_epochs(pattern, found)
    members, epochs = sorted(found), sorted(next(iter(found.values())))
    return Trajectory(
        [f"member {member}" for member in members],
        {epoch: [found[member][epoch] for member in members] for epoch in epochs},
    )


def _fitting(pattern: str) -> list[tuple[Path, int, int]]:
    """Return the paths that fit a pattern, each with its member and epoch."""
    parts = Path(pattern).parts
    steps = [_expression(part) if is_pattern(part) else None for part in parts]
    found: list[tuple[Path, dict[str, int]]] = [(Path(), {})]
    for part, step in zip(parts, steps, strict=True):
        if step is None:
            found = [(path / part, numbers) for path, numbers in found]
            continue
        further = []
        for path, numbers in found:
            inside = path.iterdir() if path.is_dir() else ()
            for entry in inside:
                match = step.fullmatch(entry.name)
                told = {key: int(text) for key, text in match.groupdict().items()} if match else {}
                # A number that stands twice is the same both times.
                if match and all(numbers.get(key, value) == value for key, value in told.items()):
                    further.append((entry, {**numbers, **told}))
        found = further
    return sorted(
        (path, numbers["member"], numbers.get("epoch", 0))
        for path, numbers in found
        if path.exists()
    )


def _expression(part: str) -> re.Pattern[str]:
    """Return what the name of a file or folder has to be."""
    text, known = "", set()
    for piece in re.split(r"(\{member\}|\{epoch\})", part):
        if piece not in (MEMBER, EPOCH):
            text += re.escape(piece)
        elif piece in known:
            text += f"(?P={piece[1:-1]})"
        else:
            text += f"(?P<{piece[1:-1]}>[0-9]+)"
            known.add(piece)
    return re.compile(text)


def _check_epochs(pattern: str, found: dict[int, dict[int, Path]]) -> None:
    """Refuse members whose epochs are not those that most members have."""
    sets = [tuple(sorted(epochs)) for epochs in found.values()]
    usual = max(sets, key=lambda epochs: (sets.count(epochs), len(epochs)))
    odd = {member: epochs for member, epochs in found.items() if {*epochs} != {*usual}}
    if not odd:
        return
    said = []
    for member, epochs in sorted(odd.items())[:_SHOWN]:
        missing, more = sorted({*usual} - {*epochs}), sorted({*epochs} - {*usual})
        lacks = [f"lacks {_some(missing)}"] if missing else []
        has = [f"has {_some(more)} as well"] if more else []
        said.append(f"member {member} {' and '.join([*lacks, *has])}")
    rest = f", and {len(odd) - _SHOWN} more members" if len(odd) > _SHOWN else ""
    raise WeightLawsError(
        f"{pattern}: epochs",
        "; ".join(said) + rest,
        f"the epochs {_some(usual)}, as {len(found) - len(odd)} of {len(found)} members have",
        "add the files that are missing, or move those of such members away",
    )


def _some(epochs: tuple[int, ...] | list[int]) -> str:
    """Name some epochs."""
    more = f", ... ({len(epochs)} in all)" if len(epochs) > _SHOWN else ""
    return ", ".join(map(str, epochs[:_SHOWN])) + more
