"""p-values by rank: of one matrix, and of the mean over several members."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from weightlaws.arrays import Floats

# Random choices behind each p-value of several members.
_ASSIGNMENTS = 999


def rank_p_value(value: float, null: Floats, side: str) -> float:
    """Chance that a random matrix has a value as unusual as this one.

    Parameters
    ----------
    value
        Of one matrix.
    null
        Of simulated matrices, (matrix,).
    side
        ``greater`` or ``two-sided``.

    Returns
    -------
    float
        The p-value; NaN if the value is NaN or there are no simulated matrices.

    Examples
    --------
    >>> rank_p_value(3.5, np.arange(4.0), "greater")
    0.2
    """
    if np.isnan(value) or not len(null):
        return float("nan")
    over, under = (1 + (null >= value).sum()), (1 + (null <= value).sum())
    p = over if side == "greater" else 2 * min(over, under)
    return float(min(1.0, p / (1 + len(null))))


def members_p_value(
    values: Floats, others: Sequence[Floats], side: str, rng: np.random.Generator
) -> float:
    """Chance of a mean as unusual if each member's value were one like any of its others.

    Without structure a member's own value and its others can be exchanged, be they of random
    matrices or of the member's own copies. So each member draws one of them, 999 times, and the
    means are compared. The test is exact: values and others may differ from member to member in
    law and number. A single member has the rank among its others, without a draw.

    Parameters
    ----------
    values
        Of the members, (member,).
    others
        By member, (other,) each; no other belongs to two members.
    side
        ``greater`` or ``two-sided``.
    rng
        Draws the choices.

    Returns
    -------
    float
        The p-value; NaN without members, or if one has no others. A member without a value is left
        out, and so are others without one.
    """
    kept = [
        np.append(value, other[np.isfinite(other)])
        for value, other in zip(values, others, strict=True)
        if np.isfinite(value)
    ]
    if not kept or min(map(len, kept)) < 2:
        return float("nan")
    if len(kept) == 1:
        return rank_p_value(kept[0][0], kept[0][1:], side)
    drawn = np.zeros(_ASSIGNMENTS)
    for one in kept:
        drawn += one[rng.integers(len(one), size=_ASSIGNMENTS)]
    own = sum(one[0] for one in kept)
    # Sums in one order, yet of other terms: equal means may differ by rounding.
    margin = 1e-12 * sum(np.abs(one).max() for one in kept)
    drawn[np.abs(drawn - own) <= margin] = own
    return rank_p_value(own, drawn, side)


def disjoint(nulls: Sequence[Floats]) -> list[Floats]:
    """Share out null values among members: no value belongs to two of them.

    Parameters
    ----------
    nulls
        By member, (matrix,) each; members with one law hold one and the same array.

    Returns
    -------
    list
        By member; as many values each as there are for all that hold the array.
    """
    holders = Counter(map(id, nulls))
    seen: Counter[int] = Counter()
    parts = []
    for null in nulls:
        size = len(null) // holders[id(null)]
        start = seen[id(null)] * size
        parts.append(null[start : start + size])
        seen[id(null)] += 1
    return parts
