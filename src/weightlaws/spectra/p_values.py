"""p-values by rank: of one matrix, and of the mean over several members."""

import numpy as np

from weightlaws.arrays import Floats

# Random assignments behind each p-value of several members.
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


def pooled_p_value(values: Floats, null: Floats, side: str, rng: np.random.Generator) -> float:
    """Chance that random matrices have a mean as unusual as the members'.

    The p-value of a single member is its rank among simulated matrices. For several members the
    test permutes who is a member and who is simulated. This takes the randomness of both into
    account.

    Parameters
    ----------
    values
        Of the members, (member,).
    null
        Of simulated matrices, (matrix,).
    side
        ``greater`` or ``two-sided``.
    rng
        Draws the assignments.

    Returns
    -------
    float
        The p-value; NaN without members or without simulated matrices.
    """
    if len(values) == 1:
        return rank_p_value(values[0], null, side)
    if not len(values) or not len(null):
        return float("nan")
    if np.ptp(np.concatenate([values, null])) == 0:
        return 1.0
    from scipy import stats  # slow to import, and a single matrix does without it

    result = stats.permutation_test(
        (values, null),
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        n_resamples=_ASSIGNMENTS,
        batch=100,
        alternative=side,
        rng=rng,
    )
    return float(result.pvalue)


def permutation_p_value(values: Floats, permuted: Floats, rng: np.random.Generator) -> float:
    """Chance of a mean as large if the entries of each member stood in random order.

    Parameters
    ----------
    values
        Of the members, (member,).
    permuted
        Of the same matrices with their entries permuted, (member, permutation).
    rng
        Draws the orders.

    Returns
    -------
    float
        The p-value; NaN if any value is.
    """
    if np.isnan(values).any() or np.isnan(permuted).any():
        return float("nan")
    if len(values) == 1:
        return float((1 + (permuted >= values).sum()) / (1 + permuted.size))
    # Without structure, a member's own order is one among its permutations.
    orders = np.column_stack([values, permuted])
    n, k = orders.shape
    drawn = orders[np.arange(n), rng.integers(k, size=(_ASSIGNMENTS, n))].mean(axis=1)
    return float((1 + (drawn >= values.mean()).sum()) / (1 + _ASSIGNMENTS))
