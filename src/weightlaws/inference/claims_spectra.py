"""Claims on singular values and vectors: T1 to T4 and N1."""

from typing import Any

import numpy as np
import pandas as pd

from weightlaws.inference.claims import (
    LEAST_OF_SPECTRA,
    Evidence,
    Judged,
    NotTestedError,
    Place,
    by_place,
    ends,
    enough,
)
from weightlaws.inference.intervals import wilson_interval
from weightlaws.training.networks import labelled_side

#: Singular values from which on most of them, or a learned rank, can be spoken of.
MANY, SOME = 100, 50
#: Margins: part of the way to independent levels, share, vectors a matrix by chance, components.
INDEPENDENT_WAY, HALF, BY_CHANCE, COMPONENT = 0.25, 0.5, 0.05, 1.0

# The mean ratio of neighbouring spacings of independent levels.
_INDEPENDENT_RATIO = 2 * np.log(2) - 1
_TENTH = 0.1

#: Rows of a statistic, by condition and layer.
Rows = dict[tuple[str, str], dict[str, Any]]
_NO_SPECTRA = "no conditions with spectra"


def _spectra(evidence: Evidence, least: int = 0) -> pd.DataFrame:
    """Return spectra after training, of ensembles of enough members and matrices of some size."""
    table = evidence.table("spectra", _NO_SPECTRA)
    table = table[table["condition"].isin(evidence.conditions().index)]
    if table.empty:
        raise NotTestedError("the study has spectra of single networks alone")
    table = enough(evidence.after_training(table), LEAST_OF_SPECTRA, "members")
    table = table[np.minimum(table["rows"], table["columns"]) >= least]
    if table.empty:
        raise NotTestedError(f"no layer has {least} singular values")
    return table


def _statistic(table: pd.DataFrame, name: str, null: str | None = None) -> Rows:
    """Return the rows of one statistic that have a value."""
    rows = table[table["statistic"] == name].dropna(subset="value")
    rows = rows[rows["null"] == null] if null else rows.drop_duplicates(["condition", "layer"])
    return {(row["condition"], row["layer"]): row for row in rows.to_dict("records")}  # type: ignore[misc]


def _of_counts(row: dict[str, Any]) -> float:
    """Return the standard error of a mean count, at least as if one member differed by one.

    Members that all have the same count do not prove that all networks have it.
    """
    return max(float(row["standard_error"]), 1 / float(row["members"]))


def universal_levels(evidence: Evidence) -> Judged:
    """T1: most singular values follow universal statistics."""
    table = _spectra(evidence, MANY)
    ratios, outside = (
        _statistic(table, "mean_ratio", "Gaussian"),
        _statistic(table, "share_outside"),
    )
    places, n = [], 2 * len(ratios)
    for key, row in ratios.items():
        unit = row["null_mean"] - _INDEPENDENT_RATIO
        value, error = (row["null_mean"] - row["value"]) / unit, row["standard_error"] / unit
        members, share = row["members"], outside[key]
        least, most = ends(value, error, members, n)
        few, many = ends(share["value"], share["standard_error"], members, n)
        low, high = ends(value, error, members)
        within = least > -INDEPENDENT_WAY and most < INDEPENDENT_WAY
        beyond = least > INDEPENDENT_WAY or most < -INDEPENDENT_WAY
        places.append(
            Place(
                key[0],
                " ".join(key),
                value,
                low,
                high,
                agrees=within and many < HALF,
                disagrees=beyond or few > HALF,
                said=f"{share['value']:.0%} of singular values outside of the bulk",
            )
        )
    bulk = _statistic(table, "bulk_distance", "Gaussian").values()
    unlike = sum(row["p_value"] <= evidence.level / len(bulk) for row in bulk)
    mean = np.mean([row["value"] for row in outside.values()])
    return Judged(
        places,
        f"on average {mean:.1%} of singular values lie outside of the bulk; the bulk's shape is "
        f"not the law of Marchenko and Pastur in {unlike} of {len(bulk)} layers",
    )


def random_vectors(evidence: Evidence) -> Judged:
    """T2: most singular vectors are random, and only those of the largest values are not."""
    table = _spectra(evidence, MANY)
    ranks = by_place(evidence.table("ranks", _NO_SPECTRA), "condition", "layer", "epoch")
    numbers, places = _statistic(table, "informative_vectors"), []
    for key, row in numbers.items():
        size, number = min(row["rows"], row["columns"]), row["value"]
        error, members = _of_counts(row), row["members"]
        least, most = ends(number, error, members, len(numbers))
        low, high = ends(number, error, members)
        by_rank = ranks[*key, row["epoch"]].groupby("rank")["informative"].sum()
        tenth = by_rank[by_rank.index <= np.ceil(_TENTH * size)].sum()
        top = float(tenth / by_rank.sum()) if by_rank.sum() else 0.0
        some, few = least > BY_CHANCE, most < HALF
        random, largest = most / size < HALF, some and top > HALF
        others = few or (some and top <= HALF)
        places.append(
            Place(
                key[0],
                " ".join(key),
                number / size,
                low / size,
                high / size,
                agrees=random and (largest or others),
                disagrees=least / size > HALF or others,
                said=f"{number:.2f} vectors are not random, {top:.0%} of them in the largest tenth",
            )
        )
    told = "; ".join(f"{p.name}, {p.said}" for p in places if p.agrees and not p.disagrees)
    return Judged(places, f"both parts hold in: {told}" if told else "both parts hold nowhere")


def rich_and_lazy(evidence: Evidence) -> Judged:
    """T3: rich and lazy training are told apart, by the learned rank."""
    rank = _statistic(_spectra(evidence), "learned_rank")
    pairs, said = [], []
    for group in evidence.alike_but("output_scale"):
        scaled = group.dropna(subset="output_scale").sort_values("output_scale")
        scales = dict(zip(scaled["condition"], scaled["output_scale"], strict=True))
        for layer in dict.fromkeys(layer for condition, layer in rank if condition in scales):
            rows = [rank[name, layer] for name in scales if (name, layer) in rank]
            if len(rows) > 1:
                pairs.append((layer, rows[0], rows[-1]))
                numbers = (f"{row['value']:.1f} at {scales[row['condition']]:g}" for row in rows)
                said.append(f"{layer}: {', '.join(numbers)}")
    if not pairs:
        raise NotTestedError("no two conditions with spectra differ in output scale alone")
    places = []
    for layer, rich, lazy in pairs:
        value = rich["value"] - lazy["value"]
        error = float(np.hypot(_of_counts(rich), _of_counts(lazy)))
        members = min(rich["members"], lazy["members"])
        least, most = ends(value, error, members, len(pairs))
        low, high = ends(value, error, members)
        agrees, disagrees = least > 0, least <= 0 and most < COMPONENT
        places.append(Place(rich["condition"], layer, value, low, high, agrees, disagrees))
    return Judged(places, f"learned rank by output scale: {'; '.join(said)}")


def no_power_law(evidence: Evidence) -> Judged:
    """T4: the tail is in general no power law."""
    shares = _statistic(_spectra(evidence, MANY), "share_power_law")
    places, layers = [], list(dict.fromkeys(layer for _, layer in shares))
    for layer in layers:
        rows = [row for (_, here), row in shares.items() if here == layer]
        n = sum(row["members"] for row in rows)
        k = sum(round(row["value"] * row["members"]) for row in rows)
        least, most = wilson_interval(k, n, together=len(layers))
        where = max(rows, key=lambda row: float(row["value"]))["condition"]
        agrees, disagrees = most < HALF, least > HALF
        places.append(Place(where, layer, k / n, *wilson_interval(k, n), agrees, disagrees))
    mostly = [
        f"{' '.join(key)}: {row['value']:.0%}" for key, row in shares.items() if row["value"] > HALF
    ]
    return Judged(
        places, f"most tails are called a power law in: {'; '.join(mostly)}" if mostly else ""
    )


def classes_less_one(evidence: Evidence) -> Judged:
    """N1: the number of learned directions is the number of classes less one."""
    conditions = evidence.conditions()
    plain = conditions[conditions["dataset"].notna() & conditions["output_scale"].isna()]
    plain = plain[plain["label_noise"] == 0]  # shuffled labels have no directions to be learned
    rank = {
        (condition, layer): row
        for (condition, layer), row in _statistic(_spectra(evidence, SOME), "learned_rank").items()
        if condition in plain.index and labelled_side(layer) != "rows"
    }
    if not rank:
        raise NotTestedError(f"no plain network trained here has a layer of {SOME} singular values")
    places = []
    for (condition, layer), row in rank.items():
        expected = int(plain["outputs"][condition]) - 1
        value, error = row["value"] - expected, _of_counts(row)
        least, most = ends(value, error, row["members"], len(rank))
        low, high = ends(value, error, row["members"])
        places.append(
            Place(
                condition,
                f"{condition} {layer}",
                value,
                low,
                high,
                agrees=least > -HALF and most < HALF,
                disagrees=least > HALF or most < -HALF,
                said=f"learned rank {row['value']:.1f} where {expected} are claimed",
            )
        )
    return Judged(places)
