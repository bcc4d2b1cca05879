"""Random-matrix analysis of one weight matrix: bulk, local statistics, singular vectors, tail.

Most singular values and vectors of a trained weight matrix look like a random matrix's. The largest
may not; they then carry what the network learned. Sources: arXiv:2203.14661, arXiv:2206.03927.
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
        Chance that a random vector is as far, (rank,). Beyond the matrix's rank vectors are not
        determined, and it is NaN.
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
    """The result of `analyse`.

    Attributes
    ----------
    shape
        (out, in).
    singular_values
        Descending, (n,), n the smaller of the two.
    bulk
        The Marchenko-Pastur law fitted to them; None if there are too few.
    values
        All of `statistics.STATISTICS` by name. Where the matrix is too small, a value is NaN and
        has a note.
    permuted
        The statistics `statistics.PERMUTED` of the matrix with its entries permuted, by name,
        (permutation,).
    spacings
        Unfolded level spacings of the bulk, in mean spacings; empty if there are too few levels.
    brody_error
        Standard error of the Brody parameter, by bootstrap.
    vectors
        The singular vectors, from the largest singular value on.
    tail
        The tail of large singular values.
    null
        The random matrices that the statistics are compared with.
    notes
        By statistic, why it is NaN; under ``tail``, the reason for the verdict.
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
        """The smallest singular value above which all vectors are informative; NaN if none is."""
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

        A p-value is a rank among simulated matrices. It is two-sided where a value can be unusual
        on both sides, and NaN where the matrix is too small.
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

    LAPACK finds all singular values in float64.

    Parameters
    ----------
    matrix
        (out, in), both at least 1; convolutions as (out, in * k * k).
    rng
        Draws permutations of the entries and resamples spacings.
    null
        Statistics of random matrices of this shape. If it is not given, `null.reference_null`.
    false_discovery_rate
        Share of random vectors among the singular vectors that are called informative.
    permutations
        Number of random orders of the entries, the second null of the bulk.
    bootstrap_replicates
        Number of resamples for the standard error of the Brody parameter.
    goodness_of_fit_replicates
        See `tails.analyse_tail`.

    Raises
    ------
    ValueError
        If the matrix is not two-dimensional, is empty, is not finite, or has another shape than the
        null's.

    Examples
    --------
    A random matrix with one strong entry:

    >>> from weightlaws.spectra.null import simulate_null
    >>> rng = np.random.default_rng(1)
    >>> null = simulate_null((20, 30), rng, matrices=50, vectors=500)
    >>> matrix = rng.standard_normal((20, 30))
    >>> matrix[0, 0] = 40.0
    >>> found = analyse(matrix, rng, null=null)
    >>> found.n_outliers, found.n_informative_vectors, found.tail_verdict
    (1, 1, 'too few values')
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
    """Return singular values, descending, by squares: to 1e-8 of the largest, enough for a null."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    squares = linalg.eigvalsh(wide @ wide.T)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0))[::-1])


def _vectors(left: Floats, s: Floats, right: Floats, null: Null, rate: float) -> Vectors:
    p = []
    # A singular value of 0 has no vector of its own. NumPy's rule for a rank says where 0 begins.
    determined = s > s[0] * max(null.shape) * np.finfo(np.float64).eps
    for vectors, distances in ((left, null.left), (right, null.right)):
        found = porter_thomas_distances(pooled(vectors, null.pooled_ranks))
        entries = vectors.shape[1] * null.pooled_ranks
        p.append(np.where(determined, p_values(found, distances, entries), np.nan))
    informative = informative_ranks(p[0], p[1], rate)
    return Vectors(p[0], p[1], participation(left), participation(right), informative)
