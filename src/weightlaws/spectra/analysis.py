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
from weightlaws.spectra.marchenko_pastur import MIN_VALUES, Bulk, fit_bulks
from weightlaws.spectra.null import Null, matched_null, reference_null
from weightlaws.spectra.p_values import rank_p_value
from weightlaws.spectra.precision import rounding, zero
from weightlaws.spectra.sign_flips import count_learned, flipped_copies
from weightlaws.spectra.statistics import (
    DECOMPOSED,
    LEVELS,
    NO_BULK,
    NOT_DETERMINED,
    OF_COPIES,
    OF_THE_BULK,
    STATISTICS,
    brody_window_spread,
    bulk_levels,
    bulk_statistics,
    determined,
    spectral_statistics,
    why_missing,
)
from weightlaws.spectra.structure import structure_notes, without_zeros
from weightlaws.spectra.tails import Tail, analyse_tail
from weightlaws.spectra.vectors import (
    family_wise_p_values,
    participation,
    undetermined,
    vector_distances,
)

if TYPE_CHECKING:
    import pandas as pd

# Entries of permuted matrices at a time.
_CHUNK = 2**18


@dataclass(frozen=True)
class Vectors:
    """How far the singular vectors of each rank are from the Porter-Thomas law.

    Attributes
    ----------
    p_left, p_right
        Chance that some vector of a sign-flipped copy stands out as much, (rank,): see
        `vectors.family_wise_p_values`. NaN where a vector is not determined.
    participation_left, participation_right
        Inverse participation ratios, (rank,), with the same NaN.
    informative
        Whether the left or the right vector stands out more than all of all copies, bool (rank,):
        it lives on fewer entries, or on others, than scale explains.
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
    inner
        The shape without rows and columns of zeros, of which all nulls are.
    singular_values
        Descending, (n,), n the smaller side of ``shape``; zeros to rounding are 0.
    learned_rank
        Components beyond what scale explains: see `sign_flips.learned_rank`; NaN if it cannot be
        told.
    bulk
        The Marchenko-Pastur law fitted to them; None if there are too few.
    values
        All of `statistics.STATISTICS` by name. A value that is not determined is NaN and has a
        note.
    permuted, sign_flipped
        The statistics `statistics.OF_COPIES` of the matrix with its entries permuted and with its
        signs flipped, by name, (copy,).
    spacings
        Unfolded level spacings of the bulk, in mean spacings; empty if there are too few levels.
    brody_error
        Standard error of the Brody parameter, by bootstrap.
    brody_window_spread
        See `statistics.brody_window_spread`.
    vectors
        The singular vectors, from the largest singular value on.
    tail
        The tail of large singular values.
    null
        The random matrices that the statistics are compared with.
    notes
        By statistic, why it is NaN; under ``tail``, the reason for the verdict; and what
        `structure.structure_notes` finds. ``levels`` and ``vectors`` say for all of them why they
        are not determined.
    """

    shape: Shape
    inner: Shape
    singular_values: Floats
    learned_rank: float
    bulk: Bulk | None
    values: dict[str, float]
    permuted: dict[str, Floats]
    sign_flipped: dict[str, Floats]
    spacings: Floats
    brody_error: float
    brody_window_spread: float
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
        """Ranks whose left or right singular vector is localised more than scale explains."""
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
        on both sides, and NaN where it is not determined. Statistics of the bulk are compared with
        matrices of the bulk's shape.
        """
        import pandas as pd  # slow to import, and only this needs it

        rows = []
        for name, value in self.values.items():
            source = self.null
            if name in OF_THE_BULK and self.bulk is not None and np.isfinite(value):
                source = matched_null(self.null, self.bulk.shape)
            null = source.known(name)
            rows.append(
                {
                    "statistic": name,
                    "value": value,
                    "null_mean": null.mean() if len(null) else np.nan,
                    "null_sd": null.std(ddof=1) if len(null) else np.nan,
                    "p_value": rank_p_value(value, null, STATISTICS[name]),
                }
            )
        return pd.DataFrame(rows)


def analyse(
    matrix: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    null: Null | None = None,
    permutations: int = 19,
    sign_flips: int = 39,
    bootstrap_replicates: int = 200,
    goodness_of_fit_replicates: int = 0,
) -> Analysis:
    """Compare a weight matrix with random matrices of its shape.

    Rows and columns of zeros are left out first. LAPACK finds all singular values in float64.

    Parameters
    ----------
    matrix
        (out, in), both at least 1; convolutions as (out, in * k * k).
    rng
        Draws permutations of the entries and signs, and resamples spacings.
    null
        Statistics of random matrices of this shape. If it is not given, `null.reference_null`.
    permutations
        Number of random orders of the entries, the second null of the bulk.
    sign_flips
        Number of sign-flipped copies, the third null, of which the learned rank has the level
        1 / (1 + sign_flips). At most `statistics.DECOMPOSED` of them have spectra and vectors, so
        that informative vectors have the level 1 / 20. With 0 there are none, and no learned rank.
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
    A random matrix with a block of larger entries, all of one sign:

    >>> from weightlaws.spectra.null import simulate_null
    >>> rng = np.random.default_rng(1)
    >>> null = simulate_null((20, 30), seed=0, matrices=50)
    >>> matrix = rng.standard_normal((20, 30))
    >>> matrix[:4, :4] += 20.0
    >>> found = analyse(matrix, rng, null=null)
    >>> found.n_outliers, found.learned_rank, found.n_informative_vectors, found.tail_verdict
    (1, 1.0, 0, 'too few values')
    """
    w = np.asarray(matrix, dtype=np.float64)
    if w.ndim != 2 or w.size == 0:
        raise ValueError(f"matrix: found shape {w.shape}, expected (out, in), both at least 1")
    if not np.isfinite(w).all():
        raise ValueError("matrix: found NaN or infinity, expected finite entries")
    shape = (w.shape[0], w.shape[1])
    if null is not None and null.shape != shape:
        raise ValueError(f"null: found one for shape {null.shape}, expected {shape}")
    null = reference_null(shape) if null is None else null
    n = min(shape)
    inner, rows, columns = without_zeros(w)
    notes = structure_notes(w, rows, columns)
    if not inner.size:
        return _of_zeros(shape, null, permutations, sign_flips, notes)
    if inner.shape != shape:
        null = matched_null(null, (inner.shape[0], inner.shape[1]))
    u, s, vt = linalg.svd(inner, full_matrices=False)
    apart, nothing = rounding(s, inner), zero(s, inner)
    s = np.where(s > nothing, s, 0.0)
    copies = flipped_copies(inner, min(sign_flips, DECOMPOSED), rng, apart)
    learned = count_learned(inner, u, s, vt, sign_flips, rng, copies.singular_values[:, 0])
    if np.isnan(learned):
        notes["learned_rank"] = (
            "signs do not change the norm of a single row or column" if sign_flips else "no flips"
        )
    notes |= why_missing(len(s))
    bulk, values = None, dict.fromkeys(STATISTICS, float("nan"))
    n_copies = permutations + len(copies.singular_values)
    of_copies = {name: np.full(n_copies, np.nan) for name in OF_COPIES}
    error, window_spread, spacings = float("nan"), float("nan"), np.empty(0)
    if len(s) >= MIN_VALUES:
        bulks, found, (spacings,) = spectral_statistics(s[None], null.shape, null.ends, apart)
        bulk, values = bulks.one(0), {name: float(one[0]) for name, one in found.items()}
        inside = bulk_levels(s, bulk)
        notes |= why_missing(len(s), len(inside))
        if bulk.is_none:
            notes |= dict.fromkeys(OF_COPIES, NO_BULK)
        if determined(inside[None], apart)[0]:
            window_spread = brody_window_spread(inside)
        else:
            notes |= dict.fromkeys((*LEVELS, "brody_window_spread", "levels"), NOT_DETERMINED)
        if not bulk.sigma > 0:
            notes["bulk_distance"] = NOT_DETERMINED
        again = _permuted_singular_values(inner, permutations, rng)
        copied = fit_bulks(np.concatenate([again, copies.singular_values]), null.shape, null.ends)
        of_copies = {name: bulk_statistics(copied, len(s))[name] for name in OF_COPIES}
        if len(spacings):
            error = brody_bootstrap(spacings, rng, bootstrap_replicates)
    tail = analyse_tail(
        s, rng, rounding=apart, goodness_of_fit_replicates=goodness_of_fit_replicates
    )
    notes["tail"] = tail.reason
    unknown = undetermined(s, max(apart, nothing))
    if unknown.any():
        found_equal = f"{unknown.sum()} of {len(s)} singular values"
        notes["vectors"] = f"{found_equal} are 0, or equal to another, to rounding"
    vectors = _vectors(u.T, vt, unknown, copies.distances, n)
    every = np.zeros(n)
    every[: len(s)] = s
    return Analysis(
        shape,
        (inner.shape[0], inner.shape[1]),
        every,
        learned,
        bulk,
        values,
        {name: values[:permutations] for name, values in of_copies.items()},
        {name: values[permutations:] for name, values in of_copies.items()},
        spacings,
        error,
        window_spread,
        vectors,
        tail,
        null,
        notes,
    )


def _of_zeros(
    shape: Shape, null: Null, permutations: int, sign_flips: int, notes: dict[str, str]
) -> Analysis:
    """Return the analysis of a matrix without any entry but 0: nothing is determined."""
    n, unknown = min(shape), float("nan")
    missing = (*STATISTICS, "learned_rank", "brody_window_spread", "levels", "vectors")
    tail = analyse_tail(np.zeros(n), np.random.default_rng(0))
    nothing = np.full(n, np.nan)
    return Analysis(
        shape,
        (0, 0),
        np.zeros(n),
        unknown,
        None,
        dict.fromkeys(STATISTICS, unknown),
        {name: np.full(permutations, np.nan) for name in OF_COPIES},
        {name: np.full(min(sign_flips, DECOMPOSED), np.nan) for name in OF_COPIES},
        np.empty(0),
        unknown,
        unknown,
        Vectors(nothing, nothing, nothing, nothing, np.zeros(n, np.bool_)),
        tail,
        null,
        notes | dict.fromkeys(missing, "all entries are 0") | {"tail": tail.reason},
    )


def _permuted_singular_values(w: Floats, permutations: int, rng: np.random.Generator) -> Floats:
    """Singular values of the matrix with its entries in random orders, descending, (order, n).

    They are found by their squares: to 1e-8 of the largest, enough for a null.
    """
    shape = min(w.shape), max(w.shape)
    found = np.empty((permutations, shape[0]))
    step = max(1, _CHUNK // w.size)
    for start in range(0, permutations, step):
        part = found[start : start + step]
        again = np.tile(w.ravel(), (len(part), 1))
        for one in again:  # in a loop, as the function for all is five times slower
            rng.shuffle(one)
        again = again.reshape(len(part), *shape)
        part[...] = np.linalg.eigvalsh(again @ again.transpose(0, 2, 1))[:, ::-1]
    return np.sqrt(np.maximum(found, 0.0))


def _vectors(left: Floats, right: Floats, unknown: Bools, copies: Floats, n: int) -> Vectors:
    """Compare vectors (rank, length) with those of copies; of n ranks, those beyond have none."""
    distances = np.stack([vector_distances(left), vector_distances(right)])
    p = family_wise_p_values(np.where(unknown, np.nan, distances), copies)
    found = np.full((4, n), np.nan)
    ranks = len(left)
    found[:2, :ranks] = p
    for row, vectors in zip(found[2:, :ranks], (left, right), strict=True):
        row[...] = np.where(unknown, np.nan, participation(vectors))
    # The least p that so many copies allow: more than all of all of them.
    informative = np.asarray((found[:2] * (1 + len(copies)) < 1.5).any(axis=0))
    return Vectors(found[0], found[1], found[2], found[3], informative)
