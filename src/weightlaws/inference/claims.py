"""From effect sizes at the places of a study to a verdict; docs/background/claims.md says why.

A place agrees with a claim, or disagrees, if its interval lies on one side of the claim's margin.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.arrays import Bools, Floats, Side
from weightlaws.inference.dead_outputs import ALL
from weightlaws.inference.intervals import student_interval, student_quantile
from weightlaws.training.networks import labelled_side

#: The side of a margin.
SideOf = Literal["above", "below"]

#: Verdicts on claims.
HOLDS, IN_PART, FAILS, NOT_TESTED = "holds", "holds in part", "fails", "not tested here"

#: Intervals hold together, or one by one, with this chance.
LEVEL = 0.95

#: Members that claims on laws and on spectra need.
LEAST_OF_LAWS, LEAST_OF_SPECTRA = 20, 5

# Places that a note names.
_NAMED = 6


class NotTestedError(Exception):
    """A study lacks what a claim needs; the message says what."""


@dataclass(frozen=True)
class Evidence:
    """What claims are judged by.

    Attributes
    ----------
    tables
        Tables of the study, by the names of `claims_job.TABLES`; those that it lacks are left out.
    level
        The family-wise level of the study's tests.
    architectures
        The architecture of each condition that is trained here, by which figures are named.
    recipes
        The recipe of each condition that is compared with others of it, by which figures are named.
    figures
        Patterns of the paths of figures, by name.
    labelled
        By condition, where it is said: see `networks.labelled_side`.
    """

    tables: Mapping[str, pd.DataFrame]
    level: float = 0.05
    architectures: Mapping[str, str] = field(default_factory=dict)
    recipes: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    labelled: Mapping[str, Mapping[str, Side | None]] = field(default_factory=dict)

    def table(self, name: str, what: str) -> pd.DataFrame:
        """Return a table's rows about all members.

        Raises
        ------
        NotTestedError
            If the study has no such rows; ``what`` says in words what it would need.
        """
        table = self.tables.get(name, pd.DataFrame())
        if "selection" in table:
            table = table[table["selection"] == ALL]
        if table.empty:
            raise NotTestedError(f"the study has {what}")
        return table

    def conditions(self) -> pd.DataFrame:
        """Return the table of conditions, indexed by their names."""
        return self.table("conditions", "no conditions").set_index("condition")

    def at_start(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows at epoch 0 of conditions that have later epochs, too."""
        conditions = self.conditions()
        known = conditions.index[conditions["epochs"] > 0]
        found = table[(table["epoch"] == 0) & table["condition"].isin(known)]
        if found.empty:
            raise NotTestedError("no start is known: networks lack epoch 0, or have no other")
        return found

    def after_training(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows at each condition's last epoch, if that is after training."""
        last = table["epoch"] == table.groupby("condition")["epoch"].transform("max")
        conditions = self.conditions()
        elsewhere = conditions.index[conditions["dataset"].isna() & (conditions["epochs"] == 0)]
        found = table[last & ((table["epoch"] > 0) | table["condition"].isin(elsewhere))]
        if found.empty:
            raise NotTestedError("the study has no epoch after training")
        return found

    def of_side(self, table: pd.DataFrame, side: Side | None) -> pd.DataFrame:
        """Return the rows about layers whose labelled side is this one; None is hidden layers."""
        places = zip(table["condition"], table["layer"], strict=True)
        return rows_where(
            table, (labelled_side(layer, self.labelled.get(c)) == side for c, layer in places)
        )

    def alike_but(self, column: str) -> list[pd.DataFrame]:
        """Group trained conditions that differ in one column alone; each has two values or more.

        Raises
        ------
        NotTestedError
            If there are none.
        """
        conditions = self.conditions().reset_index()
        trained = conditions[conditions["dataset"].notna()]
        same = [c for c in trained if c not in ("condition", "members", column)]
        groups = [part for _, part in trained.groupby(same, dropna=False, sort=False)]
        found = [part for part in groups if part[column].nunique() > 1]
        if not found:
            raise NotTestedError(f"no two conditions differ in {column.replace('_', ' ')} alone")
        return found


def by_place(table: pd.DataFrame, *columns: str) -> dict[Any, pd.DataFrame]:
    """Return the rows of each place, in the order of the table, by the values of some columns."""
    return {key: part for key, part in table.groupby([*columns], sort=False)}  # noqa: C416 - typed


def rows_where(table: pd.DataFrame, wanted: Iterable[bool]) -> pd.DataFrame:
    """Return the rows that are wanted, of a table that may have none."""
    return table[np.fromiter(wanted, dtype=np.bool_, count=len(table))]


def enough(table: pd.DataFrame, least: int, column: str = "n_members") -> pd.DataFrame:
    """Return the rows about enough members.

    Raises
    ------
    NotTestedError
        If there are none.
    """
    found = table[table[column] >= least]
    if found.empty:
        most = 0 if table.empty else int(table[column].max())
        raise NotTestedError(f"{least} members are needed, found {most} at most")
    return found


def interval(
    value: npt.ArrayLike, error: npt.ArrayLike, members: npt.ArrayLike, n: int = 1
) -> tuple[Floats, Floats]:
    """Ends of intervals that hold together for n places."""
    return student_interval(value, error, members, LEVEL, n)


def ends(value: float, error: float, members: int, n: int = 1) -> tuple[float, float]:
    """Return the ends of the interval of one number; see `interval`."""
    low, high = interval(value, error, members, n)
    return float(low), float(high)


def error_of(low: npt.ArrayLike, high: npt.ArrayLike, members: npt.ArrayLike) -> Floats:
    """Return the standard errors behind 95 % intervals."""
    return np.asarray((np.asarray(high) - np.asarray(low)) / 2 / student_quantile(members, LEVEL))


def combined(
    factors: Floats, values: Floats, low: Floats, high: Floats
) -> tuple[float, float, float]:
    """A linear combination of independent estimates, with its interval from theirs.

    References
    ----------
    Zou, G. Y. & Donner, A. (2008). Statistics in Medicine 27, 1693-1702.
    """
    centre = float(factors @ values)
    down = np.where(factors > 0, values - low, high - values)
    up = np.where(factors > 0, high - values, values - low)
    return (
        centre,
        centre - float(np.linalg.norm(factors * down)),
        centre + float(np.linalg.norm(factors * up)),
    )


def beyond(low: npt.ArrayLike, high: npt.ArrayLike, margin: float, side: SideOf) -> Bools:
    """Whether intervals lie wholly on a side of a margin."""
    return np.asarray(np.asarray(low) > margin if side == "above" else np.asarray(high) < margin)


@dataclass(frozen=True)
class Place:
    """A place at which a claim is judged.

    Attributes
    ----------
    condition
        The condition, or the last of several.
    name
        The place in words.
    value, low, high
        The effect size with its 95 % interval.
    agrees, disagrees
        What the interval that holds for all places together says.
    said
        What else is to be said if the place disagrees.
    """

    condition: str
    name: str
    value: float
    low: float
    high: float
    agrees: bool
    disagrees: bool
    said: str = ""

    def __str__(self) -> str:
        # Adding 0.0 makes -0.0 the same number as 0.0, and rounding what is left of a sum.
        value, low, high = (round(n, 6) + 0.0 for n in (self.value, self.low, self.high))
        numbers = f"{self.name}: {value:.3g} ({low:.3g} to {high:.3g})"
        return f"{numbers}, {self.said}" if self.said else numbers


@dataclass(frozen=True)
class Judged:
    """What the evidence says of a claim: its places, and words for the note."""

    places: list[Place]
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """A claim with its criterion.

    Attributes
    ----------
    name
        Such as ``H1``.
    statement, source, quantity, criterion
        Columns of the table.
    margin, side
        Of `shown_numbers`.
    judge
        From the evidence to the places; it raises `NotTestedError` with a reason.
    """

    name: str
    statement: str
    source: str
    quantity: str
    criterion: str
    margin: float
    side: SideOf | Literal["within"]
    judge: Callable[[Evidence], Judged]


def verdict(claim: Claim, places: list[Place]) -> str:
    """Return the verdict of a claim from its places."""
    agree, disagree = (any(getattr(p, w) for p in places) for w in ("agrees", "disagrees"))
    if not agree and not disagree:
        return NOT_TESTED
    if not agree:
        return FAILS
    _, low, high = shown_numbers(claim, places)
    if claim.side == "within":
        whole = -claim.margin < low and high < claim.margin
    else:
        whole = bool(beyond(low, high, claim.margin, claim.side))
    return IN_PART if disagree or not whole else HOLDS


def shown_numbers(claim: Claim, places: list[Place]) -> tuple[float, float, float]:
    """Value of a claim with its 95 % interval: the mean over places, or the place furthest from 0.

    The interval of a mean is that of wholly correlated parts. A claim that says "is 0" has no
    mean, in which places of both signs would cancel.
    """
    if claim.side == "within":
        furthest = max(places, key=lambda place: abs(place.value))
        return furthest.value, furthest.low, furthest.high
    value, low, high = np.mean([(p.value, p.low, p.high) for p in places], axis=0)
    return float(value), float(low), float(high)


def wrong_by(claim: Claim, place: Place) -> float:
    """Return how far the effect size lies beyond the margin on the side that is not claimed.

    It is negative on the claimed side, where a place can disagree in another part.
    """
    if claim.side == "within":
        return abs(place.value) - claim.margin
    beyond_margin = place.value - claim.margin
    return beyond_margin if claim.side == "below" else -beyond_margin


def note_of(claim: Claim, judged: Judged) -> str:
    """Say which places agree, which do not, and what else there is to say.

    Places that disagree are named with their numbers, those that are most wrong first. A
    sentence ends with a dot; one that lists things has a colon, and semicolons between them.
    """
    places = judged.places
    counts = {
        "agree": [p for p in places if p.agrees and not p.disagrees],
        "disagree": [p for p in places if p.disagrees and not p.agrees],
        "agree in one part and disagree in another": [
            p for p in places if p.agrees and p.disagrees
        ],
        "open": [p for p in places if not p.agrees and not p.disagrees],
    }
    said = [f"{len(found)} {word}" for word, found in counts.items() if found]
    parts = [f"of {len(places)} places {', '.join(said)}"]
    disagreeing = [place for place in places if place.disagrees]
    disagreeing.sort(key=lambda place: -wrong_by(claim, place))
    for word, which in (
        (f"unlike {claim.source} says", disagreeing),
        ("open", counts["open"]),
    ):
        if which:
            more = f"; and {len(which) - _NAMED} more" if len(which) > _NAMED else ""
            parts.append(f"{word}: {'; '.join(map(str, which[:_NAMED]))}{more}")
    return ". ".join([*parts, judged.note] if judged.note else parts)


def shown_place(claim: Claim, places: list[Place]) -> Place:
    """Return the place that a figure shows best: the most wrong one, or that of largest effect."""
    disagreeing = [place for place in places if place.disagrees]
    if disagreeing:
        return max(disagreeing, key=lambda place: wrong_by(claim, place))
    return max(places, key=lambda place: abs(place.value))
