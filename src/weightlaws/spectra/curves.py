"""The curves of spectra: densities, spacings, number variance and Hill plots, with theory."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import special

from weightlaws.arrays import Floats
from weightlaws.spectra import levels, marchenko_pastur
from weightlaws.spectra.null import SPACING_EDGES, Null
from weightlaws.spectra.shards import LayerSpectra
from weightlaws.spectra.statistics import NUMBER_VARIANCES

_BINS = 16, 40  # at least, and at most
# 95 % of a Gaussian.
_BAND = 1.96


def curves_table(spectra: LayerSpectra, nulls: Sequence[Null]) -> pd.DataFrame:
    """One row a point of a curve of one layer after one epoch.

    Parameters
    ----------
    spectra
        The analyses of the members.
    nulls
        By member, of the shape of its bulk.

    Returns
    -------
    DataFrame
        ``curve``, ``x``, ``y``, ``low`` and ``high``, ``theory``; NaN where there is none.

        - ``density``: singular values of all members over bins, as a share of all per unit, with
          the 95 % interval of the mean over members, and the mean of the Marchenko-Pastur laws
          fitted to the members.
        - ``outlier``: each singular value above its member's bulk, at ``x``.
        - ``spacing``: level spacings of the bulk, in mean spacings, with the 95 % band of as many
          random matrices, and Wigner's surmise.
        - ``number_variance``: by the length of the window, with the same band, and the law of the
          Gaussian orthogonal ensemble.
        - ``hill``: the Hill estimator by the number k of largest values, with the 95 % interval of
          the mean over members; of a single one it is that of a tail that is a power law.
        - ``plateau``: first and last k of the Hill plot's plateau, with its height; means over the
          members that have one.
    """
    parts = {
        "density": _density(spectra),
        "outlier": _outliers(spectra),
        "spacing": _spacings(spectra, nulls),
        "number_variance": _number_variance(spectra, nulls),
        "hill": _hill(spectra),
        "plateau": _plateau(spectra),
    }
    tables = [pd.DataFrame(part).assign(curve=name) for name, part in parts.items()]
    table = pd.concat(tables, ignore_index=True)
    return table.reindex(columns=["curve", "x", "y", "low", "high", "theory"])


def _density(spectra: LayerSpectra) -> dict[str, Floats]:
    values = spectra.singular_values
    largest = 1.02 * float(values.max()) or 1.0
    # Of few values each bin has to hold some, or its share is noise.
    bins = int(np.clip(np.sqrt(values.size), *_BINS))
    edges = np.histogram_bin_edges(values, bins, (0.98 * float(values.min()), largest))
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    shares = np.array([np.histogram(own, edges)[0] / (len(own) * widths) for own in values])
    y, reach = shares.mean(axis=0), _reach(shares)
    return {
        "x": centres,
        "y": y,
        "low": np.clip(y - reach, 0, None),
        "high": y + reach,
        "theory": np.mean([*_laws(spectra, centres)], axis=0),
    }


def _reach(values: Floats) -> Floats:
    """How far 95 % intervals of means over members (member, point) reach; NaN of a single one."""
    n = len(values)
    if n < 2:
        return np.full(values.shape[1], np.nan)
    return np.asarray(special.stdtrit(n - 1, 0.975) * values.std(axis=0, ddof=1) / np.sqrt(n))


def _laws(spectra: LayerSpectra, x: Floats) -> Iterator[Floats]:
    """Return each member's fitted law, as a density of all its singular values, (point,)."""
    n = min(spectra.shape)
    for sigma, inner in zip(spectra.sigma, spectra.bulk_shapes(), strict=True):
        if not sigma > 0:  # or NaN, of too few values
            yield np.full(len(x), np.nan)
            continue
        yield marchenko_pastur.density(x, inner, sigma) * inner[0] / n


def _outliers(spectra: LayerSpectra) -> dict[str, Floats]:
    above = spectra.statistics["outliers_above"]
    ranks = np.arange(spectra.singular_values.shape[1])
    return {"x": spectra.singular_values[ranks < above[:, None]]}


def _spacings(spectra: LayerSpectra, nulls: Sequence[Null]) -> dict[str, Floats]:
    x = (SPACING_EDGES[1:] + SPACING_EDGES[:-1]) / 2
    low, high = _band([null.spacings.T for null in nulls])
    y, theory = _mean_of_known(spectra.spacings), levels.wigner_surmise(x)
    return {"x": x, "y": y, "low": low, "high": high, "theory": theory}


def _number_variance(spectra: LayerSpectra, nulls: Sequence[Null]) -> dict[str, Floats]:
    found = np.stack([spectra.statistics[name] for name in NUMBER_VARIANCES], axis=1)
    low, high = _band(
        [np.stack([null.statistics[name] for name in NUMBER_VARIANCES]) for null in nulls]
    )
    lengths = np.array([*NUMBER_VARIANCES.values()])
    return {
        "x": lengths,
        "y": _mean_of_known(found),
        "low": low,
        "high": high,
        "theory": levels.goe_number_variance(lengths),
    }


def _mean_of_known(values: Floats) -> Floats:
    """Mean of the rows (row, point) that have no NaN; NaN if there are none."""
    known = values[np.isfinite(values).all(axis=1)]
    return known.mean(axis=0) if len(known) else np.full(values.shape[1], np.nan)


def _band(nulls: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return where the mean over the members is 95 % of the time, if random, (point,) each.

    ``nulls`` has by member values of random matrices, (point, matrix).
    """
    points = range(len(nulls[0]))
    middle, spread = np.transpose([mean_and_spread([one[k] for one in nulls]) for k in points])
    error = spread / np.sqrt(len(nulls))
    return middle - _BAND * error, middle + _BAND * error


def mean_and_spread(nulls: Sequence[Floats]) -> tuple[float, float]:
    """Mean and standard deviation of one random matrix's value, averaged over members.

    Parameters
    ----------
    nulls
        By member, (matrix,); values that are not finite are left out.

    Returns
    -------
    float, float
        NaN where no member has two values.
    """
    distinct = {id(null): null for null in nulls}
    summed = {}
    for key, null in distinct.items():
        known = null[np.isfinite(null)]
        if len(known) > 1:
            summed[key] = known.mean(), known.var(ddof=1)
    found = [summed[id(null)] for null in nulls if id(null) in summed]
    if not found:
        return np.nan, np.nan
    middle, variance = np.mean(found, axis=0)
    return float(middle), float(np.sqrt(variance))


def _hill(spectra: LayerSpectra) -> dict[str, Floats]:
    """Return the estimates up to the k that all members with two positive values have."""
    known = np.isfinite(spectra.hill).sum(axis=1)
    length = int(known[known > 0].min(initial=spectra.hill.shape[1])) if known.any() else 0
    k = np.arange(1.0, length + 1)
    values = spectra.hill[known > 0, :length]
    y = values.mean(axis=0) if length else k
    reach = _reach(values) if len(values) > 1 else _BAND * y / np.sqrt(k)
    return {"x": k, "y": y, "low": y - reach, "high": y + reach}


def _plateau(spectra: LayerSpectra) -> dict[str, Floats]:
    found = spectra.plateau[np.isfinite(spectra.plateau).all(axis=1)]
    if not len(found):
        return {"x": np.empty(0), "y": np.empty(0)}
    first, last, exponent = found.mean(axis=0)
    return {"x": np.array([first, last]), "y": np.full(2, 1 / (exponent - 1))}
