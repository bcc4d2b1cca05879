"""Claims on laws of single matrices: H1 to H3, H7, H8 and O1 to O3."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from weightlaws.arrays import Floats, Side
from weightlaws.inference.claims import (
    LEAST_OF_LAWS,
    LEVEL,
    Evidence,
    Judged,
    NotTestedError,
    Place,
    beyond,
    by_place,
    combined,
    enough,
    error_of,
    interval,
    rows_where,
)
from weightlaws.inference.dead_outputs import ALL
from weightlaws.inference.intervals import student_quantile
from weightlaws.inference.miss import miss
from weightlaws.inference.noncentral import noncentrality
from weightlaws.inference.symmetry_names import (
    COLUMN_MEANS,
    COLUMN_SPREADS,
    ROW_MEANS,
    ROW_SPREADS,
)
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, NESTED, ONE_SIDED

#: Margins: SD of an invariant, nats per held-out network, variance between labels over within.
MISS, NATS, BETWEEN = 0.2, 0.1, 0.01

_PLACE = ["condition", "layer", "epoch"]
_SQUARE = ["mean_square", "noise", "degrees"]
_NO_MODELS = "no conditions with models"
# Invariants that a note names.
_NAMED = 5


@dataclass(frozen=True)
class Miss:
    """The root mean square deviation of a law from invariants, without noise, at one place.

    Attributes
    ----------
    value, low, high
        In SD, with the 95 % interval.
    within, outside
        Whether the interval that holds for all places lies below, or above, the margin.
    counterexamples
        Invariants that lie beyond the margin by an interval that holds for all of all places.
    """

    value: float
    low: float
    high: float
    within: bool
    outside: bool
    counterexamples: list[str]

    @property
    def fails(self) -> bool:
        """Whether the law fails, in the mean or for some invariant."""
        return self.outside or bool(self.counterexamples)


def law_miss(square: Sequence[float], tests: pd.DataFrame, n_places: int) -> Miss:
    """Judge how far a law misses the invariants of one place; the margin is `MISS`.

    Parameters
    ----------
    square
        ``mean_square``, ``noise`` and ``degrees`` of the place.
    tests
        Its tests: ``invariant``, ``low``, ``high`` and ``n_members``.
    n_places
        Places whose intervals are to hold together.
    """
    tests = tests.dropna(subset=["low", "high"])
    if tests.empty or not np.isfinite(square).all():
        return Miss(np.nan, np.nan, np.nan, False, False, [])
    members, tail = int(tests["n_members"].iloc[0]), (1 - LEVEL) / 2
    value, low, high = miss(*square, members=members, tail=tail)
    _, least, most = miss(*square, members=members, tail=tail / n_places)
    centre = (tests["low"] + tests["high"]) / 2
    half = student_quantile(members, LEVEL, n_places * len(tests)) * error_of(
        tests["low"], tests["high"], members
    )
    names = tests["invariant"][centre.abs() - half > MISS]
    return Miss(value, low, high, most < MISS, least > MISS, [*names])


def _tests(evidence: Evidence, law: str) -> pd.DataFrame:
    """Return the tests of one law; of the 13-parameter law those of published invariants."""
    table = evidence.table("significance", _NO_MODELS)
    table = table[table["law"] == law]
    if law == DIAGONAL:
        table = table[table["published"].notna()]
    if table.empty:
        raise NotTestedError("no layer is square and larger than 3 x 3")
    return enough(table, LEAST_OF_LAWS)


def _misses(
    evidence: Evidence, tests: pd.DataFrame, n_places: int = 0
) -> dict[tuple[str, str, int], Miss]:
    """Return the miss of each condition, layer and epoch by one law; they hold together.

    Places without a finite miss, such as layers in which nothing varies, are left out.

    Raises
    ------
    NotTestedError
        If no place has one.
    """
    squares = evidence.table("misses", _NO_MODELS)
    squares = squares[squares["law"] == tests["law"].iloc[0]].set_index(_PLACE)
    groups = by_place(tests, *_PLACE)
    found = {
        key: law_miss(squares.loc[key, _SQUARE], part, n_places or len(groups))
        for key, part in groups.items()
    }
    finite = {key: one for key, one in found.items() if np.isfinite(one.value)}
    if not finite:
        raise NotTestedError("no deviation from the law is known: no layer's entries vary")
    return finite


def _of_layers(table: pd.DataFrame, layers: list[tuple[str, str]]) -> pd.DataFrame:
    pairs = zip(table["condition"], table["layer"], strict=True)
    return rows_where(table, (pair in layers for pair in pairs))


def _place(key: tuple[str, str, int], found: Miss, *, agrees: bool, disagrees: bool) -> Place:
    condition, layer, epoch = key
    few = ", ".join(found.counterexamples[:3])
    n = len(found.counterexamples)
    said = f"{n} invariant{'' if n == 1 else 's'} beyond the margin: {few}" if few else ""
    name = f"{condition} {layer} epoch {epoch}"
    values = found.value, found.low, found.high
    return Place(condition, name, *values, agrees=agrees, disagrees=disagrees, said=said)


def _describing(misses: dict[tuple[str, str, int], Miss]) -> list[Place]:
    return [
        _place(key, found, agrees=found.within, disagrees=found.fails)
        for key, found in misses.items()
    ]


def independent_start(evidence: Evidence) -> Judged:
    """H1: independent Gaussian entries describe the initial weights."""
    tests = _without_copies(evidence, evidence.at_start(_tests(evidence, INDEPENDENT)))
    places = _describing(_misses(evidence, tests))
    starts = evidence.conditions()["initialisation"].astype(object).fillna("from elsewhere")
    by_start: dict[str, list[Place]] = {}
    for place in places:
        by_start.setdefault(starts[place.condition], []).append(place)
    said = (
        f"{start} {np.mean([p.value for p in some]):.2f} SD ("
        f"{np.mean([p.low for p in some]):.2f} to {np.mean([p.high for p in some]):.2f}), "
        f"{sum(p.disagrees for p in some)} of {len(some)} places disagree"
        for start, some in by_start.items()
    )
    return Judged(places, f"by start, mean over layers: {'; '.join(said)}")


def _without_copies(evidence: Evidence, tests: pd.DataFrame) -> pd.DataFrame:
    """Leave out places that repeat another: conditions that start from the same weights."""
    squares = evidence.table("misses", _NO_MODELS)
    squares = squares[squares["law"] == tests["law"].iloc[0]]
    # The same weights give the same numbers to the last bit, other weights do not.
    copies = squares[squares.duplicated(["layer", "epoch", *_SQUARE]) & (squares["epoch"] == 0)]
    places = pd.MultiIndex.from_frame(tests[_PLACE])
    return tests[~places.isin(pd.MultiIndex.from_frame(copies[_PLACE]))]


def independent_fails(evidence: Evidence) -> Judged:
    """H2: independent Gaussian entries fail as training goes on."""
    tests = _tests(evidence, INDEPENDENT)
    start = _misses(evidence, evidence.at_start(tests))
    good = [key[:2] for key, found in start.items() if not found.fails]
    if not good:
        raise NotTestedError("independent Gaussian entries fail at every start already")
    trained = evidence.after_training(tests)
    trained = _of_layers(trained, good)
    if trained.empty:
        raise NotTestedError("no layer with a start has an epoch after training")
    places = [
        _place(key, found, agrees=found.fails, disagrees=found.within)
        for key, found in _misses(evidence, trained).items()
    ]
    later = _misses(evidence, _of_layers(tests, good))
    first: dict[tuple[str, str], int] = {}
    for (condition, layer, epoch), found in later.items():
        if epoch > 0 and found.fails:
            first.setdefault((condition, layer), epoch)
    last = {key[:2]: (key[2], found.value) for key, found in later.items()}
    said = "; ".join(
        f"{' '.join(place)}: {epoch}, and by {last[place][1]:.2f} SD at {last[place][0]}"
        for place, epoch in first.items()
    )
    note = f"first headline epoch at which they fail: {said}" if said else "they fail at none"
    left = len(start) - len(good)
    return Judged(places, f"{note}. {left} layers that fail at the start are left out")


def published_invariants(evidence: Evidence) -> Judged:
    """H3: the 13-parameter law predicts the 39 invariants all through training."""
    tests = _tests(evidence, DIAGONAL)
    tests = tests[tests.groupby("condition")["epoch"].transform("nunique") > 1]
    if tests.empty:
        raise NotTestedError("the study has one epoch alone")
    places = _describing(_misses(evidence, _without_copies(evidence, tests)))
    layers = tests[["condition", "layer"]].drop_duplicates()
    said = []
    for law in (INDEPENDENT, BIPARTITE, DIAGONAL):
        mine = evidence.table("significance", _NO_MODELS)
        mine = mine[mine["law"] == law].merge(layers, on=["condition", "layer"])
        for which, part in (
            ("of the 39", mine[mine["published"].notna()] if law == DIAGONAL else mine[:0]),
            ("of all invariants", mine),
        ):
            sizes = part["deviation_sd"].abs().dropna()
            if sizes.empty:
                continue
            worst = part.iloc[int(part["deviation_sd"].abs().argmax())]
            n = int((part["p_adjusted"] <= evidence.level).sum())
            name = "13-parameter" if law == DIAGONAL else law
            said.append(
                f"{name}, {which}: largest {sizes.max():.2f} SD ({worst['invariant']}, "
                f"{worst['condition']} {worst['layer']} epoch {worst['epoch']}), median "
                f"{sizes.median():.2f} SD, {n} of {len(sizes)} tests significant"
            )
    return Judged(places, f"deviations by law: {'; '.join(said)}")


def decay(evidence: Evidence) -> Judged:
    """H7: with weight decay the model stays good while some higher invariants deviate more."""
    tests = evidence.after_training(_tests(evidence, DIAGONAL))
    pairs, misses = [], _misses(evidence, tests)
    for group in evidence.alike_but("weight_decay"):
        group = group.sort_values("weight_decay")
        plain = group["condition"].iloc[0]
        for condition in group["condition"].iloc[1:]:
            with_decay = tests[tests["condition"] == condition]
            both = with_decay.merge(
                tests[tests["condition"] == plain], on=["layer", "invariant"], suffixes=("", " 0")
            )
            both = both.dropna(subset=["deviation_sd", "deviation_sd 0"])
            pairs += [
                (condition, layer, part)
                for (layer,), part in by_place(both, "layer").items()
                if (condition, layer, part["epoch"].iloc[0]) in misses
            ]
    if not pairs:
        raise NotTestedError(
            "no two conditions that differ in weight decay alone have square layers"
        )
    places, said = [], []
    misses = _misses(evidence, tests, len(pairs))
    for condition, layer, part in pairs:
        found = misses[condition, layer, part["epoch"].iloc[0]]
        members = int(min(part["n_members"].min(), part["n_members 0"].min()))
        errors = [error_of(part[f"low{s}"], part[f"high{s}"], members) for s in ("", " 0")]
        change = (part["deviation_sd"].abs() - part["deviation_sd 0"].abs()).to_numpy()
        low, high = interval(change, np.hypot(*errors), members, len(pairs) * len(part))
        order = np.argsort(-change, kind="stable")
        more = part["invariant"].to_numpy()[order][low[order] > 0].tolist()
        largest = part["invariant"].iloc[order[0]]
        places.append(
            Place(
                condition,
                f"{condition} {layer}",
                found.value,
                found.low,
                found.high,
                agrees=found.within and bool(more),
                disagrees=found.outside or bool((high < MISS).all()),
            )
        )
        others = [name for name in more if name != largest][:_NAMED]
        said.append(
            f"{condition} {layer}: {len(more)} of {len(part)}, most {largest} by "
            f"{change.max():+.2f} SD{', then ' if others else ''}{', '.join(others)}"
        )
    return Judged(places, f"invariants that deviate more with decay: {'; '.join(said)}")


def width(evidence: Evidence) -> Judged:
    """H8: the 13-parameter law becomes less representative as width grows."""
    tests = evidence.after_training(_tests(evidence, DIAGONAL))
    found = _misses(evidence, tests)
    sizes = tests.groupby(["condition", "layer"])["rows"].first()
    lines: list[tuple[str, str, list[tuple[int, Miss]]]] = []
    for group in evidence.alike_but("hidden"):
        names = group["condition"].tolist()
        layers = dict.fromkeys(layer for condition, layer, _ in found if condition in names)
        for layer in layers:
            points = [
                (int(sizes[condition, layer]), one)
                for (condition, here, _), one in found.items()
                if here == layer and condition in names
            ]
            if len({size for size, _ in points}) > 1:
                lines.append((names[-1], layer, sorted(points, key=lambda point: point[0])))
    if not lines:
        raise NotTestedError("no two widths of one square layer are modelled")
    places, said = [], []
    for condition, layer, points in lines:
        doublings = np.log2([size for size, _ in points])
        centred = doublings - doublings.mean()
        factors = centred / (centred**2).sum()
        values = np.array([(one.value, one.low, one.high) for _, one in points]).T
        slope, low, high = combined(factors, *values)
        # Intervals of the slope hold for all lines together as normal ones would.
        ratio = float(special.ndtri((1 - LEVEL) / 2 / len(lines)) / special.ndtri((1 - LEVEL) / 2))
        least, most = slope - ratio * (slope - low), slope + ratio * (high - slope)
        places.append(
            Place(condition, layer, slope, low, high, agrees=least > 0, disagrees=most < 0)
        )
        by_width = ", ".join(f"{one.value:.3f} SD at {size}" for size, one in points)
        said.append(f"{layer}: {by_width}")
    few = ", two widths alone" if all(len(points) == 2 for *_, points in lines) else ""
    return Judged(places, f"miss by width{few}: {'; '.join(said)}")


def bipartite(evidence: Evidence) -> Judged:
    """O1: the 13 parameters never pay over the five of the bipartite law."""
    table = evidence.table("comparison", _NO_MODELS)
    headline = evidence.table("symmetry", _NO_MODELS)[["condition", "epoch"]].drop_duplicates()
    table = table[table["law"] == DIAGONAL].merge(headline)
    if table.empty:
        raise NotTestedError("no layer is square and larger than 3 x 3")
    table = enough(table, LEAST_OF_LAWS).dropna(subset="gain")
    if table.empty:
        raise NotTestedError("the laws of square layers could not be compared")
    n = len(table)
    low, high = interval(table["gain"], table["gain_standard_error"], table["n_members"])
    least, most = interval(table["gain"], table["gain_standard_error"], table["n_members"], n)
    agrees, disagrees = beyond(least, most, NATS, "below"), beyond(least, most, NATS, "above")
    places = [
        Place(
            row["condition"],
            f"{row['condition']} {row['layer']} epoch {row['epoch']}",
            float(row["gain"]),
            float(low[k]),
            float(high[k]),
            agrees=bool(agrees[k]),
            disagrees=bool(disagrees[k]),
        )
        for k, (_, row) in enumerate(table.iterrows())
    ]
    pays = int((low > 0).sum())
    return Judged(
        places, f"the 13 parameters gain beyond their error alone in {pays} of {n} places"
    )


def variance_between(statistic: float, members: int, labels: int, tail: float) -> tuple[float, ...]:
    """Variance of the labels' means over that within labels, with its interval.

    Parameters
    ----------
    statistic
        Friedman's, as `symmetry.randomisation_tests` has it for means and spreads.
    members, labels
        Their numbers.
    tail
        Probability beyond each end of the interval.
    """
    degrees = labels - 1
    part = min(statistic / (members * degrees), 1 - 1e-12)
    f, scale = part / (1 - part) * (members - 1), members * degrees
    low, high = noncentrality(f, degrees, (members - 1) * degrees, tail)
    return max(f - 1, 0.0) / members, low / scale, high / scale


def _labelled(evidence: Evidence, side: Side, tests: tuple[str, str], what: str) -> Judged:
    table = evidence.of_side(evidence.table("symmetry", _NO_MODELS), side)
    table = table[table["test"].isin(tests)].dropna(subset="statistic")
    if table.empty:
        raise NotTestedError(f"no modelled layer has {what}")
    table = enough(evidence.after_training(table), LEAST_OF_LAWS)
    groups = by_place(table, "condition", "layer")
    places = []
    for (condition, layer), part in groups.items():
        shares: list[Floats] = []
        for level, n in ((LEVEL, 1), (LEVEL, len(table))):
            tail = (1 - level) / 2 / n
            shares.append(
                np.array(
                    [
                        variance_between(row["statistic"], row["n_members"], row[side], tail)
                        for row in part.to_dict("records")
                    ]
                )
            )
        alone, together = shares
        most = int(alone[:, 0].argmax())
        places.append(
            Place(
                condition,
                f"{condition} {layer} ({part['test'].iloc[most]})",
                float(alone[most, 0]),
                float(alone[most, 1]),
                float(alone[most, 2]),
                agrees=bool((together[:, 1] > BETWEEN).any()),
                disagrees=bool((together[:, 2] < BETWEEN).all()),
            )
        )
    return Judged(places, _gains_of_labels(evidence, side))


def _gains_of_labels(evidence: Evidence, side: Side) -> str:
    """Say what the one-sided law gains over the bipartite one, where it can be fitted."""
    table = evidence.tables.get("comparison", pd.DataFrame(columns=["condition", "law", "layer"]))
    table = evidence.of_side(table[table["law"] == ONE_SIDED], side)
    if not table.empty:
        table = evidence.after_training(table)
        table = table[table["selection"] == ALL].dropna(subset="gain")
    if table.empty:
        return "the law with labels cannot be fitted to so few members"
    said = "; ".join(
        f"{row['condition']}: {row['gain']:.2f} ± {row['gain_standard_error']:.2f}"
        for _, row in table.iterrows()
    )
    note = f"nats that labels gain over the {NESTED[ONE_SIDED]} law: {said}"
    if (table["gain"] < 0).any():
        note += ". A loss says that members are too few to fix as many parameters as labels bring"
    return note


def output_rows(evidence: Evidence) -> Judged:
    """O2: the rows of the output layer are labelled."""
    return _labelled(evidence, "rows", (ROW_MEANS, ROW_SPREADS), "classes as rows")


def input_columns(evidence: Evidence) -> Judged:
    """O3: the columns of the input layer are labelled."""
    return _labelled(evidence, "columns", (COLUMN_MEANS, COLUMN_SPREADS), "pixels as columns")
