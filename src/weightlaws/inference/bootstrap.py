"""The bootstrap over members: standard errors of functions of an ensemble's averages."""

import numpy as np

from weightlaws.arrays import Bools, Floats


def resampling_weights(n_members: int, n_replicates: int, rng: np.random.Generator) -> Floats:
    """Draw the weight of each member in each resampled ensemble.

    Members are drawn with replacement, as many as there are. The weights depend on no condition.
    The same weights for two conditions resample the members of both together: so the error of
    their difference counts that they share random numbers.

    Returns
    -------
    (n_replicates, n_members)
        Times that a member is drawn, over ``n_members``; a row sums to 1.

    References
    ----------
    Efron, B. (1979). Bootstrap methods: another look at the jackknife. Annals of Statistics 7.
    """
    equal = np.full(n_members, 1 / n_members)
    return rng.multinomial(n_members, equal, size=n_replicates) / n_members


def restricted(weights: Floats, kept: Bools) -> Floats:
    """Return resampling weights of a part of the members; each row sums to 1.

    Raises
    ------
    ValueError
        If a resampled ensemble has no member of the part.
    """
    part = weights[:, kept]
    total = part.sum(axis=1, keepdims=True)
    if not (total > 0).all():
        raise ValueError(
            f"expected members to keep in every resampled ensemble, found none in "
            f"{int((total == 0).sum())} of {len(total)}: {int(kept.sum())} of {len(kept)} members "
            "are kept, which is too few"
        )
    return np.asarray(part / total)


def resampled_moments(weights: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Means and standard deviations over members, in each resampled ensemble.

    Parameters
    ----------
    weights : (replicate, member)
        As `resampling_weights` draws them.
    values : (member, k)
        Values to average.

    Returns
    -------
    two arrays (replicate, k)
        The standard deviations are with 1/N.
    """
    centre = values.mean(axis=0)
    centred = values - centre  # a difference of large numbers would lose the variance's digits
    shift = weights @ centred
    variance = weights @ centred**2 - shift**2
    return centre + shift, np.sqrt(variance.clip(min=0))
