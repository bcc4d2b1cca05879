"""Brody's law of level spacings, between the laws of unrelated and of repelling levels."""

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from weightlaws.arrays import Floats

# Mean spacings. Single precision knows none finer than 1e-4 of 4096 levels, and one spacing of 0
# would otherwise decide the fit.
_FINEST = 1e-6

# So fine that a parabola through three points misses the maximum by 2e-4 at most.
_BETAS = np.linspace(-0.5, 3.0, 176)
_POWERS = 1 + _BETAS
_LOG_RATES = _POWERS * gammaln(1 + 1 / _POWERS)


def brody(spacings: npt.ArrayLike) -> Floats:
    r"""Brody parameter of greatest likelihood: 0 of Poisson's spacings, 1 of Wigner's.

    .. math:: p(s) = (1 + \beta) b s^\beta \exp(-b s^{1 + \beta}), \quad
        b = \Gamma((2 + \beta) / (1 + \beta))^{1 + \beta}

    Source: Brody et al., Rev. Mod. Phys. 53 (1981) 385.

    Parameters
    ----------
    spacings : (..., n)
        Spacings of unfolded levels. Spacings below 1e-6 count as 1e-6.

    Returns
    -------
    (...)
        The parameters, from -0.5 to 3.

    Raises
    ------
    ValueError
        If there is no spacing, or one is negative or not finite.
    """
    spacings = np.maximum(require_not_negative(spacings, "spacings"), _FINEST)
    sums = np.empty((*spacings.shape[:-1], 1 + len(_BETAS)))
    sums[..., 0] = np.log(spacings).sum(-1)
    # From power to power of the grid is one product, and far cheaper than a power.
    powers, step = spacings ** _POWERS[0], spacings ** (_BETAS[1] - _BETAS[0])
    for k in range(len(_BETAS)):
        sums[..., 1 + k] = powers.sum(-1)
        powers *= step
    return _most_likely(sums, spacings.shape[-1])


def brody_bootstrap(
    spacings: npt.ArrayLike, rng: np.random.Generator, replicates: int = 200
) -> float:
    """Standard error of the Brody parameter, by resampling spacings one by one.

    Unfolding fixes the mean spacing, and so each resample is scaled to the mean of the sample: of
    512 spacings, the error would be 4 to 5 % too small otherwise. Neighbouring spacings are
    correlated by -0.27, yet then need no further care: over Gaussian matrices of 200, 512 and 1024
    ranks the parameter scatters by 0.132(2), 0.073(2) and 0.050(2), where this gives 0.131, 0.072
    and 0.049. Circular blocks of 20 spacings give 0.125, 0.071 and 0.050, and scatter more.

    Parameters
    ----------
    spacings : (n,)
        As for `brody`.
    rng
        The source of randomness.
    replicates
        Resamples; of R the error is known to 1 / sqrt(2 R).

    Returns
    -------
    float
        The standard deviation of the resamples' parameters.

    Raises
    ------
    ValueError
        As `brody` does, or if there is more than one axis or fewer than two replicates.
    """
    spacings = require_not_negative(spacings, "spacings")
    if spacings.ndim != 1 or replicates < 2:
        raise ValueError(
            "expected spacings (n,) and at least 2 replicates, "
            f"found shape {spacings.shape} and {replicates}"
        )
    n = len(spacings)
    counts = rng.multinomial(n, np.full(n, 1 / n), replicates).astype(np.float64)
    mean = spacings.mean()
    scales = counts @ spacings / (n * mean) if mean > 0 else np.ones(replicates)
    return float(_most_likely(counts @ _terms(spacings), n, scales).std(ddof=1))


def _terms(spacings: Floats) -> Floats:
    """Return log s, then s^(1 + beta) on the grid: the likelihood's terms of spacings s (n,)."""
    logs = np.log(np.maximum(spacings, _FINEST))[:, None]
    return np.concatenate([logs, np.exp(logs * _POWERS)], axis=1)


def _most_likely(sums: Floats, n: int, scales: npt.ArrayLike = 1.0) -> Floats:
    """Parameter (...) of n spacings, from sums (..., 1 + g) of their terms, divided by scales."""
    scales = np.asarray(scales, dtype=np.float64)[..., None]
    logs, powers = sums[..., :1] - n * np.log(scales), sums[..., 1:] / scales**_POWERS
    likelihood = n * (np.log(_POWERS) + _LOG_RATES) + _BETAS * logs - np.exp(_LOG_RATES) * powers
    best = likelihood.argmax(-1)
    inner = np.clip(best, 1, len(_BETAS) - 2)
    left, centre, right = (
        np.take_along_axis(likelihood, (inner + step)[..., None], -1)[..., 0] for step in (-1, 0, 1)
    )
    offset = (left - right) / (left - 2 * centre + right) / 2 * (_BETAS[1] - _BETAS[0])
    return np.asarray(np.where(best == inner, _BETAS[inner] + offset, _BETAS[best]))


def require_not_negative(values: npt.ArrayLike, name: str, positive: bool = False) -> Floats:
    """Return values (..., n) as an array; refuse none, negative and not finite ones."""
    values = np.atleast_1d(np.asarray(values, dtype=np.float64))
    allowed = np.isfinite(values) & ((values > 0) if positive else (values >= 0))
    if not values.shape[-1] or not allowed.all():
        raise ValueError(
            f"expected one or more finite {name}, {'above' if positive else 'at least'} 0; "
            f"found shape {values.shape}, {np.sum(~allowed)} that are not"
        )
    return values
