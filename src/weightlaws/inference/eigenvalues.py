"""Where the eigenvalues of an ensemble of square matrices lie, beside the circular law.

The eigenvalues of a D x D matrix of independent entries with mean 0 and variance v fill the disc of
radius sqrt(D v) evenly as D grows. Matrices of finite size also have real eigenvalues, some
sqrt(2 D / pi) of them, and a soft edge; draws of a fitted law show both.

References
----------
Girko, V. L. (1985). Theory of Probability and its Applications 29, 694-706: the circular law.
Edelman, A., Kostlan, E. and Shub, M. (1994). Journal of the AMS 7, 247-267: real eigenvalues.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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

#: The disc's radius times this is the end of the plane that is shown.
REACH = 1.6


@dataclass(frozen=True)
class Eigenvalues:
    """Densities of eigenvalues over that of the circular law, and how far they lie from 0.

    Lengths are in units of the disc's radius; the circular law has density 1 in the disc.

    Attributes
    ----------
    radius
        Of the disc: the root of D times the variance of the entries; 1 if that is 0.
    observed, law
        In cells (imaginary, real) of the square from -`REACH` to `REACH`.
    distances
        From 0, (distance,).
    within, low, high
        Share of the members' eigenvalues no further from 0 than each distance, with the 95 %
        interval by the bootstrap over members.
    law_within
        That of the law.
    """

    radius: float
    observed: Floats
    law: Floats
    distances: Floats
    within: Floats
    low: Floats
    high: Floats
    law_within: Floats


def eigenvalues(
    matrices: npt.ArrayLike | Matrices, n_replicates: int, rng: np.random.Generator
) -> Eigenvalues:
    """Measure the eigenvalues of matrices (member, D, D), D > 3, and of the 13-parameter law's.

    Eigenvalues do not change when rows and columns are permuted together, the symmetry of that law.
    Of wide matrices the first members are measured: 64,000 eigenvalues in all.
    Without variance of the entries there is no disc, and lengths are in units of weight.
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
    return Eigenvalues(
        radius=float(radius),
        observed=_in_cells(found),
        law=_in_cells(drawn),
        distances=distances,
        within=members.mean(axis=0),
        low=low,
        high=high,
        law_within=_within(drawn, distances).mean(axis=0),
    )


def _in_cells(values: npt.NDArray[Any]) -> Floats:
    """Return the density of complex values (member, D) in the cells of the plane."""
    ends = np.linspace(-REACH, REACH, _CELLS + 1)
    flat = values.ravel()
    counts, _, _ = np.histogram2d(flat.imag, flat.real, bins=(ends, ends))
    return np.asarray(np.pi * counts / (flat.size * (ends[1] - ends[0]) ** 2))


def _within(values: npt.NDArray[Any], distances: Floats) -> Floats:
    """Return the share (member, distance) of each member's values (member, D) so near to 0."""
    return np.asarray((np.abs(values)[:, :, None] <= distances).mean(axis=1))
