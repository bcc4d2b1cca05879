"""What every source of a trained network gives: named arrays that are there to be read."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """A named array of a network that is there to be read.

    Attributes
    ----------
    name
        Its parts are joined by dots.
    shape
        Of what `read` returns.
    dtype
        As torch or numpy call it: ``float32``, ``bfloat16``, ``float8_e4m3fn``, ``complex64``.
    read
        Returns the array, or a tensor where numpy has no such numbers.
    reason
        Why it is no weight matrix, if the format or the module tells.
    typed
        Whether the type of its module tells that it is one, so that its name need not.
    layout
        The order of its axes: ``torch`` (out, in, *kernel), ``keras`` (*kernel, in, out),
        ``in_out`` (in, out), or ``transposed`` (in, out / groups, *kernel).
    groups
        Of a grouped convolution, where the module tells.
    same_as
        Equal for parameters that are one array in memory or in a file: tied weights.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], Any]
    reason: str | None = None
    typed: bool = False
    layout: str = "torch"
    groups: int = 1
    same_as: Hashable | None = None
