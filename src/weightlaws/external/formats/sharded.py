"""One network in several files: a folder of shards, with an index of what stands where.

The index is JSON, ``{"weight_map": {parameter: file}}``, as packages of Hugging Face write it, for
safetensors and for PyTorch's files: ``model.safetensors.index.json``. The files count: what they
hold beyond their index belongs to the network, and a warning says so.
"""

import json
import logging
import re
from pathlib import Path

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import messages

log = logging.getLogger(__name__)

INDEX = ".index.json"
_SHARD = re.compile(r"(.*?)-?\d+-of-(\d+)(\.\w+)$")
_MOST_INDEX = 2**28
_FETCH = "fetch the missing files, or save the network again"


def index_of(path: Path) -> Path:
    """Return the index of a folder of shards, or of itself.

    Raises
    ------
    WeightLawsError
        If there is none, or several.
    """
    if not path.is_dir():
        return path
    indices = sorted(path.glob(f"*{INDEX}"))
    if len(indices) == 1:
        return indices[0]
    if indices:
        raise WeightLawsError(
            f"{path}: folder",
            f"{', '.join(index.name for index in indices)}",
            "one index",
            f"name one of them, such as {indices[0]}",
        )
    inside = sorted(file.name for file in path.iterdir() if file.is_file())
    raise WeightLawsError(
        f"{path}: folder",
        f"no file ending in {INDEX} among {messages.short(', '.join(inside[:5])) or 'no files'}",
        "one network: a file, or a folder of shards with their index",
        "name the file itself, or put the index there; networks of one architecture in a folder "
        "are an ensemble",
    )


def shards_of(index: Path) -> dict[Path, frozenset[str]]:
    """Return the files of an index with the names of the parameters in each.

    Raises
    ------
    WeightLawsError
        If the index is damaged, a file of it is missing, or a file of another series of shards is
        there.
    """
    place = f"{index}: index"
    try:
        if index.stat().st_size > _MOST_INDEX:
            raise ValueError(f"{index.stat().st_size} bytes")
        content = json.loads(index.read_bytes())
        found: dict[str, set[str]] = {}
        for parameter, file in content["weight_map"].items():
            if Path(file).name != file:
                raise ValueError(f"{file!r} is no name of a file")
            found.setdefault(file, set()).add(parameter)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        said = f"{type(error).__name__}: {messages.short(error)}"
        raise WeightLawsError(
            place, f"what cannot be read ({said})", "JSON with a weight_map", messages.WHOLE_FILE
        ) from error
    if not found:
        raise WeightLawsError(place, "no shard", "at least one", messages.WHOLE_FILE)
    folder = index.parent
    inside = {file.name for file in folder.iterdir() if file.is_file()}
    if missing := sorted({*found} - inside):
        raise WeightLawsError(
            f"{folder}: shards", f"no {', '.join(missing)}", f"all {len(found)} of the index",
            _FETCH,
        )  # fmt: skip
    series = {match.groups() for file in found if (match := _SHARD.fullmatch(file))}
    others = {file: match for file in inside - {*found} if (match := _SHARD.fullmatch(file))}
    extra = sorted(file for file, match in others.items() if match.groups() in series)
    foreign = {(stem, ending) for stem, _, ending in series}
    if strangers := sorted(
        file for file, match in others.items() if file not in extra and match.group(1, 3) in foreign
    ):
        raise WeightLawsError(
            f"{folder}: shards",
            f"{', '.join(strangers)}, which {index.name} does not list",
            f"the {len(found)} of the index",
            "remove what is of another network, or fetch the index again",
        )
    if extra:
        log.warning("%s lists no parameter of %s, which is read, too", index, ", ".join(extra))
        found |= {file: set() for file in extra}
    for stem, total, ending in series:
        n = sum(file.startswith(stem) and file.endswith(f"-of-{total}{ending}") for file in found)
        if n < int(total):
            raise WeightLawsError(
                f"{folder}: shards", f"{n} of {stem}...-of-{total}{ending}", f"{total}", _FETCH
            )
    return {folder / file: frozenset(names) for file, names in found.items()}


def check_parameters(shard: Path, found: frozenset[str], expected: frozenset[str]) -> None:
    """Refuse a shard that lacks parameters of its index; warn of one that has more.

    Raises
    ------
    WeightLawsError
        Naming the first that is missing.
    """
    if missing := expected - found:
        raise WeightLawsError(
            f"{shard}: shard",
            f"no {min(missing)}",
            f"the {len(expected)} parameters that the index lists",
            _FETCH,
        )
    if expected and (more := found - expected):
        log.warning(
            "%s: the index lists %d of %d parameters; also read is %s",
            shard,
            len(expected),
            len(found),
            messages.short(", ".join(sorted(more))),
        )
