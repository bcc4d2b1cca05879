"""A study's findings in words, as one HTML page that needs nothing beside it."""

from html import escape

import pandas as pd

from weightlaws.inference.findings import STANDARD_ERRORS

_STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
h2 { border-bottom: 1px solid #bbb; margin-top: 2em } h3 { margin-bottom: 0 }
table { border-collapse: collapse; margin: 0.5em 0 }
th, td { padding: 0.1em 0.8em; text-align: right }
th { border-bottom: 1px solid #999 } td:first-child, th:first-child { text-align: left }
li { margin: 0.3em 0 }
"""

_MEANING = {
    "i.i.d.": "all entries independent and alike, 2 parameters",
    "bipartite": "unchanged if rows and columns are permuted independently, 5 parameters",
    "diagonal S_D": "unchanged if rows and columns are permuted together, 13 parameters",
    "one-sided": "one side keeps its labels, the classes or the pixels",
}
_TESTS = {
    "row means": "row labels, by means",
    "row spreads": "row labels, by spreads",
    "column means": "column labels, by means",
    "column spreads": "column labels, by spreads",
    "diagonal": "row i belongs to column i",
    "entries": "rows or columns have parts in common",
}


def findings_page(
    name: str,
    findings: pd.DataFrame,
    ranked: pd.DataFrame,
    members: pd.DataFrame,
    admissibility: pd.DataFrame,
    rate: float,
) -> str:
    """Write what the tables of findings say, condition by condition and layer by layer.

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
    rate
        The false discovery rate of the tests.
    """
    sections = [
        _condition(str(condition), part, ranked, members, admissibility)
        for condition, part in findings.groupby("condition", sort=False)
    ]
    laws = "".join(f"<li><b>{law}</b>: {meaning}</li>" for law, meaning in _MEANING.items())
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Findings of the study "
        f"{escape(name)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Findings of the study {escape(name)}</h1>"
        f"<p>Which law do the weight matrices follow? The laws that are compared:</p><ul>{laws}"
        "</ul><p>A law is said to fit best if it is the simplest that no larger one beats by more "
        f"than {STANDARD_ERRORS:g} standard errors on held-out members. Gains are in nats of "
        "log-likelihood per held-out member, over the law that it is nested above (bipartite over "
        "i.i.d., the others over bipartite), with one standard error. Invariants deviate if the "
        "13-parameter law fitted to the layer does not predict their mean, at a false discovery "
        f"rate of {rate:.0%} over the epochs and invariants of the layer.</p>"
        + "".join(sections)
        + "</body></html>\n"
    )


def _condition(
    condition: str,
    findings: pd.DataFrame,
    ranked: pd.DataFrame,
    members: pd.DataFrame,
    admissibility: pd.DataFrame,
) -> str:
    mine = members[members["condition"] == condition]
    listed = {
        "with a dead output": mine.loc[mine["dead_output"] & mine["finite"], "member"],
        "diverged, in no table": mine.loc[~mine["finite"], "member"],
    }
    counts = "; ".join(
        f"{len(numbers)} {what}" + (f" ({', '.join(map(str, numbers))})" if len(numbers) else "")
        for what, numbers in listed.items()
    )
    blocks = admissibility[admissibility["condition"] == condition]
    bad = blocks[blocks["verdict"] != "positive definite"]
    checks = f"{len(blocks)} fitted covariance blocks, {len(bad)} of them not positive definite"
    for (layer, block, verdict, reason), part in bad.groupby(
        ["layer", "block", "verdict", "reason"], sort=False
    ):
        checks += f"; {layer}, {block}: {verdict} at {len(part)} epochs ({reason})"
    layers = [
        _layer(str(layer), part, ranked[(ranked["condition"] == condition)])
        for layer, part in findings.groupby("layer", sort=False)
    ]
    return f"<h2>{escape(condition)}</h2><p>{len(mine)} members; {counts}. {checks}.</p>" + "".join(
        layers
    )


def _layer(layer: str, findings: pd.DataFrame, ranked: pd.DataFrame) -> str:
    rows, columns = findings[["rows", "columns"]].iloc[0]
    choices = [(str(choice), part) for choice, part in findings.groupby("selection", sort=False)]
    parts = [f"<h3>{layer} ({rows} x {columns})</h3>"]
    first = choices[0][1]
    for choice, part in choices:
        if part is not first and (part["n_members"].iloc[0] == first["n_members"].iloc[0]):
            continue  # the same members, since none is dead
        if len(choices) > 1 and part is not first:
            parts.append(f"<p>Members {escape(choice)} ({part['n_members'].iloc[0]}):</p>")
        largest = ranked[(ranked["layer"] == layer) & (ranked["selection"] == choice)]
        sentences = (_epoch(row, largest) for _, row in part.iterrows())
        parts.append("<ul>" + "".join(f"<li>{sentence}</li>" for sentence in sentences) + "</ul>")
        parts.append(_symmetries(part))
    return "".join(parts)


def _epoch(row: pd.Series, largest: pd.DataFrame) -> str:
    gains = [
        f"{law} {row[f'gain {law}']:+.3g} ± {row[f'gain_standard_error {law}']:.2g}"
        for law in list(_MEANING)[1:]
        if pd.notna(row.get(f"gain {law}"))
    ]
    text = f"Epoch {row['epoch']}: the <b>{row['law']}</b> law fits best. "
    text += f"Gains per held-out member: {', '.join(gains)}."
    if pd.notna(row["note"]):
        text += f" Not compared: {escape(row['note'])}."
    if pd.isna(row["tested"]):
        return text
    text += f" {row['deviating']} of {row['tested']} invariants deviate"
    text += f" ({row['deviating_published']} of the {row['tested_published']} published ones)"
    top = largest[largest["epoch"] == row["epoch"]].head(3)
    names = [
        f"<code>{found.formula}</code> by {found.deviation_sd:.2g} SD" for found in top.itertuples()
    ]
    return text + (f", most of all {', '.join(names)}." if names else ".")


def _symmetries(findings: pd.DataFrame) -> str:
    columns = [test for test in _TESTS if findings.get(f"p {test}", pd.Series()).notna().any()]
    header = "".join(f"<th>epoch {epoch}</th>" for epoch in findings["epoch"])
    lines = [
        f"<tr><td>{_TESTS[test]}</td>"
        + "".join(f"<td>{p:.3g}</td>" for p in findings[f"p {test}"])
        + "</tr>"
        for test in columns
    ]
    return f"<table><tr><th>p of the symmetry tests</th>{header}</tr>{''.join(lines)}</table>"
