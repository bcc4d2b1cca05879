"""The tables of spectra: statistics of a layer with their nulls, and singular vectors by rank."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from weightlaws.spectra.analysis import rank_p_value
from weightlaws.spectra.curves import curves_table
from weightlaws.spectra.marchenko_pastur import MIN_VALUES
from weightlaws.spectra.null import Null
from weightlaws.spectra.null_job import read_nulls
from weightlaws.spectra.shards import (
    PARAMETERS,
    VECTORS,
    LayerSpectra,
    read_spectra,
)
from weightlaws.spectra.statistics import NO_BULK, PERMUTED, STATISTICS, too_small
from weightlaws.spectra.tails import VERDICTS
from weightlaws.storage.shard_specs import Spec

Floats = npt.NDArray[np.float64]
Row = dict[str, Any]

# Random assignments behind each p-value of several members.
_ASSIGNMENTS = 999


def condition_tables(
    paths: Sequence[Path], nulls: Sequence[Path], spec: Spec, condition: str
) -> dict[str, pd.DataFrame]:
    """Make the tables of one condition's spectra.

    Parameters
    ----------
    paths
        Its spectra shards, in the order of their members.
    nulls
        Stored nulls, one for each shape of a layer.
    spec
        A ``specs.spectra_tables_spec``.
    condition
        Its name.

    Returns
    -------
    dict
        ``statistics``, ``ranks`` and ``curves``: see `statistics_table`, `ranks_table` and
        `spectral_curves.curves_table`. Before their columns stand ``condition``, ``layer``,
        ``rows``, ``columns``, ``epoch`` and ``members``, the number of networks that are finite.

    Raises
    ------
    StorageError
        If a file is not the spec's, or members are missing.
    """
    by_shape = read_nulls(nulls)
    parts: dict[str, list[pd.DataFrame]] = {"statistics": [], "ranks": [], "curves": []}
    for layer, epoch, spectra in read_spectra(paths, spec["spectra"], spec["members"]):
        rows, columns = spectra.shape
        null = by_shape[rows, columns]
        # Seeded by the study and the place alone, so that other conditions change nothing here.
        rng = np.random.default_rng([spec["seed"], epoch, *f"spectra/{condition}/{layer}".encode()])
        place: dict[str, Any] = {
            "condition": condition,
            "layer": layer,
            "rows": rows,
            "columns": columns,
            "epoch": epoch,
            "members": len(spectra.verdicts),
        }
        tables = {
            "statistics": statistics_table(spectra, null, rng),
            "ranks": ranks_table(spectra),
            "curves": curves_table(spectra, null),
        }
        for name, table in tables.items():
            for k, (key, value) in enumerate(place.items()):
                table.insert(k, key, value)
            parts[name].append(table)
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def statistics_table(spectra: LayerSpectra, null: Null, rng: np.random.Generator) -> pd.DataFrame:
    """One row a statistic and null of one layer after one epoch.

    Parameters
    ----------
    spectra
        The analyses of the members.
    null
        For matrices of the layer's shape.
    rng
        Draws the assignments behind p-values.

    Returns
    -------
    DataFrame
        ``statistic``; ``value``, the mean over members; its ``standard_error``, over members, or of
        a single one the spread of random matrices (of the Brody parameter a bootstrap's); ``null``:
        ``Gaussian``, independent entries, ``permuted``, the matrix's own entries in random order,
        or empty; ``null_mean`` and ``null_sd``, of one matrix; ``p_value``; ``verdict``, the
        commonest on the tail; ``note``: why a value is missing, or the verdict what it is.
    """
    notes = {**_no_bulk(spectra), **too_small(min(spectra.shape))}
    rows = [
        *_against_gaussian(spectra, null, notes, rng),
        *_against_permuted(spectra, notes, rng),
        *_measured(spectra),
        *_tail(spectra),
    ]
    return pd.DataFrame(rows)


def _against_gaussian(
    spectra: LayerSpectra, null: Null, notes: Mapping[str, str], rng: np.random.Generator
) -> Iterator[Row]:
    for name, side in STATISTICS.items():
        values, expected = _known(spectra.statistic(name)), null.known(name)
        spread = _spread(expected)
        alone = spectra.parameter("brody_error")[0] if name == "brody" else spread
        yield {
            "statistic": name,
            "value": _mean(values),
            "standard_error": _error(values, alone),
            "null": "Gaussian",
            "null_mean": _mean(expected),
            "null_sd": spread,
            "p_value": pooled_p_value(values, expected, side, rng),
            "note": notes.get(name, _missing(values, spectra)),
        }


def _against_permuted(
    spectra: LayerSpectra, notes: Mapping[str, str], rng: np.random.Generator
) -> Iterator[Row]:
    for k, name in enumerate(PERMUTED):
        values, drawn = spectra.statistic(name), spectra.permuted[:, k]
        spread = drawn.std(axis=1, ddof=1).mean()
        yield {
            "statistic": name,
            "value": values.mean(),
            "standard_error": _error(values, spread),
            "null": "permuted",
            "null_mean": drawn.mean(),
            "null_sd": spread,
            "p_value": permutation_p_value(values, drawn, rng),
            "note": notes.get(name, ""),
        }


def _measured(spectra: LayerSpectra) -> Iterator[Row]:
    """What has no null; the mean is over the members that have it."""
    for name, values in zip(PARAMETERS, spectra.parameters.T, strict=True):
        if name == "brody_error" or name.startswith("tail_"):
            continue
        known = _known(values)
        yield {
            "statistic": name,
            "value": _mean(known),
            "standard_error": _error(known, np.nan),
            "note": _missing(known, spectra),
        }


def _tail(spectra: LayerSpectra) -> Iterator[Row]:
    """The tail's numbers, each with the verdict: an exponent alone would say nothing."""
    n = len(spectra.verdicts)
    counts = Counter(VERDICTS[k] for k in spectra.verdicts)
    commonest, _ = counts.most_common(1)[0]
    reason = spectra.reasons[spectra.verdicts.tolist().index(VERDICTS.index(commonest))]
    says = ", ".join(f"{verdict}: {count} of {n}" for verdict, count in counts.items())
    for name in ("tail_exponent", "tail_from", "tail_values"):
        known = _known(spectra.parameter(name))
        yield {
            "statistic": name,
            "value": _mean(known),
            "standard_error": _error(known, np.nan),
            "verdict": commonest,
            "note": f"{says}; {reason}" if n > 1 else reason,
        }
    for k, verdict in enumerate(VERDICTS):
        share = float((spectra.verdicts == k).mean())
        yield {
            "statistic": f"share_{verdict.replace(' ', '_')}",
            "value": share,
            "standard_error": np.sqrt(share * (1 - share) / n),
            "verdict": commonest,
        }


def _known(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _no_bulk(spectra: LayerSpectra) -> dict[str, str]:
    """Notes of how many members have no bulk, by statistic; see `marchenko_pastur.Bulk`."""
    if spectra.singular_values.shape[1] < MIN_VALUES:
        return {}
    above = spectra.statistic("outliers_above").astype(int)
    largest = spectra.singular_values[np.arange(len(above)), above]
    n = int((largest > spectra.parameter("threshold")).sum())
    return dict.fromkeys(PERMUTED, f"in {n} of {len(above)} members {NO_BULK}") if n else {}


def _missing(known: Floats, spectra: LayerSpectra) -> str:
    """Note of how many members a mean is over, if not all."""
    n = len(spectra.verdicts)
    return "" if len(known) == n else f"of {len(known)} of {n} members"


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _spread(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _error(values: Floats, alone: float) -> float:
    """Standard error of a mean over members, or what a single one has."""
    if len(values) < 2:
        return float(alone) if len(values) else float("nan")
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def pooled_p_value(values: Floats, null: Floats, side: str, rng: np.random.Generator) -> float:
    """Chance that random matrices have a mean as unusual as the members'.

    Of a single member by its rank among simulated matrices; of several by permuting who is a member
    and who is simulated, which takes the randomness of both into account. NaN without members or
    simulated matrices.

    Parameters
    ----------
    values
        Of the members, (member,).
    null
        Of simulated matrices, (matrix,).
    side
        ``greater`` or ``two-sided``.
    """
    if len(values) == 1:
        return rank_p_value(values[0], null, side)
    if not len(values) or not len(null):
        return float("nan")
    if np.ptp(np.concatenate([values, null])) == 0:
        return 1.0
    result = stats.permutation_test(
        (values, null),
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        n_resamples=_ASSIGNMENTS,
        batch=100,
        alternative=side,
        rng=rng,
    )
    return float(result.pvalue)


def permutation_p_value(values: Floats, permuted: Floats, rng: np.random.Generator) -> float:
    """Chance of a mean as large if the entries of each member stood in random order.

    Parameters
    ----------
    values
        Of the members, (member,).
    permuted
        Of the same matrices with their entries permuted, (member, permutation).
    """
    if np.isnan(values).any() or np.isnan(permuted).any():
        return float("nan")
    if len(values) == 1:
        return float((1 + (permuted >= values).sum()) / (1 + permuted.size))
    # Without structure, a member's own order is one among its permutations.
    orders = np.column_stack([values, permuted])
    n, k = orders.shape
    drawn = orders[np.arange(n), rng.integers(k, size=(_ASSIGNMENTS, n))].mean(axis=1)
    return float((1 + (drawn >= values.mean()).sum()) / (1 + _ASSIGNMENTS))


def ranks_table(spectra: LayerSpectra) -> pd.DataFrame:
    """One row a rank of one layer after one epoch.

    Returns
    -------
    DataFrame
        ``rank``, 1 for the largest singular value; the mean ``singular_value``; ``p_left`` and
        ``p_right``, medians over members; the means ``participation_left`` and
        ``participation_right``; ``informative``, the share of members in which it is.
    """
    p_left, p_right, *means = np.moveaxis(spectra.vectors, 1, 0)
    averages = {name: values.mean(axis=0) for name, values in zip(VECTORS[2:], means, strict=True)}
    return pd.DataFrame(
        {
            "rank": np.arange(1, p_left.shape[1] + 1),
            "singular_value": spectra.singular_values.mean(axis=0),
            "p_left": np.median(p_left, axis=0),
            "p_right": np.median(p_right, axis=0),
            **averages,
        }
    )
