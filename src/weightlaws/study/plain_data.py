"""What a configuration may consist of at all: mappings, lists, text and numbers, within bounds."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import count
from typing import Any

from weightlaws.study.messages import StudyError, dotted, shown

#: Values of all keys, entries of lists counted; YAML's aliases make millions of a short file.
MOST_VALUES = 200_000
#: Mappings and lists within each other; a study has six.
DEEPEST = 20
#: Characters of a text; no path can be longer.
LONGEST_TEXT = 4095
#: Bits of an integer; so that it is in the range of floats.
WIDEST_INTEGER = 1000


Place = tuple[object, ...]


def plain_data(config: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a configuration, with dates, for which YAML takes some text, as text.

    Raises
    ------
    StudyError
        If it is no mapping, or holds anything but mappings with keys in text, lists, printable
        text, numbers, booleans and null, or more of them than the bounds above allow.
    """
    if not isinstance(config, Mapping):  # as what stands in a file can be
        raise StudyError([f"all keys: found a {type(config).__name__}, expected a mapping of keys"])
    problems = [
        f"{dotted(place) or 'all keys'}: {problem}"
        for place, problem in _problems((), config, count(1))
    ]
    if problems:
        raise StudyError(problems)
    return {key: _copied(value) for key, value in config.items()}


def _problems(place: Place, value: object, numbers: "count[int]") -> Iterator[tuple[Place, str]]:
    """Find what is no plain data, and where; ``numbers`` numbers the values that are looked at."""
    if next(numbers) > MOST_VALUES:
        what = f"found more than {MOST_VALUES:,} values up to here, expected fewer"
        raise StudyError([f"{place[0]}: {what}; write out what YAML's aliases repeat"])
    if isinstance(value, Mapping | list | tuple) and len(place) == DEEPEST:
        yield place, f"found more than {DEEPEST} lists within each other, expected fewer"
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if not isinstance(key, str):
                kind = type(key).__name__
                yield place, f"found a key of type {kind}, expected text; put the key in quotes"
            elif problem := _text_problem(key):
                yield place, f"a key in it: {problem}"
            else:
                yield from _problems((*place, key), entry, numbers)
    elif isinstance(value, list | tuple):
        for k, entry in enumerate(value):
            yield from _problems((*place, k), entry, numbers)
    elif isinstance(value, str):
        if problem := _text_problem(value):
            yield place, problem
    elif isinstance(value, int) and value.bit_length() > WIDEST_INTEGER:
        yield place, f"found an integer of {value.bit_length()} bits, expected a smaller one"
    elif not isinstance(value, int | float | date | None):
        kinds = "a mapping, a list, text, a number, true, false or null"
        yield place, f"found a value of type {type(value).__name__}, expected {kinds}"


def _text_problem(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"found {len(text):,} characters, {shown(text)}, expected at most {LONGEST_TEXT:,}"
    return None if text.isprintable() else f"found {shown(text)}, expected printable characters"


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(entry) for entry in value]
    return str(value) if isinstance(value, str | date) else value
