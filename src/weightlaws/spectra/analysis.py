"""Random-matrix analysis of one weight matrix: bulk, local statistics, singular vectors, tail.

Most singular values and vectors of a trained weight matrix are those of a random matrix; the
largest may not be, and then carry what was learned. Sources: arXiv:2203.14661, arXiv:2206.03927.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import linalg

from weightlaws.arrays import Bools, Floats, Shape
from weightlaws.spectra.brody import brody_bootstrap
from weightlaws.spectra.marchenko_pastur import MIN_VALUES, Bulk, fit_bulk
from weightlaws.spectra.null import Null, reference_null
from weightlaws.spectra.p_values import rank_p_value
from weightlaws.spectra.statistics import (
    NO_BULK,
    PERMUTED,
    STATISTICS,
    bulk_statistics,
    spectral_statistics,
    too_small,
)
from weightlaws.spectra.tails import Tail, analyse_tail
from weightlaws.spectra.vectors import (
    informative_ranks,
    p_values,
    participation,
    pooled,
    porter_thomas_distances,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Vectors:
    """How far the singular vectors of each rank are from the Porter-Thomas law.

    Attributes
    ----------
    p_left, p_right
        Chance that a random vector is as far, (rank,); NaN beyond the matrix's rank, where vectors
        are not determined.
    participation_left, participation_right
        Inverse participation ratios, (rank,).
    informative
        Whether the left or the right vector is not Porter-Thomas, bool (rank,).
    """

    p_left: Floats
    p_right: Floats
    participation_left: Floats
    participation_right: Floats
    informative: Bools


@dataclass(frozen=True)
class Analysis:
    """What random-matrix theory says of one matrix.

    Attributes
    ----------
    shape
        (out, in).
    singular_values
        Descending, (n,), n the smaller of the two.
    bulk
        The Marchenko-Pastur law fitted to them; None if there are too few.
    values
        All of `spectral_statistics.STATISTICS` by name; NaN with a note where the matrix is too
        small.
    permuted
        Those of the bulk for the matrix with its entries permuted, by name, (permutation,).
    spacings
        Unfolded level spacings of the bulk, in mean spacings; empty if there are too few levels.
    brody_error
        Standard error of the Brody parameter, by bootstrap.
    vectors
        The singular vectors, from the largest singular value on.
    tail
        The tail of large singular values.
    null
        What the statistics are judged against.
    notes
        Why a statistic is NaN, or the tail's verdict what it is, by statistic.
    """

    shape: Shape
    singular_values: Floats
    bulk: Bulk | None
    values: dict[str, float]
    permuted: dict[str, Floats]
    spacings: Floats
    brody_error: float
    vectors: Vectors
    tail: Tail
    null: Null
    notes: dict[str, str]

    @property
    def n_outliers(self) -> int:
        """Singular values above the upper edge of the law."""
        return 0 if self.bulk is None else self.bulk.above

    @property
    def n_informative_vectors(self) -> int:
        """Ranks whose left or right singular vector is not Porter-Thomas."""
        return int(self.vectors.informative.sum())

    @property
    def informative_from(self) -> float:
        """The singular value from which on, upwards, all vectors are informative; NaN if none."""
        run = int(np.cumprod(self.vectors.informative).sum())
        return float(self.singular_values[run - 1]) if run else float("nan")

    @property
    def mean_ratio(self) -> float:
        """Mean ratio <r> of consecutive level spacings in the bulk; 0.5307 if random and large."""
        return self.values["mean_ratio"]

    @property
    def brody(self) -> float:
        """Brody parameter of the unfolded spacings: 0.96 if random, 0 if independent."""
        return self.values["brody"]

    @property
    def tail_verdict(self) -> str:
        """``power law``, ``not a power law`` or ``too few values``."""
        return self.tail.verdict

    def table(self) -> "pd.DataFrame":
        """One row a statistic that has a null: ``value``, ``null_mean``, ``null_sd``, ``p_value``.

        p-values come from ranks among simulated matrices, two-sided where a value can be unusual on
        both sides; `too_small` ones are NaN.
        """
        import pandas as pd  # slow to import, and only this needs it

        rows = [
            {
                "statistic": name,
                "value": value,
                "null_mean": null.mean() if len(null) else np.nan,
                "null_sd": null.std(ddof=1) if len(null) else np.nan,
                "p_value": rank_p_value(value, null, STATISTICS[name]),
            }
            for name, value in self.values.items()
            for null in [self.null.known(name)]
        ]
        return pd.DataFrame(rows)


def analyse(
    matrix: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    null: Null | None = None,
    false_discovery_rate: float = 0.05,
    permutations: int = 19,
    bootstrap_replicates: int = 200,
    goodness_of_fit_replicates: int = 0,
) -> Analysis:
    """Compare a weight matrix with random matrices of its shape.

    The singular values are those of LAPACK in float64, none left out.

    Parameters
    ----------
    matrix
        (out, in), both at least 1; convolutions as (out, in * k * k).
    rng
        Draws permutations of the entries and resamples spacings.
    null
        What random matrices of this shape do. If it is not given, `null_spectra.reference_null`.
    false_discovery_rate
        Share of singular vectors called informative that may be random ones.
    permutations
        Of the entries, behind the second null of the bulk.
    bootstrap_replicates
        Behind the standard error of the Brody parameter.
    goodness_of_fit_replicates
        See `tails.analyse_tail`.

    Raises
    ------
    ValueError
        If the matrix is not two-dimensional, is empty, is not finite, or has another shape than the
        null's.
    """
    w = np.asarray(matrix, dtype=np.float64)
    if w.ndim != 2 or w.size == 0:
        raise ValueError(f"matrix: found shape {w.shape}, expected (out, in), both at least 1")
    if not np.isfinite(w).all():
        raise ValueError("matrix: found NaN or infinity, expected finite entries")
    shape = (w.shape[0], w.shape[1])
    null = reference_null(shape) if null is None else null
    if null.shape != shape:
        raise ValueError(f"null: found one for shape {null.shape}, expected {shape}")
    u, s, vt = linalg.svd(w, full_matrices=False)
    notes = too_small(len(s))
    bulk, values = None, dict.fromkeys(STATISTICS, float("nan"))
    permuted = {name: np.full(permutations, np.nan) for name in PERMUTED}
    error, spacings = float("nan"), np.empty(0)
    if len(s) >= MIN_VALUES:
        bulk, values, spacings = spectral_statistics(s, shape, null.ends)
        notes |= too_small(len(s), bulk.above + bulk.below)
        if bulk.is_none:
            notes |= dict.fromkeys(permuted, NO_BULK)
        for k in range(permutations):
            again = _rough_singular_values(rng.permutation(w.ravel()).reshape(shape))
            found = bulk_statistics(fit_bulk(again, shape, null.ends), len(s))
            for name, drawn in permuted.items():
                drawn[k] = found[name]
        if len(spacings):
            error = brody_bootstrap(spacings, rng, bootstrap_replicates)
    tail = analyse_tail(s, rng, goodness_of_fit_replicates=goodness_of_fit_replicates)
    notes["tail"] = tail.reason
    vectors = _vectors(u.T, s, vt, null, false_discovery_rate)
    return Analysis(shape, s, bulk, values, permuted, spacings, error, vectors, tail, null, notes)


def _rough_singular_values(matrix: Floats) -> Floats:
    """Singular values, descending, to 1e-8 of the largest, which does for a null: by squares."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    squares = linalg.eigvalsh(wide @ wide.T)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0))[::-1])


def _vectors(left: Floats, s: Floats, right: Floats, null: Null, rate: float) -> Vectors:
    p = []
    # What is 0 to rounding has no vector of its own; NumPy's rule for the rank of a matrix.
    determined = s > s[0] * max(null.shape) * np.finfo(np.float64).eps
    for vectors, distances in ((left, null.left), (right, null.right)):
        found = porter_thomas_distances(pooled(vectors, null.pooled_ranks))
        entries = vectors.shape[1] * null.pooled_ranks
        p.append(np.where(determined, p_values(found, distances, entries), np.nan))
    informative = informative_ranks(p[0], p[1], rate)
    return Vectors(p[0], p[1], participation(left), participation(right), informative)
