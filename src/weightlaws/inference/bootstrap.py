"""The bootstrap over members: standard errors of whatever is made of an ensemble's averages."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def resampling_weights(n_members: int, n_replicates: int, rng: np.random.Generator) -> Array:
    """Draw how much each member weighs in each resampled ensemble.

    Members are drawn with replacement, as many as there are. The weights depend on no condition:
    the same ones for two conditions resample the members of both together, which counts that they
    share random numbers.

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


def restricted(weights: Array, kept: npt.NDArray[np.bool_]) -> Array:
    """Resampling weights of a part of the members, each row summing to 1.

    Raises
    ------
    ValueError
        If a resampled ensemble has none of them.
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


def resampled_moments(weights: Array, values: Array) -> tuple[Array, Array]:
    """Means and standard deviations over members, in each resampled ensemble.

    Parameters
    ----------
    weights : (replicate, member)
        As `resampling_weights` draws them.
    values : (member, k)
        What is averaged.

    Returns
    -------
    two arrays (replicate, k)
        The standard deviations are with 1/N.
    """
    centre = values.mean(axis=0)
    centred = values - centre  # otherwise the variance would be what two large numbers leave
    shift = weights @ centred
    variance = weights @ centred**2 - shift**2
    return centre + shift, np.sqrt(variance.clip(min=0))
