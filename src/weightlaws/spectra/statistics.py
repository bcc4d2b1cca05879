"""The statistics of a matrix's singular values that are judged against random matrices."""

from collections.abc import Mapping

import numpy as np

from weightlaws.arrays import Floats, Shape
from weightlaws.spectra import levels
from weightlaws.spectra.brody import brody
from weightlaws.spectra.marchenko_pastur import MIN_VALUES, Bulk, Ends, fit_bulk

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
#: Statistics that are also measured with the entries permuted.
PERMUTED = ("outliers_above", "bulk_distance")
_OF_THE_BULK = ("outliers_above", "outliers_below", "share_outside", "bulk_distance")
NO_BULK = "half of the singular values or more are outside: the law fits no bulk"
_UNFOLDED = ("brody", "spacing_distance", *NUMBER_VARIANCES)


def bulk_statistics(bulk: Bulk, n: int) -> dict[str, float]:
    """Return the statistics of a fit to n singular values: `STATISTICS` up to the distance."""
    outside = bulk.above + bulk.below
    return dict(
        zip(
            _OF_THE_BULK,
            (float(bulk.above), float(bulk.below), outside / n, bulk.distance),
            strict=True,
        )
    )


def bulk_levels(values: Floats, bulk: Bulk) -> Floats:
    """Return the singular values of the bulk, ascending, (n - above - below,)."""
    return values[bulk.above : len(values) - bulk.below][::-1]


def unfolded_levels(values: Floats, bulk: Bulk) -> Floats:
    """Return the unfolded levels of the bulk; empty if there are too few levels to unfold."""
    if bulk.sigma > 0 and levels.can_unfold(len(values), bulk.above + bulk.below):
        return levels.unfold(bulk_levels(values, bulk))
    return np.empty(0)


def spectral_statistics(
    values: Floats, shape: Shape, ends: Ends
) -> tuple[Bulk, dict[str, float], Floats]:
    """Measure all of `STATISTICS`.

    The same function measures trained and random matrices, so that it treats the edges of both
    alike.

    Parameters
    ----------
    values
        Singular values, descending, (n,), `marchenko_pastur.MIN_VALUES` at least.
    shape, ends
        See `marchenko_pastur.fit_bulk`.

    Returns
    -------
    Bulk
        The fit.
    dict
        By name; NaN where the matrix is too small: see `too_small`.
    array
        The unfolded spacings of the bulk, empty where it is too small.
    """
    bulk = fit_bulk(values, shape, ends)
    found = dict.fromkeys(STATISTICS, float("nan")) | bulk_statistics(bulk, len(values))
    found["mean_ratio"] = float(levels.mean_ratio(levels.bulk(bulk_levels(values, bulk))))
    unfolded = unfolded_levels(values, bulk)
    spacings = levels.spacings(unfolded)
    if len(unfolded):
        found["brody"] = float(brody(spacings))
        found["spacing_distance"] = float(levels.spacing_distance(spacings))
        variances = levels.number_variance(unfolded, levels.NUMBER_VARIANCE_LENGTHS)
        found.update(zip(NUMBER_VARIANCES, map(float, variances), strict=True))
    return bulk, found, spacings


def too_small(n: int, outside: int = 0) -> dict[str, str]:
    """Tell by name why statistics of n singular values are missing.

    ``outside`` is how many of them the fit leaves out.
    """
    notes: dict[str, str] = {}
    found = f"found {n} singular values"
    if not levels.can_unfold(n):
        fewest = levels.MIN_LEVELS + 4 * levels.WINDOW
        notes |= dict.fromkeys(_UNFOLDED, f"{found}, expected at least {fewest} to unfold")
    elif not levels.can_unfold(n, outside):
        fewest = levels.MIN_INNER_LEVELS + 4 * levels.WINDOW
        reason = f"{found}, {outside} of them outside, expected at least {fewest} inside to unfold"
        notes |= dict.fromkeys(_UNFOLDED, reason)
    if n < MIN_VALUES:
        notes |= dict.fromkeys(STATISTICS, f"{found}, expected at least {MIN_VALUES}")
    return notes
