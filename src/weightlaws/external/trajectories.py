"""Trajectories: a file for each member and epoch of an ensemble, found by a pattern of their paths.

``runs/seed{member}/epoch{epoch}.pt`` stands for all files whose paths have whole numbers in these
places. Members are numbered from 0 in the order of their numbers. A pattern with ``{member}`` alone
stands for an ensemble of one epoch.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weightlaws.errors import WeightLawsError

MEMBER, EPOCH = "{member}", "{epoch}"
# Members, epochs and paths that a message names.
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
    doubts
        What hints that members are missing.
    """

    names: list[str]
    files: dict[int, list[Path]]
    doubts: list[str]


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
    files, widths = _fitting(pattern)
    for path, member, epoch in files:
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
    _check_epochs(pattern, found, widths)
    members, epochs = sorted(found), sorted(next(iter(found.values())))
    return Trajectory(
        [f"member {member}" for member in members],
        {epoch: [found[member][epoch] for member in members] for epoch in epochs},
        _gaps(pattern, found, widths),
    )


def _gaps(
    pattern: str, found: Mapping[int, Mapping[int, Path]], widths: Mapping[str, int]
) -> list[str]:
    """Tell of numbers that no member has, where most between the first and the last have one."""
    first, last = min(found), max(found)
    n_missing = last - first + 1 - len(found)
    if not 0 < n_missing < len(found):  # else numbers do not count members: they are drawn, say
        return []
    missing = [number for number in range(first, last + 1) if number not in found]
    path = _path(pattern, widths, missing[0], min(found[first]))
    return [
        f"{pattern}: members {first} to {last} without {_some(missing)}: there is no {path}; add "
        "what is missing, or go on: members are numbered anew, from 0"
    ]


def _fitting(pattern: str) -> tuple[list[tuple[Path, int, int]], dict[str, int]]:
    """Return the paths that fit a pattern, each with its member and epoch; and widths of numbers.

    A width is 1 but for numbers with leading zeros.
    """
    parts, widths = Path(pattern).parts, {"member": 1, "epoch": 1}
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
                texts = match.groupdict() if match else {}
                told = {key: int(text) for key, text in texts.items()}
                # A number that stands twice is the same both times.
                if match and all(numbers.get(key, value) == value for key, value in told.items()):
                    further.append((entry, {**numbers, **told}))
                    padded = {key: len(text) for key, text in texts.items() if text[0] == "0"}
                    widths |= {key: max(n, widths[key]) for key, n in padded.items()}
        found = further
    files = sorted(
        (path, numbers["member"], numbers.get("epoch", 0))
        for path, numbers in found
        if path.exists()
    )
    return files, widths


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


def _path(pattern: str, widths: Mapping[str, int], member: int, epoch: int) -> str:
    """Return the path of the file of a member and epoch."""
    path = pattern.replace(MEMBER, f"{member:0{widths['member']}}")
    return path.replace(EPOCH, f"{epoch:0{widths['epoch']}}")


def _check_epochs(
    pattern: str, found: Mapping[int, Mapping[int, Path]], widths: Mapping[str, int]
) -> None:
    """Refuse members whose epochs are not those that most members have."""
    sets = [tuple(sorted(epochs)) for epochs in found.values()]
    usual = max(sets, key=lambda epochs: (sets.count(epochs), len(epochs)))
    odd = {member: epochs for member, epochs in found.items() if {*epochs} != {*usual}}
    if not odd:
        return
    said = []
    lacking = [
        _path(pattern, widths, member, epoch)
        for member, epochs in sorted(odd.items())
        for epoch in sorted({*usual} - {*epochs})
    ]
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
        f"add {_some(lacking)}, or move the files of such members away"
        if lacking
        else "move the files of other epochs away, or add them for all members",
    )


def _some(things: Sequence[object]) -> str:
    """Name some epochs, members or paths."""
    more = f", ... ({len(things)} in all)" if len(things) > _SHOWN else ""
    return ", ".join(map(str, things[:_SHOWN])) + more
