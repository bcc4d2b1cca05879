"""How the entries of an ensemble's matrices are distributed, beside one entry of a fitted law.

One entry of a Gaussian law is normal. Under the i.i.d. and the bipartite law all entries are alike:
the density is that of the mean and the variance of all entries. Under the one-sided law each label
has a mean and a variance of its own, and an entry picked at random is a mixture of as many normals.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from weightlaws.arrays import Floats, Side
from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.laws.names import BIPARTITE, ONE_SIDED
from weightlaws.storage.matrices import Matrices

# Bins are a quarter of a standard deviation wide. Nearly all entries lie within so many deviations.
_BINS_PER_SD, _REACH = 4, 8


@dataclass(frozen=True)
class _Moments:
    """Mean and variance over the members of each entry, (rows, columns), and the ends of all."""

    mean: Floats
    variance: Floats
    low: float
    high: float

    @classmethod
    def of(cls, matrices: Matrices) -> Self:
        # About one of the members, so that no digits are lost where they hardly differ.
        first = next(iter(matrices))[0].astype(np.float64)
        sums, squares, low, high = np.zeros_like(first), np.zeros_like(first), np.inf, -np.inf
        for part in matrices:
            for matrix in part:
                offset = matrix - first
                sums += offset
                squares += offset**2
            low, high = min(low, float(part.min())), max(high, float(part.max()))
        mean = sums / len(matrices)
        variance = (squares / len(matrices) - mean**2).clip(min=0)
        return cls(first + mean, variance, low, high)

    def over(self, axes: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of all members' entries along some axes."""
        mean = self.mean.mean(axis=axes)
        return mean, np.sqrt(self.variance.mean(axis=axes) + self.mean.var(axis=axes))


def _edges(moments: _Moments) -> Floats:
    """Return the ends (bin + 1,) of bins that hold the entries.

    Bins are as wide as a quarter of a standard deviation, the middle one about the mean. They reach
    one standard deviation further than the entries, and no further than 8. All bins are empty but
    one if the entries do not vary.
    """
    mean, sd = (float(value) for value in moments.over((0, 1)))
    if sd == 0:
        sd = max(abs(mean), 1.0) * 1e-3
    farthest = max(mean - moments.low, moments.high - mean) / sd
    half = min(int((farthest + 1) * _BINS_PER_SD) + 1, _REACH * _BINS_PER_SD)
    return np.asarray(mean + sd / _BINS_PER_SD * (np.arange(-half, half + 2) - 0.5))


def normal_shares(edges: Floats, means: Floats, sds: Floats) -> Floats:
    """Return the share (bin,) of an even mixture of normals in each bin, a mean and an SD for each.

    A normal without variance is a point.
    """
    offsets = edges - np.asarray(means)[..., None]
    scaled = np.divide(
        offsets,
        np.asarray(sds)[..., None],
        out=np.where(offsets < 0, -np.inf, np.inf),
        where=np.asarray(sds)[..., None] > 0,
    )
    return np.diff(special.ndtr(scaled).reshape(-1, len(edges)).mean(axis=0))


def entry_densities(
    matrices: npt.ArrayLike | Matrices,
    labelled: Side | None,
    n_replicates: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare the entries of an ensemble with those of laws fitted to it.

    Parameters
    ----------
    matrices : (member, rows, columns)
        Of two members or more.
    labelled
        The labelled side, if there is one.
    n_replicates
        Number of resampled ensembles.
    rng
        Draws them.

    Returns
    -------
    DataFrame
        One row a bin. ``left``, ``right``: its ends, in units of weight. ``density``:
        the share of entries in it, over its width; ``low`` and ``high``: the 95 % interval by the
        bootstrap over members, as entries of one member depend on each other. ``bipartite`` and,
        where a side is labelled, ``one-sided``: the density of one entry of the fitted law,
        averaged over the bin. ``beyond``: the share of entries outside all bins.
    """
    matrices = Matrices.of(matrices)
    moments = _Moments.of(matrices)
    edges = _edges(moments)
    counts = [np.histogram(matrix, edges)[0] for part in matrices for matrix in part]
    shares = np.stack(counts) / (matrices.shape[0] * matrices.shape[1])
    resampled = resampling_weights(len(shares), n_replicates, rng) @ shares
    low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
    widths = np.diff(edges)
    laws = {BIPARTITE: normal_shares(edges, *moments.over((0, 1)))}
    if labelled is not None:
        others = (1,) if labelled == "rows" else (0,)
        laws[ONE_SIDED] = normal_shares(edges, *moments.over(others))
    densities = {"density": shares.mean(axis=0), "low": low, "high": high, **laws}
    return pd.DataFrame(
        {
            "left": edges[:-1],
            "right": edges[1:],
            **{name: values / widths for name, values in densities.items()},
            "beyond": 1 - shares.sum(axis=1).mean(),
        }
    )
