"""Draws from a density of matrices by Hamiltonian Monte Carlo, many chains at once.

A chain gets a random momentum, follows Hamilton's equations by leapfrog steps, and takes or leaves
where it ends by Metropolis' rule. Each step moves all chains in one pass over arrays. While the
chains warm up, the step is fitted so that four proposals in five are taken. The entries' scale is
fitted too: the variances of the total, of the row and column sums and of the rest are those of the
chains, which makes a nearly Gaussian law of any such variances as easy as a standard normal one.

Sources: Neal, R. M. (2011). MCMC using Hamiltonian dynamics. Handbook of Markov Chain Monte Carlo.
Diagnostics: Vehtari, A., Gelman, A., Simpson, D., Carpenter, B. & Bürkner, P.-C. (2021).
Rank-normalization, folding, and localization: an improved R-hat. Bayesian Analysis 16.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from weightlaws.arrays import Floats
from weightlaws.laws.bipartite import Bipartite, parts
from weightlaws.laws.iid import IID

#: From matrices (n, rows, columns) to log-densities (n,) and their gradients (n, rows, columns).
Target = Callable[[Floats], tuple[Floats, Floats]]

_WINDOWS = (40, 40, 80)  # draws of the warm-up; between windows the entries' scale is fitted
_TAKEN = 0.8  # share of proposals that the step is fitted to
_LENGTH = np.pi / 2  # of a trajectory: a quarter of a turn in a normal law of variance 1
_MOST_STEPS = 64


@dataclass(frozen=True)
class Chains:
    """Draws of many chains.

    Attributes
    ----------
    matrices : (chain, draw, rows, columns)
        After the warm-up.
    accepted
        The share of proposals that were taken.
    """

    matrices: Floats
    accepted: float


def run(target: Target, start: Floats, n_draws: int, rng: np.random.Generator) -> Chains:
    """Run a chain from each of the start's matrices (chain, rows, columns)."""
    scale = _scale(start)
    position, step = start.copy(), 0.1
    for number, window in enumerate(_WINDOWS):
        seen = np.empty((window, *start.shape))
        for k in range(window):
            position, accepted = _draw(target, position, scale, step, rng)
            # Robbins and Monro: large corrections first.
            step *= np.exp((accepted - _TAKEN) * 2 / np.sqrt(1 + k))
            seen[k] = position
        if number + 1 < len(_WINDOWS):
            scale = _scale(seen[window // 2 :].reshape(-1, *start.shape[1:]))
    draws, shares = np.empty((len(start), n_draws, *start.shape[1:])), np.empty(n_draws)
    for k in range(n_draws):
        position, shares[k] = _draw(target, position, scale, step, rng)
        draws[:, k] = position
    return Chains(draws, float(shares.mean()))


def _scale(matrices: Floats) -> Callable[[Floats], Floats]:
    """Return the symmetric map that makes white matrices as wide as these."""
    if min(matrices.shape[1:]) < 2:
        deviation = np.sqrt(IID.fit(matrices).parameters[1])
        return lambda white: deviation * white
    variances = Bipartite.fit(matrices).parameters[1:]
    # A total of few matrices may come out tiny by chance, and would slow down all other parts.
    roots = np.sqrt(np.maximum(variances, 1e-3 * variances.max()))

    def stretch(white: Floats) -> Floats:
        return np.asarray(sum(root * part for root, part in zip(roots, parts(white), strict=True)))

    return stretch


def _draw(
    target: Target,
    position: Floats,
    scale: Callable[[Floats], Floats],
    step: float,
    rng: np.random.Generator,
) -> tuple[Floats, float]:
    """Make one proposal of each chain; return the positions and the mean chance to be taken."""
    momentum = rng.standard_normal(position.shape)
    # Trajectories of one length may turn in a circle.
    steps = step * rng.uniform(0.8, 1.2, size=(len(position), 1, 1))
    number = int(np.clip(round(_LENGTH / step), 1, _MOST_STEPS))
    with np.errstate(over="ignore", invalid="ignore"):  # a trajectory that runs away is left
        density, slope = target(position)
        energy = np.square(momentum).sum(axis=(1, 2)) / 2 - density
        moved, momentum = position, momentum + steps / 2 * scale(slope)
        for k in range(number):
            moved = moved + steps * scale(momentum)
            density, slope = target(moved)
            momentum = momentum + (steps if k + 1 < number else steps / 2) * scale(slope)
        change = np.square(momentum).sum(axis=(1, 2)) / 2 - density - energy
        chance = np.exp(-np.where(np.isfinite(change), change, np.inf).clip(0))
    taken = rng.uniform(size=len(position)) < chance
    return np.where(taken[:, None, None], moved, position), float(chance.mean())


def r_hat(values: Floats) -> float:
    """Split R-hat of the ranks of values (chain, draw): 1 where all chains are alike."""
    return _r_hat(_split(_normal_ranks(values)))


def means(values: Floats) -> tuple[Floats, Floats]:
    """Means (k,) of values (chain, draw, k), and their errors by the effective sizes, (k,)."""
    sizes = np.array([effective_size(values[..., k]) for k in range(values.shape[-1])])
    return values.mean(axis=(0, 1)), values.std(axis=(0, 1)) / np.sqrt(sizes)


def effective_size(values: Floats) -> float:
    """Number of independent draws that would give as exact a mean of values (chain, draw)."""
    split = _split(values)
    chains, n = split.shape
    centred = split - split.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(centred, 2 * n, axis=1)) ** 2
    covariances = np.fft.irfft(spectrum, axis=1)[:, :n].mean(axis=0) / n
    within = covariances[0] * n / (n - 1)
    between = split.mean(axis=1).var(ddof=1) if chains > 1 else 0.0
    variance = within * (n - 1) / n + between
    if variance == 0:
        return float(values.size)
    correlations = 1 - (within - covariances * n / (n - 1)) / variance
    correlations[0] = 1.0
    # Geyer: sums of neighbours are positive and fall, until noise takes over.
    pairs = correlations[: n - n % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    pairs = np.minimum.accumulate(pairs[: negative[0]] if len(negative) else pairs)
    time = max(2 * pairs.sum() - 1, 1 / np.log10(split.size))
    return float(split.size / time)


def _split(values: Floats) -> Floats:
    """Halves of chains as chains of their own: a drift within a chain then shows."""
    half = values.shape[1] // 2
    return np.concatenate([values[:, :half], values[:, half : 2 * half]])


def _normal_ranks(values: Floats) -> Floats:
    ranks = rankdata(values).reshape(values.shape)
    return np.asarray(ndtri((ranks - 0.375) / (values.size + 0.25)))


def _r_hat(values: Floats) -> float:
    n = values.shape[1]
    within = values.var(axis=1, ddof=1).mean()
    between = values.mean(axis=1).var(ddof=1)
    return float(np.sqrt((n - 1) / n + between / within)) if within > 0 else 1.0
