"""Do an ensemble's invariants deviate from its fitted law? Parametric-bootstrap tests.

The statistic of an invariant is its deviation in SD, (mean - prediction) / sd. To see its scatter
if the fitted law were true, ensembles of as many members are drawn from that law, and each is
fitted anew. This counts that prediction and mean come from the same members. Neither a Gaussian
statistic nor a large ensemble is assumed.
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.stats import false_discovery_control

from weightlaws.arrays import Floats, Singles
from weightlaws.inference.layer_fit import fit_means
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import Graph
from weightlaws.laws.pigmm import FITTED, PIGMM, parameters_from_moments

# Doubles in the matrices, and in the statistics, that are held at once.
_TOGETHER = 2**21

# Columns of the pool that are added up together: as many as a processor's cache takes.
_COLUMNS = 128

# An invariant that so many of the first ensembles reach in each tail is simulated no further. Its p
# is known well then, and is too large to matter.
_FIRST, _ENOUGH = 4000, 20


def p_values(
    invariants: Floats,
    graphs: tuple[Graph, ...],
    size: int,
    rng: np.random.Generator,
    *,
    n_matrices: int,
    n_ensembles: int,
) -> Floats:
    """Test an ensemble against the 13-parameter law fitted to it, invariant by invariant.

    To evaluate every invariant on ``n_ensembles`` ensembles of fresh matrices would take days. So a
    pool of ``n_matrices`` is drawn and evaluated once, and ensembles are drawn from the pool, with
    replacement. The law's expectations are known exactly, which removes the pool's own error from
    the centre of the ensembles. After the first 4000 ensembles an invariant goes on only if fewer
    than 20 of them reach it in the smaller tail.

    Parameters
    ----------
    invariants : (member, invariant)
        Values of the graphs. The law fits the first 13.
    size
        The matrices' size D > 3.
    rng
        The source of randomness.

    Returns
    -------
    (invariant,)
        Two-sided p-values, twice the smaller tail, with 1 added to tail and ensembles. NaN for the
        13 that are fitted, and for invariants that do not vary.

    Raises
    ------
    ValueError
        If the fitted law is none; the message names the block.

    References
    ----------
    Davison, A. C. & Hinkley, D. V. (1997). Bootstrap Methods and their Application, chapter 4.
    Stopping early: Besag, J. & Clifford, P. (1991). Biometrika 78, 301-304.
    """
    n_fitted = len(FITTED)
    law = PIGMM(size, parameters_from_moments(invariants[:, :n_fitted].mean(axis=0), size))
    pool = np.concatenate([evaluate(graphs, some) for some in _draws(law, n_matrices, rng)])
    varying = (pool.std(axis=0) > 0) & (invariants.std(axis=0) > 0)
    tails = np.full(len(graphs), np.nan)
    tested = np.arange(len(graphs)) >= n_fitted
    going_on, done, counts = tested & varying, 0, np.zeros((2, len(graphs)))
    for goal in (min(_FIRST, n_ensembles), n_ensembles):
        if goal > done and going_on.any():
            chosen = going_on | ~tested
            some = tuple(graph for graph, wanted in zip(graphs, chosen, strict=True) if wanted)
            found = _exceedances(
                invariants[:, chosen], pool[:, chosen], some, size, goal - done, rng
            )
            counts[:, going_on] += found
            done = goal
            tails[going_on] = (1 + counts[:, going_on].min(axis=0)) / (1 + done)
            going_on &= counts.min(axis=0) < _ENOUGH
    return (2 * tails).clip(max=1)


def _exceedances(
    invariants: Floats,
    pool: Floats,
    graphs: tuple[Graph, ...],
    size: int,
    n_ensembles: int,
    rng: np.random.Generator,
) -> Floats:
    """Count simulated ensembles at or below, and at or above, the statistics: (2, not fitted)."""
    n_fitted = len(FITTED)

    def differences(means: Floats) -> Floats:
        return (means - fit_means(means, graphs, size)[1])[..., n_fitted:]

    centre, scale = pool.mean(axis=0), pool.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    bias = differences(centre)  # 0 for the law itself, but the pool is finite
    # Single precision halves the time, and is finer by far than simulation can tell.
    scaled = ((pool - centre) / scale).astype(np.float32)
    scaled = np.concatenate([scaled, scaled[:, n_fitted:] ** 2], axis=1)

    sd = (invariants.std(axis=0) / scale)[n_fitted:]
    observed = differences(invariants.mean(axis=0)) / sd
    counts = np.zeros((2, len(observed)))
    for averages in _ensembles(scaled, len(invariants), n_ensembles, rng):
        means, squares = np.split(averages, [len(graphs)], axis=-1)
        # An ensemble of few members may not vary at all: its NaN counts on both sides.
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = squares - means[..., n_fitted:] ** 2
            simulated = (differences(centre + scale * means) - bias) / np.sqrt(variance)
        counts[0] += np.count_nonzero(~(simulated > observed), axis=0)
        counts[1] += np.count_nonzero(~(simulated < observed), axis=0)
    return counts


def false_discovery(p: Floats) -> Floats:
    """Adjust one family of p-values, of any shape, for the rate of false discoveries.

    If all tests with an adjusted p of at most q are called significant, the expected share of false
    ones among them is at most q, however the tests depend on each other. NaN is no test, and stays.

    References
    ----------
    Benjamini, Y. & Yekutieli, D. (2001). Annals of Statistics 29, 1165-1188.
    """
    adjusted = np.full_like(p, np.nan)
    tests = ~np.isnan(p)
    if tests.any():
        adjusted[tests] = false_discovery_control(p[tests], method="by")
    return adjusted


def _draws(law: PIGMM, n: int, rng: np.random.Generator) -> Iterator[Floats]:
    step = max(1, _TOGETHER // law.size**2)
    for start in range(0, n, step):
        yield law.sample(min(step, n - start), rng)


def _ensembles(
    pool: Singles, n_members: int, n_ensembles: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Averages of pool rows over ensembles drawn from them with replacement."""
    step = max(1, _TOGETHER // max(pool.shape[1], n_members))
    starts = range(0, pool.shape[1], _COLUMNS)
    blocks = [np.ascontiguousarray(pool[:, start : start + _COLUMNS]) for start in starts]
    for start in range(0, n_ensembles, step):
        n = min(step, n_ensembles - start)
        drawn = rng.integers(len(pool), size=n * n_members)
        ends = np.arange(0, n * n_members + 1, n_members)
        ones = np.ones(n * n_members, dtype=np.float32)
        choice = sparse.csr_matrix((ones, drawn, ends), shape=(n, len(pool)))
        sums = np.concatenate([choice @ block for block in blocks], axis=1)
        yield sums.astype(np.float64) / n_members
