"""The tables of spectra: statistics of a layer with their nulls, and singular vectors by rank."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.spectra.curves import curves_table, mean_and_spread
from weightlaws.spectra.marchenko_pastur import MIN_VALUES
from weightlaws.spectra.null import Null, matched_null
from weightlaws.spectra.null_job import read_nulls
from weightlaws.spectra.p_values import disjoint, members_p_value
from weightlaws.spectra.shards import LayerSpectra, SpectraShardSpec, read_spectra
from weightlaws.spectra.statistics import (
    NO_BULK,
    OF_COPIES,
    OF_THE_BULK,
    STATISTICS,
    why_missing,
)
from weightlaws.spectra.tails import VERDICTS
from weightlaws.storage.shard_specs import Spec

Row = dict[str, Any]

# Measurements that have no null, in the order of their rows; the tail's have a verdict, too.
_MEASURED = (
    "learned_rank",
    "zero_rows",
    "zero_columns",
    "sigma",
    "upper_edge",
    "edge_scale",
    "threshold",
    "informative_vectors",
    "informative_from",
    "brody_window_spread",
    "hill_plateau",
    "hill_exponent",
    "distance_travelled",
)
_OF_THE_TAIL = ("tail_exponent", "tail_from", "tail_values")


@dataclass(frozen=True)
class SpectraSpec:
    """Everything that fixes the tables of one condition's spectra.

    Attributes
    ----------
    spectra
        The spec that the condition's spectra shards share.
    n_members
        The number of members, diverged ones included.
    seed
        The study's seed.
    """

    spectra: SpectraShardSpec
    n_members: int
    seed: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.spectra_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            spectra=SpectraShardSpec.parse(stored["spectra"]),
            n_members=stored["members"],
            seed=stored["seed"],
        )


def condition_tables(
    paths: Sequence[Path], nulls: Sequence[Path], stored: Spec, condition: str
) -> dict[str, pd.DataFrame]:
    """Make the tables of one condition's spectra.

    Parameters
    ----------
    paths
        Its spectra shards, in the order of their members.
    nulls
        Stored nulls, one for each shape of a layer.
    stored
        A ``specs.spectra_spec``.
    condition
        Its name.

    Returns
    -------
    dict
        ``statistics``, ``ranks`` and ``curves``: see `statistics_table`, `ranks_table` and
        `curves.curves_table`. Before their columns stand ``condition``, ``layer``,
        ``rows``, ``columns``, ``epoch`` and ``members``, the number of networks that are finite.

    Raises
    ------
    StorageError
        If a file is not the spec's, or members are missing.
    """
    spec, by_shape = SpectraSpec.parse(stored), read_nulls(nulls)
    parts: dict[str, list[pd.DataFrame]] = {"statistics": [], "ranks": [], "curves": []}
    for layer, epoch, spectra in read_spectra(paths, spec.spectra, spec.n_members):
        rows, columns = spectra.shape
        null = by_shape[rows, columns]
        # Seeded by the study and the place alone, so that other conditions change nothing here.
        rng = np.random.default_rng([spec.seed, epoch, *f"spectra/{condition}/{layer}".encode()])
        place: dict[str, Any] = {
            "condition": condition,
            "layer": layer,
            "rows": rows,
            "columns": columns,
            "epoch": epoch,
            "members": len(spectra),
        }
        nulls_of = Nulls.of(spectra, null)
        tables = {
            "statistics": statistics_table(spectra, nulls_of, rng),
            "ranks": ranks_table(spectra),
            "curves": curves_table(spectra, nulls_of.of_bulks),
        }
        for name, table in tables.items():
            for k, (key, value) in enumerate(place.items()):
                table.insert(k, key, value)
            parts[name].append(table)
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


@dataclass(frozen=True)
class Nulls:
    """The Gaussian matrices that each member is compared with, by member.

    Attributes
    ----------
    of_matrices
        Of the shape of the matrix without rows and columns of zeros.
    of_bulks
        Of the shape that the bulk has without the values outside, for `OF_THE_BULK`.
    """

    of_matrices: Sequence[Null]
    of_bulks: Sequence[Null]

    @classmethod
    def of(cls, spectra: LayerSpectra, null: Null) -> Self:
        """Find the nulls of all members of a layer, given the one of its shape."""
        found = []
        for shapes in (spectra.inner_shapes(), spectra.bulk_shapes()):
            alike = Counter(tuple(sorted(shape)) for shape in shapes)
            by_shape = {
                (short, long): matched_null(null, (short, long), members)
                for (short, long), members in alike.items()
            }
            found.append([by_shape[min(shape), max(shape)] for shape in shapes])
        return cls(*found)


def statistics_table(spectra: LayerSpectra, nulls: Nulls, rng: np.random.Generator) -> pd.DataFrame:
    """One row a statistic and null of one layer after one epoch.

    Parameters
    ----------
    spectra
        The analyses of the members.
    nulls
        Of the members.
    rng
        Draws the choices behind p-values.

    Returns
    -------
    DataFrame
        ``statistic``; ``value``, the mean over members; its ``standard_error``, over members, or of
        a single one the spread of random matrices (of the Brody parameter a bootstrap's); ``null``:
        ``Gaussian``, independent entries of one law, ``permuted``, the matrix's own entries in
        random order, ``sign-flipped``, its own entries with random signs, or empty; ``null_mean``
        and ``null_sd``, of one matrix; ``p_value``; ``verdict``, the commonest on the tail;
        ``note``: why a value is missing, or the reason for the verdict.
    """
    notes = {**_no_bulk(spectra), **why_missing(min(spectra.shape))}
    rows = [
        *_against_gaussian(spectra, nulls, notes, rng),
        *_against_copies(spectra, "permuted", spectra.permuted, notes, rng),
        *_against_copies(spectra, "sign-flipped", spectra.sign_flipped, notes, rng),
        *_measured(spectra, notes),
        *_tail(spectra),
    ]
    return pd.DataFrame(rows)


def _against_gaussian(
    spectra: LayerSpectra, nulls: Nulls, notes: Mapping[str, str], rng: np.random.Generator
) -> Iterator[Row]:
    for name, side in STATISTICS.items():
        values = spectra.statistics[name]
        mine = nulls.of_bulks if name in OF_THE_BULK else nulls.of_matrices
        known = _known(values)
        middle, spread = mean_and_spread([null.statistics[name] for null in mine])
        alone = spectra.brody_error[0] if name == "brody" else spread
        others = disjoint([null.statistics[name] for null in mine])
        yield {
            "statistic": name,
            "value": _mean(known),
            "standard_error": _error(known, alone),
            "null": "Gaussian",
            "null_mean": middle,
            "null_sd": spread,
            "p_value": members_p_value(values, others, side, rng),
            "note": notes.get(name, _missing(known, spectra)),
        }


def _against_copies(
    spectra: LayerSpectra,
    null: str,
    copies: Mapping[str, Floats],
    notes: Mapping[str, str],
    rng: np.random.Generator,
) -> Iterator[Row]:
    for name, drawn in copies.items():
        values = spectra.statistics[name]
        known = _known(values)
        middle, spread = mean_and_spread([*drawn])
        yield {
            "statistic": name,
            "value": _mean(known),
            "standard_error": _error(known, spread),
            "null": null,
            "null_mean": middle,
            "null_sd": spread,
            "p_value": members_p_value(values, [*drawn], STATISTICS[name], rng),
            "note": notes.get(name, _missing(known, spectra)),
        }


def _measured(spectra: LayerSpectra, notes: Mapping[str, str]) -> Iterator[Row]:
    """Return rows of measurements without a null; means are over the members that have them."""
    for name in _MEASURED:
        known = _known(getattr(spectra, name))
        yield {
            "statistic": name,
            "value": _mean(known),
            "standard_error": _error(known, np.nan),
            "note": notes.get(name, _missing(known, spectra)),
        }


def _tail(spectra: LayerSpectra) -> Iterator[Row]:
    """Return rows of the tail's numbers, each with the verdict: an exponent alone says nothing."""
    n = len(spectra)
    counts = Counter(VERDICTS[k] for k in spectra.verdict)
    commonest, _ = counts.most_common(1)[0]
    first = spectra.verdict.tolist().index(VERDICTS.index(commonest))
    reason = spectra.reason[first].decode(errors="replace")
    says = ", ".join(f"{verdict}: {count} of {n}" for verdict, count in counts.items())
    for name in _OF_THE_TAIL:
        known = _known(getattr(spectra, name))
        yield {
            "statistic": name,
            "value": _mean(known),
            "standard_error": _error(known, np.nan),
            "verdict": commonest,
            "note": f"{says}; {reason}" if n > 1 else reason,
        }
    for k, verdict in enumerate(VERDICTS):
        share = float((spectra.verdict == k).mean())
        yield {
            "statistic": f"share_{verdict.replace(' ', '_')}",
            "value": share,
            "standard_error": np.sqrt(share * (1 - share) / n),
            "verdict": commonest,
        }


def _known(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _no_bulk(spectra: LayerSpectra) -> dict[str, str]:
    """Note by statistic how many members have no bulk; see `marchenko_pastur.Bulk`."""
    if spectra.singular_values.shape[1] < MIN_VALUES:
        return {}
    above = np.nan_to_num(spectra.statistics["outliers_above"]).astype(int)
    largest = spectra.singular_values[np.arange(len(above)), above]
    n = int((largest > spectra.threshold).sum())
    return dict.fromkeys(OF_COPIES, f"in {n} of {len(above)} members {NO_BULK}") if n else {}


def _missing(known: Floats, spectra: LayerSpectra) -> str:
    """Note over how many members a mean is, if not over all: others do not determine it."""
    n = len(spectra)
    return "" if len(known) == n else f"of {len(known)} of {n} members"


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _error(values: Floats, alone: float) -> float:
    """Standard error of a mean over members; of a single member, its own error ``alone``."""
    if len(values) < 2:
        return float(alone) if len(values) else float("nan")
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def ranks_table(spectra: LayerSpectra) -> pd.DataFrame:
    """One row a rank of one layer after one epoch.

    Returns
    -------
    DataFrame
        ``rank``, 1 for the largest singular value; the mean ``singular_value``; ``p_left`` and
        ``p_right``, medians over members, of their vectors against those of sign-flipped copies;
        the means ``participation_left`` and ``participation_right``; ``informative``, the share of
        members with an informative vector; ``learned``, the share of members whose learned rank
        reaches it. Members whose vector is not determined are left out of medians and means.
    """
    ranks = np.arange(1, spectra.singular_values.shape[1] + 1)
    return pd.DataFrame(
        {
            "rank": ranks,
            "singular_value": spectra.singular_values.mean(axis=0),
            "p_left": _by_rank(np.median, spectra.p_left),
            "p_right": _by_rank(np.median, spectra.p_right),
            "participation_left": _by_rank(np.mean, spectra.participation_left),
            "participation_right": _by_rank(np.mean, spectra.participation_right),
            "informative": spectra.informative.mean(axis=0),
            "learned": (spectra.learned_rank[:, None] >= ranks).mean(axis=0),
        }
    )


def _by_rank(summary: Callable[[Floats], Any], values: Floats) -> list[float]:
    """Sum up the values (member, rank) of the members that have them; NaN where none has."""
    return [float(summary(known)) if len(known := _known(one)) else np.nan for one in values.T]
