"""One network in several files: a folder of shards, with an index of what stands where.

The index is JSON, ``{"weight_map": {parameter: file}}``, as packages of Hugging Face write it, for
safetensors and for PyTorch's files: ``model.safetensors.index.json``.
"""

import json
import re
from pathlib import Path

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import messages

INDEX = ".index.json"
_SHARD = re.compile(r"(.*?)-?\d+-of-\d+(\.\w+)$")
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
        If the index is damaged, a file of it is missing, or the folder has one more.
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
    extra = sorted(
        file
        for file in inside - {*found}
        if (match := _SHARD.fullmatch(file)) and match.groups() in series
    )
    if extra:
        raise WeightLawsError(
            f"{folder}: shards",
            f"{', '.join(extra)}, which {index.name} does not list",
            f"the {len(found)} of the index",
            "remove what is of another network, or fetch the index again",
        )
    return {folder / file: frozenset(names) for file, names in found.items()}


def check_parameters(shard: Path, found: frozenset[str], expected: frozenset[str]) -> None:
    """Refuse a shard that has other parameters than its index says.

    Raises
    ------
    WeightLawsError
        Naming the first that is missing or too many.
    """
    for names, word in ((expected - found, "no"), (found - expected, "also")):
        if names:
            raise WeightLawsError(
                f"{shard}: shard",
                f"{word} {min(names)}",
                f"the {len(expected)} parameters that the index lists",
                _FETCH,
            )
