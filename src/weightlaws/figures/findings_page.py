"""A study's findings in words, as one HTML page that needs nothing beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from weightlaws.figures.html import template
from weightlaws.figures.words import law_words, layer_words, rejection_words, text_words
from weightlaws.inference.findings import NOT_COMPARED, NOT_REJECTED, REJECTED, STANDARD_ERRORS
from weightlaws.inference.symmetry_names import SYMMETRY_TESTS
from weightlaws.laws.names import LAWS

# The template stands here and not in a file: the digest of this module then covers it.
_TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Findings of the study {{ name }}</title>
<style>
body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
h2 { border-bottom: 1px solid #bbb; margin-top: 2em } h3 { margin-bottom: 0 }
h1, h2, h3, p, li, td { overflow-wrap: anywhere } a { color: #0062a3 }
table { border-collapse: collapse; margin: 0.5em 0 }
th, td { padding: 0.1em 0.8em; text-align: right }
th { border-bottom: 1px solid #999 } td:first-child, th:first-child { text-align: left }
li { margin: 0.3em 0 }
@media (max-width: 640px) {
  body { margin: 0.5em auto; padding: 0 0.6em } ul { padding-left: 1.2em }
  th, td { padding: 0.1em 0.3em; font-size: 0.85em }
}
@media print { nav { display: none } h2, h3 { break-after: avoid } }
</style>
</head>
<body>
<h1>Findings of the study {{ name }}</h1>
<p>Which law do the weight matrices follow? The laws that are compared:</p>
<ul>
{% for law, meaning in laws.items() %}
<li><b>{{ law }}</b>: {{ meaning }}</li>
{% endfor %}
</ul>
<p>The best of these laws is the simplest that no larger one beats by more than
{{ standard_errors }} standard errors on held-out members. It may still be wrong: a verdict stands
beside it. A law is rejected if an invariant deviates from its prediction (max-T over the epochs and
invariants of the layer, at the level {{ level }}), if the omnibus test rejects (sliced Wasserstein
distance of held-out members from samples of the law), or if a symmetry that the law has is rejected
by randomisation. Where a law is not rejected, the page says what deviation would have been found in
80 % of cases. Gains are in nats of log-likelihood per held-out member, over the law that it is
nested above (bipartite over i.i.d., the others over bipartite), with one standard error.</p>
<nav aria-label="Contents">
<ul>
{% for condition in conditions %}
<li><a href="#networks-{{ loop.index }}">{{ condition.words }}</a></li>
{% endfor %}
</ul>
</nav>
{% for condition in conditions %}
<h2 id="networks-{{ loop.index }}">{{ condition.words }}</h2>
<p>{% if condition.name != condition.words %}In tables <code>{{ condition.name }}</code>.
{% endif -%}
{{ condition.members }}. {{ condition.checks }}.</p>
{% for layer in condition.layers %}
<h3>{{ layer.heading }}</h3>
{% for part in layer.parts %}
{% if part.selection %}
<p>Members {{ part.selection }}:</p>
{% endif %}
<ul>
{% for epoch in part.epochs %}
<li>Epoch {{ epoch.number }}: {% if epoch.law -%}
best of the Gaussian laws compared: <b>{{ epoch.law }}</b>, {% endif -%}
{{ epoch.verdict }} {{ epoch.deviating }}
{%- for formula, size in epoch.largest %}
{{- ", most of all" if loop.first else "," }} <code>{{ formula }}</code> by {{ size }}
{%- endfor %}{{ "." if epoch.deviating }} {{ epoch.gains }}</li>
{% endfor %}
</ul>
<table>
<tr><th>p of the symmetry tests</th>
{%- for epoch in part.epochs %}<th>epoch {{ epoch.number }}</th>{% endfor %}</tr>
{% for test, values in part.p_values.items() %}
<tr><td>{{ test }}</td>{% for p in values %}<td>{{ p }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endfor %}
{% endfor %}
{% endfor %}
</body>
</html>
"""
_PAGE = template(_TEMPLATE)


@dataclass(frozen=True)
class _Epoch:
    """One epoch of a layer, in words."""

    number: int
    law: str  # empty if none is best
    verdict: str
    deviating: str  # without a full stop
    largest: list[tuple[str, str]]  # formulas, with the size of their deviation
    gains: str


@dataclass(frozen=True)
class _Part:
    """A layer's findings, of a selection of its members."""

    selection: str
    epochs: list[_Epoch]
    p_values: dict[str, list[str]]


@dataclass(frozen=True)
class _Layer:
    heading: str
    parts: list[_Part]


@dataclass(frozen=True)
class _Condition:
    name: str
    words: str
    members: str
    checks: str
    layers: list[_Layer]


def findings_page(
    name: str,
    findings: pd.DataFrame,
    ranked: pd.DataFrame,
    members: pd.DataFrame,
    admissibility: pd.DataFrame,
    level: float,
    titles: Mapping[str, str],
) -> str:
    """Write what the tables of findings say, condition by condition and layer by layer.

    Names may contain anything: the page escapes them.

    Parameters
    ----------
    name
        Of the study.
    findings, ranked
        As `findings.findings_table` and `findings.ranked_deviations` give them.
    members
        The study's table of members, for those that are dead or diverged.
    admissibility
        The checks of the covariance blocks of all fits.
    level
        The family-wise level of the tests.
    titles
        Networks in words, by the names of their conditions; others keep their names.
    """
    conditions = [
        _Condition(
            str(condition),
            titles.get(str(condition), str(condition)),
            _members(members[members["condition"] == condition]),
            _checks(admissibility[admissibility["condition"] == condition]),
            [
                _layer(str(layer), mine, ranked[ranked["condition"] == condition])
                for layer, mine in part.groupby("layer", sort=False)
            ],
        )
        for condition, part in findings.groupby("condition", sort=False)
    ]
    return _PAGE.render(
        name=name,
        laws={law_words(law): meaning for law, meaning in LAWS.items()},
        standard_errors=f"{STANDARD_ERRORS:g}",
        level=f"{100 * level:g} %",
        conditions=conditions,
    )


def _members(members: pd.DataFrame) -> str:
    listed = {
        "with a dead output": members.loc[members["dead_output"] & members["finite"], "member"],
        "diverged, in no table": members.loc[~members["finite"], "member"],
    }
    counts = [
        f"{len(numbers)} {kind}" + (f" ({', '.join(map(str, numbers))})" if len(numbers) else "")
        for kind, numbers in listed.items()
    ]
    return "; ".join([f"{len(members)} members", *counts])


def _checks(blocks: pd.DataFrame) -> str:
    bad = blocks[blocks["verdict"] != "positive definite"]
    checks = [f"{len(blocks)} fitted covariance blocks, {len(bad)} of them not positive definite"]
    kinds = ["layer", "block", "verdict", "reason"]
    for (layer, block, verdict, reason), part in bad.groupby(kinds, sort=False):
        where = layer_words(str(layer))
        checks.append(f"{where}, {block}: {verdict} at {len(part)} epochs ({reason})")
    return "; ".join(checks)


def _layer(layer: str, findings: pd.DataFrame, ranked: pd.DataFrame) -> _Layer:
    rows, columns, first = findings[["rows", "columns", "n_members"]].iloc[0]
    parts: list[_Part] = []
    for selection, part in findings.groupby("selection", sort=False):
        n = part["n_members"].iloc[0]
        if parts and n == first:
            continue  # the same members, since none is dead
        mine = ranked[(ranked["layer"] == layer) & (ranked["selection"] == selection)]
        heading = f"{selection} ({n})" if parts else ""
        parts.append(_Part(heading, [*_epochs(part, mine)], _p_values(part)))
    return _Layer(f"{layer_words(layer)} ({rows} x {columns})", parts)


def _epochs(findings: pd.DataFrame, ranked: pd.DataFrame) -> Iterator[_Epoch]:
    for _, row in findings.iterrows():
        top = ranked[(ranked["epoch"] == row["epoch"]) & (ranked["law"] == row["law"])].head(3)
        largest = [(found.formula, _size(found)) for found in top.itertuples()]
        law = "" if row["verdict"] == NOT_COMPARED else law_words(row["law"])
        yield _Epoch(row["epoch"], law, _verdict(row), _deviating(row), largest, _gains(row))


def _size(found: Any) -> str:  # noqa: ANN401, pandas names no type for a row
    interval = f"{found.low:.2g} to {found.high:.2g}"
    one = f", which rests on member {found.influential}" if found.carried else ""
    return f"{found.deviation_sd:+.2g} SD ({interval}{one})"


def _verdict(row: pd.Series) -> str:
    if row["verdict"] == NOT_COMPARED:
        return "no law is best, as fewer than two have a density."
    if row["verdict"] == REJECTED:
        return f"rejected by: {rejection_words(row['rejected_by'])}."
    if row["verdict"] == NOT_REJECTED:
        return (
            "not rejected. A deviation of "
            f"{row['detectable_sd']:.2g} SD would have been found in 80 % of cases (median over "
            "the invariants)."
        )
    return "not tested, as there are too few members."


def _gains(row: pd.Series) -> str:
    gains = [
        f"{law_words(law)} {row[f'gain {law}']:+.3g} ± {row[f'gain_standard_error {law}']:.2g}"
        for law in LAWS
        if pd.notna(row.get(f"gain {law}"))
    ]
    said = [f"Gains per held-out member: {', '.join(gains)}."] if gains else []
    if pd.notna(row["note"]):
        said.append(f"Not compared: {text_words(row['note'], {})}.")
    return " ".join(said)


def _deviating(row: pd.Series) -> str:
    """Say how many invariants deviate from the best law; nothing if none does."""
    if pd.isna(row["tested"]) or not row["deviating"]:
        return ""
    return f"{row['deviating']} of {row['tested']} invariants deviate"


def _p_values(findings: pd.DataFrame) -> dict[str, list[str]]:
    return {
        words: [f"{p:.3g}" for p in findings[f"p {test}"]]
        for test, words in SYMMETRY_TESTS.items()
        if findings.get(f"p {test}", pd.Series()).notna().any()
    }
