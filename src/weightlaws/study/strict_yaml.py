"""Configurations as they were written: what YAML reads as another value is refused by name.

Snakemake reads the files, and keeps neither a key that is given twice nor the digits of a number.
It reads values after ``--config`` as text wherever they are lists, mappings, true or false.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from weightlaws.study.messages import StudyError, dotted

_INTEGER, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


def check_file(path: Path) -> None:
    """Refuse a configuration file, of YAML or JSON, that says something else than it seems to.

    Raises
    ------
    StudyError
        If a key is given twice, or a number is one that YAML 1.1 reads to another base: 010 is 8,
        and 1:30 is 90.
    """
    text = path.read_text(encoding="utf-8")
    problems = _problems_of_json(text)
    if problems is None:
        problems = [*_problems(yaml.compose(text, yaml.SafeLoader))]
    if problems:
        raise StudyError(problems, path)


def values_after_config(
    arguments: Iterable[str], config: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Read the values after ``--config`` as YAML.

    Parameters
    ----------
    arguments
        Each ``key=value``.
    config
        What Snakemake made of them.

    Yields
    ------
    dict
        One key and its value, in the order of the arguments. A value that YAML takes for text is
        as Snakemake has it, which reads 1e-3 as a number.

    Raises
    ------
    StudyError
        As `check_file` does.
    """
    for argument in arguments:
        key, _, text = argument.partition("=")
        try:
            node = yaml.compose(text, yaml.SafeLoader)
            value = yaml.safe_load(text)
        except yaml.YAMLError:  # such as @home or [a: text, or for the study to refuse
            continue
        if problems := [*_problems(node, (key,))]:
            raise StudyError(problems, "what follows --config")
        yield {key: config.get(key) if isinstance(value, str) else value}


def _problems(
    node: yaml.Node | None, place: tuple[object, ...] = (), seen: frozenset[int] = frozenset()
) -> Iterator[str]:
    if id(node) in seen:  # a mapping or list that holds itself
        return
    seen |= {id(node)}
    match node:
        case yaml.MappingNode():
            lines: dict[str, int] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):  # Snakemake refuses it
                    continue
                here, line = (*place, key.value), key.start_mark.line + 1
                if key.value in lines:
                    yield _twice(here, f"in lines {lines[key.value]} and {line}")
                lines[key.value] = line
                yield from _problems(value, here, seen)
        case yaml.SequenceNode():
            for k, value in enumerate(node.value):
                yield from _problems(value, (*place, k), seen)
        case yaml.ScalarNode(tag=tag, value=text) if tag in (_INTEGER, _FLOAT):
            yield from _other_number(place, text)


def _other_number(place: tuple[object, ...], text: str) -> Iterator[str]:
    """Yield the problem of a number that YAML reads to another base than it is written in."""
    read = yaml.safe_load(text)
    sign, digits = text[: text[0] in "+-"], text.lstrip("+-").replace("_", "")
    if ":" in text:
        base = "base 60, as hours and minutes"
    elif digits.isdecimal() and int(sign + digits) != read:
        base = "base 8, as it begins with 0"
    else:
        return
    yield (
        f"{dotted(place)}: found {text}, which YAML reads as {read} ({base}), expected a decimal "
        f"number; write {read} or the number that is meant, or put text in quotes"
    )


def _twice(place: tuple[object, ...], where: str) -> str:
    return (
        f"{dotted(place)}: found twice, {where}, expected once, as the first would not count; "
        "remove one of them"
    )


def _problems_of_json(text: str) -> list[str] | None:
    """Return the keys that JSON gives twice; None if the text is no JSON."""
    problems: list[str] = []

    def take(pairs: list[tuple[str, object]]) -> None:
        keys = [key for key, _ in pairs]
        again = dict.fromkeys(key for key in keys if keys.count(key) > 1)
        problems.extend(_twice((key,), "in one mapping") for key in again)

    try:
        json.loads(text, object_pairs_hook=take)
    except ValueError:
        return None
    return problems
