"""The page of answers: a study's claims, where which law holds, and what lies behind them.

All words come from the tables of claims and findings, so that no two places can disagree.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from weightlaws.figures.answers_template import LINK, PAGE
from weightlaws.figures.claim_picture import claim_picture
from weightlaws.figures.contents import FOLDERS, File
from weightlaws.figures.words import law_words, layer_words, rejection_words, text_words
from weightlaws.inference.claims import FAILS, HOLDS, IN_PART, NOT_TESTED
from weightlaws.inference.claims_table import CLAIMS
from weightlaws.inference.dead_outputs import ALL
from weightlaws.inference.findings import (
    NOT_COMPARED,
    NOT_REJECTED,
    REJECTED,
    STANDARD_ERRORS,
)
from weightlaws.laws.names import LAWS

# Of each verdict the class of its look, a sign, and how many claims have it, in words.
_VERDICTS = {
    HOLDS: ("holds", "✓", "hold"),
    IN_PART: ("part", "◐", "hold in part"),
    FAILS: ("fails", "✗", "fail"),
    NOT_TESTED: ("untested", "–", "are not tested here"),
}
# How the sentence on places that disagree begins.
_UNLIKE = "Unlike "
_CLAIMS = {claim.name: claim for claim in CLAIMS}


@dataclass(frozen=True)
class _Shown:
    """A claim in words."""

    name: str
    statement: str
    source: str
    verdict: str
    look: str
    sign: str
    number: str  # empty without one
    interval: str
    quantity: str
    criterion: str
    picture: Markup
    reason: str  # how many places agree, or what the study lacks
    against: str  # the place that disagrees most; empty if none does
    more: list["_Sentence"]
    figure: File | None


@dataclass(frozen=True)
class _Sentence:
    """A sentence of a note, and what it lists."""

    words: str
    things: list[str]


@dataclass(frozen=True)
class _Cell:
    """What holds in one layer of a condition."""

    word: str
    look: str
    reason: str


def answers_page(
    name: str,
    claims: pd.DataFrame,
    files: Sequence[File],
    titles: Mapping[str, str],
    level: float,
    findings: pd.DataFrame | None = None,
    conditions: pd.DataFrame | None = None,
    members: pd.DataFrame | None = None,
    cost: str = "",
) -> str:
    """Write the page, which needs nothing beside it but the files that it links to.

    Names may contain anything: the page escapes them.

    Parameters
    ----------
    name
        Of the study.
    claims
        The table of `claims_table.claims_table`.
    files
        All figures, tables and pages that the page leads to.
    titles
        Networks in words, by the names of their conditions; others keep their names.
    level
        The family-wise level of the tests.
    findings
        The table of findings, of studies that fit laws.
    conditions, members
        The study's tables of these names, of studies with ensembles.
    cost
        What the jobs took, in words.
    """
    by_path = {file.path: file for file in files}
    return PAGE.render(
        name=name,
        asked=_asked(claims, conditions),
        counts=_counts(claims),
        claims=[_shown(row, by_path, titles) for row in claims.to_dict("records")],
        standard_errors=f"{STANDARD_ERRORS:g}",
        level=f"{100 * level:g} %",
        laws=[{"name": law_words(law), "meaning": meaning} for law, meaning in LAWS.items()],
        matrices=[] if findings is None else [*_matrices(findings, titles)],
        appendix=by_path.get("findings.html"),
        networks=[] if conditions is None else [*_networks(conditions, members, titles)],
        cost=cost,
        costs=by_path.get("tables/cost.html"),
        folders=_folders(files),
        linked=lambda file: Markup(LINK.render(file=file)),
    )


def _asked(claims: pd.DataFrame, conditions: pd.DataFrame | None) -> str:
    said = f"The study judges {_number(len(claims), 'claim')}"
    if conditions is None or conditions.empty:
        return f"{said} by networks that were trained elsewhere."
    networks, n = int(conditions["members"].sum()), len(conditions)
    return f"{said} by {_number(networks, 'network')} in {_number(n, 'condition')}."


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _counts(claims: pd.DataFrame) -> str:
    counts = claims["verdict"].value_counts()
    found = [
        f"{counts[verdict]} {words}"
        for verdict, (_, _, words) in _VERDICTS.items()
        if verdict in counts
    ]
    return f"Of {_number(len(claims), 'claim')}: {', '.join(found)}."


def _shown(row: Mapping[Any, Any], files: Mapping[str, File], titles: Mapping[str, str]) -> _Shown:
    words = {column: "" if pd.isna(value) else str(value) for column, value in row.items()}
    look, sign, _ = _VERDICTS[words["verdict"]]
    value, low, high = (float(words[column] or "nan") for column in ("value", "low", "high"))
    reason, _, others = words["note"].partition(". ")
    more = _sentences(others, titles)
    against = next((s.things[0] for s in more if s.words.startswith(_UNLIKE)), "")
    return _Shown(
        name=words["claim"],
        statement=words["statement"],
        source=words["source"],
        verdict=words["verdict"],
        look=look,
        sign=sign,
        number="" if pd.isna(value) else _digits(value),
        interval=f"{_digits(low)} to {_digits(high)}",
        quantity=words["quantity"],
        criterion=words["criterion"],
        picture=claim_picture(_CLAIMS[words["claim"]], value, low, high),
        reason=_capital(text_words(reason, titles)),
        against=against,
        more=more,
        figure=files.get(words["figure"]),
    )


def _sentences(note: str, titles: Mapping[str, str]) -> list[_Sentence]:
    """Read what a note of `claims.note_of` says beyond its first sentence, names in words."""
    found = []
    for sentence in note.split(". ") if note else ():
        said, _, things = sentence.partition(": ")
        listed = [text_words(thing, titles) for thing in things.split("; ")] if things else []
        found.append(_Sentence(_capital(text_words(said, titles)), listed))
    return found


def _capital(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _digits(number: float) -> str:
    return f"{number:.3g}".replace("-", "−")


def _matrices(findings: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Yield a matrix of conditions and layers at their first epoch, and one at their last."""
    whole = findings[findings["selection"] == ALL]
    epochs = whole.groupby("condition", sort=False)["epoch"]
    first, last = epochs.transform("min"), epochs.transform("max")
    if (first < last).any():
        at_start = whole[(whole["epoch"] == first) & (first < last)]
        yield _matrix(at_start, "The first epoch compared", titles)
    yield _matrix(whole[whole["epoch"] == last], "The last epoch compared", titles)


def _matrix(part: pd.DataFrame, when: str, titles: Mapping[str, str]) -> dict[str, object]:
    layers = list(part["layer"].unique())
    words, rows = [layer_words(str(layer)) for layer in layers], []
    for condition, mine in part.groupby("condition", sort=False):
        cells = {row["layer"]: _cell(row) for row in mine.to_dict("records")}
        found = [cells.get(layer) for layer in layers]
        rows.append((titles.get(str(condition), str(condition)), [*zip(words, found, strict=True)]))
    epochs = ", ".join(str(epoch) for epoch in sorted(part["epoch"].unique()))
    return {"caption": f"{when}: {epochs}", "layers": words, "rows": rows}


def _cell(row: Mapping[Any, Any]) -> _Cell:
    law = str(row["law"])
    look = f"law{list(LAWS).index(law)}" if law in LAWS else ""
    if row["verdict"] == NOT_COMPARED:
        return _Cell("not compared", "", "fewer than two laws have a density")
    if row["verdict"] == REJECTED:
        tests = rejection_words(str(row["rejected_by"]))
        reason = f"best is {law_words(law)}, rejected by: {tests}"
        return _Cell("none", f"{look} rejected", reason)
    if row["verdict"] == NOT_REJECTED:
        found = f"{row['detectable_sd']:.2g} SD"
        return _Cell(law_words(law), look, f"not rejected; a deviation of {found} would be found")
    return _Cell("not tested", "", f"best is {law_words(law)}; too few members")


def _networks(
    conditions: pd.DataFrame, members: pd.DataFrame | None, titles: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    for row in conditions.to_dict("records"):
        name = str(row["condition"])
        mine = pd.DataFrame() if members is None else members[members["condition"] == name]
        finite = mine[mine["finite"]] if len(mine) else mine
        accuracy = finite["test_accuracy"].dropna() if len(finite) else pd.Series(dtype=float)
        yield {
            "words": titles.get(name, name),
            "members": f"{row['members']:,}",
            "epochs": row["epochs"],
            "accuracy": _accuracy(accuracy),
            "dead": int(finite["dead_output"].sum()) if len(finite) else 0,
            "diverged": len(mine) - len(finite),
        }


def _accuracy(values: "pd.Series[float]") -> str:
    if values.empty:
        return "not known"
    if len(values) == 1:
        return f"{values.iloc[0]:.3f}"
    return f"{values.mean():.3f} ± {values.std():.3f}"


def _folders(files: Iterable[File]) -> dict[str, dict[str, list[File]]]:
    """Sort files by the folder of the report, and there by what they show."""
    folders: dict[str, dict[str, list[File]]] = {folder: {} for folder in FOLDERS}
    for file in files:
        folders[file.content.folder].setdefault(file.content.title, []).append(file)
    return {folder: found for folder, found in folders.items() if found}
