"""The statistics of matrices' singular values that are judged against random matrices."""

from collections.abc import Mapping

import numpy as np

from weightlaws.arrays import Bools, Floats, Shape
from weightlaws.spectra import levels
from weightlaws.spectra.brody import brody
from weightlaws.spectra.marchenko_pastur import MIN_VALUES, Bulk, Bulks, Ends, fit_bulks

NUMBER_VARIANCES = {
    f"number_variance_{length:g}": length for length in levels.NUMBER_VARIANCE_LENGTHS
}
#: Names, and on which side of its null a value is unusual.
STATISTICS: Mapping[str, str] = {
    "outliers_above": "greater",
    "outliers_below": "greater",
    "share_outside": "greater",
    "bulk_distance": "greater",
    "mean_ratio": "two-sided",
    "brody": "two-sided",
    "spacing_distance": "greater",
    **dict.fromkeys(NUMBER_VARIANCES, "two-sided"),
}
#: Sign-flipped copies of a matrix whose singular values and vectors are found. Of more of them only
#: the norms are compared, for the learned rank, which is far less work.
DECOMPOSED = 19
#: Statistics that are also measured in copies with entries permuted or signs flipped.
OF_COPIES = ("outliers_above", "bulk_distance")
#: Statistics of the bulk alone. Their null is of the shape that the bulk has: `Bulk.shape`.
OF_THE_BULK = ("bulk_distance", "mean_ratio", "brody", "spacing_distance", *NUMBER_VARIANCES)
#: Windows of the unfolding, in ranks to either side, over which Brody's parameter is compared.
WINDOWS = (10, 15, 20)
NO_BULK = "half of the singular values or more are outside: the law fits no bulk"
NOT_DETERMINED = "singular values of the bulk are equal, or differ by no more than rounding"
_COUNTS = ("outliers_above", "outliers_below", "share_outside", "bulk_distance")
_UNFOLDED = ("brody", "spacing_distance", *NUMBER_VARIANCES)
LEVELS = ("mean_ratio", *_UNFOLDED)
# Share of coinciding neighbours from where on levels say nothing.
_COINCIDE = 0.01


def bulk_statistics(bulks: Bulks, n: int) -> dict[str, Floats]:
    """Return the statistics of fits to n singular values: `STATISTICS` up to the distance."""
    above, below = bulks.above.astype(np.float64), bulks.below.astype(np.float64)
    return dict(zip(_COUNTS, (above, below, (above + below) / n, bulks.distance), strict=True))


def bulk_levels(values: Floats, bulk: Bulk) -> Floats:
    """Return the singular values (..., n) of the bulk, ascending, (..., n - above - below)."""
    return values[..., bulk.above : values.shape[-1] - bulk.below][..., ::-1]


def spectral_statistics(
    values: Floats, shape: Shape, ends: Ends, rounding: float = 0.0
) -> tuple[Bulks, dict[str, Floats], list[Floats]]:
    """Measure all of `STATISTICS` of matrices of one shape.

    The same function measures trained and random matrices, so that it treats the edges of both
    alike.

    Parameters
    ----------
    values
        Singular values, descending, (matrix, n), `marchenko_pastur.MIN_VALUES` at least.
    shape, ends
        See `marchenko_pastur.fit_bulks`.
    rounding
        Differences between singular values that rounding can make; see `precision.rounding`.

    Returns
    -------
    Bulks
        The fits.
    dict
        By name, (matrix,); NaN where a matrix is too small or its levels are not determined: see
        `why_missing`.
    list
        The unfolded spacings of each bulk, empty where they are not determined.
    """
    bulks = fit_bulks(values, shape, ends)
    found = {name: np.full(len(values), np.nan) for name in STATISTICS}
    found |= bulk_statistics(bulks, values.shape[1])
    spacings = [np.empty(0)] * len(values)
    # Matrices that leave out as many values have as many levels, and are measured together.
    outside = np.stack([bulks.above, bulks.below], axis=1)
    for counts in np.unique(outside, axis=0):
        alike = np.flatnonzero((outside == counts).all(axis=1))
        levels_of = bulk_levels(values[alike], bulks.one(alike[0]))
        known = determined(levels_of, rounding)
        alike, levels_of = alike[known], levels_of[known]
        found["mean_ratio"][alike] = levels.mean_ratio(levels.bulk(levels_of))
        if not len(alike) or not levels.can_unfold(levels_of.shape[1]):
            continue
        unfolded = levels.unfold(levels_of)
        apart = levels.spacings(unfolded)
        found["brody"][alike] = brody(apart)
        found["spacing_distance"][alike] = levels.spacing_distance(apart)
        variances = levels.number_variance(unfolded, levels.NUMBER_VARIANCE_LENGTHS)
        for name, variance in zip(NUMBER_VARIANCES, variances.T, strict=True):
            found[name][alike] = variance
        for k, one in zip(alike, apart, strict=True):
            spacings[k] = one
    return bulks, found, spacings


def determined(ascending: Floats, rounding: float) -> Bools:
    """Tell which levels (matrix, n) are more than rounding, (matrix,).

    They are not where all of them lie so close together, or more than one in a hundred neighbours.
    """
    gaps = np.diff(ascending, axis=1)
    apart = ascending[:, -1] - ascending[:, 0] > rounding
    return np.asarray(apart & ((gaps <= rounding).mean(axis=1) <= _COINCIDE))


def brody_window_spread(ascending: Floats) -> float:
    """Largest less smallest Brody parameter of levels (n,) unfolded with each of `WINDOWS`.

    NaN where they are too few for the widest.
    """
    if not levels.can_unfold(len(ascending), max(WINDOWS)):
        return float("nan")
    found = [brody(levels.spacings(levels.unfold(ascending, window))) for window in WINDOWS]
    return float(np.ptp(found))


def why_missing(n: int, inside: int | None = None) -> dict[str, str]:
    """Tell by name why statistics of n singular values are missing.

    ``inside`` is how many of them the fit leaves in its bulk; all, if not given.
    """
    if n < MIN_VALUES:
        reason = f"found {n} singular values, expected at least {MIN_VALUES}"
        return dict.fromkeys((*STATISTICS, "brody_window_spread"), reason)
    kept = n if inside is None else inside
    notes: dict[str, str] = {}
    for names, window in ((_UNFOLDED, levels.WINDOW), (("brody_window_spread",), max(WINDOWS))):
        if not levels.can_unfold(kept, window):
            fewest = levels.MIN_LEVELS + 4 * window
            reason = f"found {kept} singular values in the bulk, expected {fewest} to unfold"
            notes |= dict.fromkeys(names, reason)
    return notes
