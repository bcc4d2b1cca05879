"""Why a job runs, in words: from the text of Snakemake, which quotes two whole specs."""

import ast
import re
from collections.abc import Iterator, Mapping

# The beginnings of Snakemake's reasons, which it joins by semicolons.
_HEADS = {
    "Forced execution": "forced",
    "Missing output files": "not there yet",
    "Incomplete output files": "cut off before its end",
    "Updated input files": "changed: {files}",
    "Input files updated by another job": "after {makers}",
    "Set of input files has changed": "other input files",
    "Code has changed": "its script changed",
    "Params have changed": "{changes}",
    "Software environment definition has changed": "another environment",
}
_BETWEEN = re.compile(rf"; (?={'|'.join(_HEADS)})")
_SPECS = re.compile(r"before: (.*) now: (.*?)\s*$", re.DOTALL)
# Characters of a value, and files of a list, that are shown.
_WIDTH, _FILES = 40, 2


def in_words(reason: str, makers: Mapping[str, str]) -> str:
    """Return why a job runs.

    Parameters
    ----------
    reason
        As Snakemake says it.
    makers
        The rules that make files in this run, by the files.
    """
    found = []
    for part in _BETWEEN.split(reason):
        head = next((head for head in _HEADS if part.startswith(head)), None)
        if head is None:
            found.append(_short(part))
            continue
        files = part.partition(": ")[2].split(", ")
        rules = sorted({makers[file] for file in files if file in makers})
        found.append(
            _HEADS[head].format(
                files=_listed(files), makers=", ".join(rules) or "others", changes=changes(part)
            )
        )
    # What is made anew for a reason of its own comes after other jobs anyway.
    own = [words for words in found if not words.startswith("after ")]
    return "; ".join(own or found)


def changes(text: str) -> str:
    """Return the keys of a spec that differ, as in ``epochs: 3 -> 4``.

    ``text`` has the old spec behind ``before:`` and the new one behind ``now:``.
    """
    found = _SPECS.search(text)
    try:
        before, now = (ast.literal_eval(spec) for spec in found.groups()) if found else (0, 0)
    except (SyntaxError, ValueError):
        return "its parameters changed"
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return "its parameters changed"
    pairs = {key: (old, new) for key, old, new in _differences(before, now)}
    if not pairs:
        return "its parameters changed"
    # Single values first: lists and whole sections mostly follow from them.
    single = {key: pair for key, pair in pairs.items() if not any(map(_is_long, pair))}
    told = single or pairs
    words = [f"{key}: {_short(old)} -> {_short(new)}" for key, (old, new) in told.items()]
    rest = {key.partition(".")[0] for key in pairs.keys() - told.keys()}
    words = [_code(key) if _code(key) else word for key, word in zip(told, words, strict=True)]
    return ", ".join([*dict.fromkeys(words), *sorted(rest)])


def _differences(
    before: dict[str, object], now: dict[str, object], at: str = ""
) -> Iterator[tuple[str, object, object]]:
    """Yield the keys whose values differ, those of sections as ``section.key``."""
    for key in dict.fromkeys([*before, *now]):
        old, new = before.get(key, "nothing"), now.get(key, "nothing")
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{at}{key}.")
        elif old != new:
            yield f"{at}{key}", old, new


def _code(key: str) -> str:
    """Return words for a digest of code, whose values tell nobody anything."""
    section, _, last = key.rpartition(".")
    return "" if last != "code" else f"code of {section}" if section else "code"


def _is_long(value: object) -> bool:
    return isinstance(value, (list, tuple, dict))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _listed(files: list[str]) -> str:
    shown, more = files[:_FILES], len(files) - _FILES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
