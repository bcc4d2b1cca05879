"""The tables of spectra: statistics of a layer with their nulls, and singular vectors by rank."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.spectra.curves import curves_table
from weightlaws.spectra.marchenko_pastur import MIN_VALUES
from weightlaws.spectra.null import Null
from weightlaws.spectra.null_job import read_nulls
from weightlaws.spectra.p_values import permutation_p_value, pooled_p_value
from weightlaws.spectra.shards import LayerSpectra, SpectraShardSpec, read_spectra
from weightlaws.spectra.statistics import NO_BULK, PERMUTED, STATISTICS, too_small
from weightlaws.spectra.tails import VERDICTS
from weightlaws.storage.shard_specs import Spec

Row = dict[str, Any]

# Measurements that have no null, in the order of their rows; the tail's have a verdict, too.
_MEASURED = (
    "sigma",
    "upper_edge",
    "edge_scale",
    "threshold",
    "informative_vectors",
    "informative_from",
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
        commonest on the tail; ``note``: why a value is missing, or the reason for the verdict.
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
        values, expected = _known(spectra.statistics[name]), null.known(name)
        spread = _spread(expected)
        alone = spectra.brody_error[0] if name == "brody" else spread
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
    for name, drawn in spectra.permuted.items():
        values = spectra.statistics[name]
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
    """Return rows of measurements without a null; means are over the members that have them."""
    for name in _MEASURED:
        known = _known(getattr(spectra, name))
        yield {
            "statistic": name,
            "value": _mean(known),
            "standard_error": _error(known, np.nan),
            "note": _missing(known, spectra),
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
    above = spectra.statistics["outliers_above"].astype(int)
    largest = spectra.singular_values[np.arange(len(above)), above]
    n = int((largest > spectra.threshold).sum())
    return dict.fromkeys(PERMUTED, f"in {n} of {len(above)} members {NO_BULK}") if n else {}


def _missing(known: Floats, spectra: LayerSpectra) -> str:
    """Note over how many members a mean is, if not over all."""
    n = len(spectra)
    return "" if len(known) == n else f"of {len(known)} of {n} members"


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _spread(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


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
        ``p_right``, medians over members; the means ``participation_left`` and
        ``participation_right``; ``informative``, the share of members with an informative vector.
    """
    return pd.DataFrame(
        {
            "rank": np.arange(1, spectra.singular_values.shape[1] + 1),
            "singular_value": spectra.singular_values.mean(axis=0),
            "p_left": np.median(spectra.p_left, axis=0),
            "p_right": np.median(spectra.p_right, axis=0),
            "participation_left": spectra.participation_left.mean(axis=0),
            "participation_right": spectra.participation_right.mean(axis=0),
            "informative": spectra.informative.mean(axis=0),
        }
    )
