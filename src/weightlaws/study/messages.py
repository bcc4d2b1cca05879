"""Messages about a configuration: the key, the value found, and the values expected."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from weightlaws.errors import WeightLawsError

# A message is read on a screen: longer ones are cut.
_MOST_LINES, _LONGEST_LINE, _LONGEST_VALUE = 20, 1000, 100

# The values that a key may have, by the kind of pydantic's error, filled in from its context.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "extra_forbidden": "only keys that config.yaml describes",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_type": "an integer",
    "invalid-json-value": "text, a number, true, false, null, a list or a mapping",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "missing": "a value",
    "model_type": "a mapping",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "text",
    "too_long": "at most {max_length} of them",
    "too_short": "at least {min_length} of them",
    "tuple_type": "a list",
}


class StudyError(WeightLawsError):
    """A configuration that is not a study; the message has a line for each wrong key."""

    def __init__(self, problems: Sequence[str], source: object = "the configuration") -> None:
        lines = [f"  {_fit(problem)}" for problem in problems[:_MOST_LINES]]
        if len(problems) > _MOST_LINES:
            lines.append(f"  and {len(problems) - _MOST_LINES} more")
        RuntimeError.__init__(
            self,
            f"{source} is not a study:\n"
            + "\n".join(lines)
            + "\nCorrect these keys in the configuration file or after --config, there a key of a "
            "section as 'statistics={folds: 5}'; config.yaml and "
            "workflow/schemas/config.schema.json describe every key.",
        )


def shown(value: object) -> str:
    """Return a value as JSON writes it, cut to some 100 characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def dotted(place: Iterable[object]) -> str:
    """Return the path of a key, such as ``sweeps.0.hidden``; keys of other characters in quotes."""
    parts = map(str, place)
    return ".".join(part if re.fullmatch(r"[\w-]+", part) else shown(part) for part in parts)


def problems_of(errors: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> list[str]:
    """Return a line for each wrong key.

    Parameters
    ----------
    errors
        As pydantic's ``ValidationError.errors()`` gives them.
    config
        The validated configuration.
    """
    by_place: dict[tuple[object, ...], list[Mapping[str, Any]]] = {}
    for error in errors:
        by_place.setdefault(_place(error, config), []).append(error)
    # A key can take a number or a list: a wrong entry of a list says nothing about a number.
    entries = {place[:end] for place in by_place for end in range(len(place))}
    lines = {
        place: _line(place, of_key)
        for place, of_key in by_place.items()
        if place not in entries or any(len(error["loc"]) == len(place) for error in of_key)
    }
    # The whole study can have several errors, a line each.
    whole = lines.pop((), None)
    return [*lines.values(), *(whole.split("\n") if whole else [])]


def _place(error: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[object, ...]:
    """Find the key of an error; its ``loc`` also has pydantic's names for kinds of values."""
    place: list[object] = []
    here: Any = config
    for part in error["loc"]:
        known = range(len(here)) if isinstance(here, list) else here
        if isinstance(here, dict | list) and part in known:
            here = here[part]
            place.append(part)
    return (*place, error["loc"][-1]) if error["type"] == "missing" else tuple(place)


def _line(place: Sequence[object], errors: Sequence[Mapping[str, Any]]) -> str:
    own = [error for error in errors if error["type"] == "value_error"]
    if own:  # our own errors have a whole message; errors of the whole study name the key too
        message = own[0]["msg"].removeprefix("Value error, ")
        return f"{dotted(place)}: {message}" if place else message
    error = errors[0]
    found = "nothing" if error["type"] == "missing" else shown(error["input"])
    words = [
        _EXPECTED.get(each["type"], each["msg"]).format_map(each.get("ctx", {})) for each in errors
    ]
    hint = ""
    if error["type"] == "float_type" and isinstance(error["input"], str):
        hint = "; YAML reads 1e-3 as text: write 0.001 or 1.0e-3"
    if error["type"] == "string_type" and isinstance(error["input"], bool):
        hint = "; YAML reads no, off, yes and on so: put text in quotes"
    if isinstance(error["input"], date):
        hint = "; YAML reads this text as a date: put it in quotes"
    what = f"unknown key, found {found}" if error["type"] == "extra_forbidden" else f"found {found}"
    return (
        f"{dotted(place) or 'all keys'}: {what}, expected {' or '.join(dict.fromkeys(words))}{hint}"
    )


def _fit(problem: str) -> str:
    """Make one printable line of a message, and leave out the middle of a long one."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in problem)
    half = _LONGEST_LINE // 2
    return line if len(line) <= _LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"
