"""Where the eigenvalues of an ensemble of square matrices lie, beside the circular law.

The eigenvalues of a D x D matrix of independent entries with mean 0 and variance v fill the disc of
radius sqrt(D v) evenly as D grows. Matrices of finite size also have real eigenvalues, some
sqrt(2 D / pi) of them, and a soft edge; draws of a fitted law show both.

References
----------
Girko, V. L. (1985). Theory of Probability and its Applications 29, 694-706: the circular law.
Edelman, A., Kostlan, E. and Shub, M. (1994). Journal of the AMS 7, 247-267: real eigenvalues.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.laws.base import ROUNDING, checked_parts, drawn_parts
from weightlaws.laws.pigmm import PIGMM
from weightlaws.storage.matrices import Matrices

# An odd number, so that the real axis has a row of its own.
_CELLS = 33
#: Draws of a law have so many eigenvalues at least.
DRAWN = 20_000
#: Members that are measured have so many at most: few wide matrices have many, which take long.
MOST = 64_000

#: The disc's radius times this is the end of the plane that is kept.
REACH = 1.6
_ENDS = np.linspace(-REACH, REACH, _CELLS + 1)


def eigenvalues(
    matrices: npt.ArrayLike | Matrices, n_replicates: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure the eigenvalues of matrices (member, D, D), D > 3, and of the 13-parameter law's.

    Eigenvalues do not change when rows and columns are permuted together, the symmetry of that law.
    Of wide matrices the first members are measured: 64,000 eigenvalues in all.
    Lengths are in units of the radius of the circular law's disc. Without variance of the entries
    there is no disc, and they are in units of weight.

    Parameters
    ----------
    matrices : (member, D, D)
        Of two members or more.
    n_replicates
        Number of resampled ensembles.
    rng
        Draws matrices of the law, and resampled ensembles.

    Returns
    -------
    shares : DataFrame
        One row a distance from 0. ``n_measured``: the members that are measured. ``radius``: of the
        disc, the root of D times the variance of the entries; 1 if that is 0. ``within``: the share
        of the members' eigenvalues no further from 0 than ``distance``; ``low`` and ``high``: its
        95 % interval by the bootstrap over members. ``law_within``: the law's share.
    plane : DataFrame
        One row a cell of the square that reaches from -`REACH` to `REACH` in both directions.
        ``imaginary``, ``real``: its middle. ``density`` and ``law_density``: of the members'
        eigenvalues and of the law's, over the density of the circular law in its disc.
    """
    matrices = Matrices.of(matrices)
    law, size = PIGMM.fit(matrices), matrices.shape[0]
    square, mean = law.expectation(["I3", "I2"]) / size**2
    variance = square - mean**2  # of all entries, as the law fits both
    radius = np.sqrt(size * variance) if variance > ROUNDING * square else 1.0
    measured = matrices[np.arange(len(matrices)) < max(2, MOST // size)]
    draws = drawn_parts(law, max(len(measured), DRAWN // size), rng)
    found, drawn = (
        np.concatenate([np.linalg.eigvals(part) for part in parts]) / radius
        for parts in (checked_parts(measured), draws)
    )
    distances = np.linspace(0, REACH, 17)[1:]
    members = _within(found, distances)
    resampled = resampling_weights(len(members), n_replicates, rng) @ members
    low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
    shares = {
        "n_measured": len(members),
        "radius": float(radius),
        "distance": distances,
        "within": members.mean(axis=0),
        "low": low,
        "high": high,
        "law_within": _within(drawn, distances).mean(axis=0),
    }
    middles = REACH / _CELLS * np.arange(1 - _CELLS, _CELLS, 2)
    plane = {
        "imaginary": middles.repeat(_CELLS),
        "real": np.tile(middles, _CELLS),
        "density": _in_cells(found).ravel(),
        "law_density": _in_cells(drawn).ravel(),
    }
    return pd.DataFrame(shares), pd.DataFrame(plane)


def _in_cells(values: npt.NDArray[Any]) -> Floats:
    """Return the density of complex values (member, D) in cells (imaginary, real)."""
    flat = values.ravel()
    counts, _, _ = np.histogram2d(flat.imag, flat.real, bins=(_ENDS, _ENDS))
    return np.asarray(np.pi * counts / (flat.size * (_ENDS[1] - _ENDS[0]) ** 2))


def _within(values: npt.NDArray[Any], distances: Floats) -> Floats:
    """Return the share (member, distance) of each member's values (member, D) so near to 0."""
    return np.asarray((np.abs(values)[:, :, None] <= distances).mean(axis=1))
