"""Durations in words."""

from itertools import pairwise

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def readable_duration(seconds: float) -> str:
    """Write a duration by its largest unit and the next, such as ``5 h 20 min`` or ``40 s``."""
    whole = round(seconds)
    for (unit, length), (smaller, part) in pairwise(_UNITS):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // part} {smaller}"
    return f"{whole} s"
