"""What the precision of stored weights does to the statistics of levels."""

from math import log, sqrt

# Significant bits, the leading one that is not stored among them.
_BITS = {"bfloat16": 8, "float16": 11, "float8_e4m3fn": 4, "float8_e5m2": 3}


def level_shift(dtype: str, shape: tuple[int, int]) -> float:
    """How far rounding moves a singular value, in mean spacings; 0 of types that are not narrow.

    A number m 2^e with p significant bits is off by up to 2^(e - p), uniformly, so by
    2^(e + 1 - p) / sqrt(12) in the mean square. With leading digits spread evenly on a logarithmic
    scale, m in [1, 2), the mean of m^2 is 3 / (2 log 2). Independent errors of size eta in each
    entry move a singular value by eta, to first order. A random matrix (n, m), n <= m, of entries
    of size sigma has n levels within 2 sigma sqrt(n).
    """
    if dtype not in _BITS:
        return 0.0
    relative = 2.0 ** (1 - _BITS[dtype]) / sqrt(12 * 3 / (2 * log(2)))
    return relative * sqrt(min(shape)) / 2


def note(dtype: str, shape: tuple[int, int]) -> str | None:
    """Say what rounding does to level statistics, or None of types that are not narrow."""
    shift = level_shift(dtype, shape)
    if not shift:
        return None
    much = "far less than one" if shift < 0.1 else "so levels may look more random than they were"
    return f"{dtype}: rounding moves a level by about {shift:.2g} mean spacings, {much}"
