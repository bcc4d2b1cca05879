"""The page of one network: tables, and a figure of each layer, in one HTML file."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan

import pandas as pd
from markupsafe import Markup

from weightlaws.figures.html import template

_TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ name }}</title>
<style>
body { font: 15px/1.5 sans-serif; margin: 2em; color: #222 } p, ul { max-width: 60em }
h2 { border-bottom: 1px solid #bbb; margin-top: 2em }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: 0.5em 0; font-size: 13px }
th, td { padding: 0.1em 0.7em; text-align: right; white-space: nowrap }
th { border-bottom: 1px solid #999; position: sticky; top: 0; background: #fff }
td.text, th.text { text-align: left } td.reason { white-space: normal; min-width: 24em }
h1, h2, li { overflow-wrap: anywhere }
tr:nth-child(even) td { background: #f6f6f6 }
img { max-width: 100%; height: auto }
</style>
</head>
<body>
<h1>{{ name }}</h1>
<p>{{ rows | length }} layer{{ "" if rows | length == 1 else "s" }}, with {{ share }} of the
network's trained weights. Each was compared with {{ effort }}.</p>
<ul>
{% for column, meaning in meanings.items() %}
<li><b>{{ column }}</b>: {{ meaning }}</li>
{% endfor %}
</ul>
<div class="wide">
<table>
<tr>{% for column in columns %}<th{{ classes[column] }}>{{ column }}</th>{% endfor %}</tr>
{% for row in rows %}
{% set place = loop.index %}
<tr>{% for column, cell in row %}<td{{ classes[column] }}>
{%- if loop.first %}<a href="#layer{{ place }}">{{ cell }}</a>
{%- else %}{{ cell }}{% endif %}</td>{% endfor %}</tr>
{% endfor %}
</table>
</div>
<h2>Left out</h2>
{% if skipped %}
<div class="wide">
<table>
<tr><th class="text">name</th><th class="text">reason</th></tr>
{% for left_out, reason in skipped %}
<tr><td class="text">{{ left_out }}</td><td class="text reason">{{ reason }}</td></tr>
{% endfor %}
</table>
</div>
{% else %}
<p>Nothing.</p>
{% endif %}
{% for layer, notes, picture in sections %}
<h2 id="layer{{ loop.index }}">{{ layer }}</h2>
<ul>
{% for note in notes %}
<li>{{ note }}</li>
{% endfor %}
</ul>
{% if picture.png %}
<img loading="lazy" alt="spectrum of {{ layer }}" src="data:image/png;base64,{{ picture.png }}">
{% else %}
<p>No figure: {{ picture.reason }}</p>
{% endif %}
{% endfor %}
</body>
</html>
"""
_PAGE = template(_TEMPLATE)

_MEANINGS = {
    "outliers": "singular values above the bulk, which 1 % of random matrices have",
    "explained_by": "how many of them are learned, and how many a pattern of scales explains, such "
    "as rows of large weights",
    "learned_rank": "components beyond what any pattern of scales explains",
    "informative_vectors": "ranks whose singular vectors stand out beyond what scale explains",
    "mean_ratio": "of consecutive level spacings in the bulk: 0.53 if random, 0.39 if unrelated",
    "brody": "parameter of the unfolded spacings: 0.96 if random, 0 if unrelated",
    "tail_verdict": "whether the largest singular values follow a power law",
    "alpha to mp_softrank": "the metrics of WeightWatcher 0.7.7, by its definitions",
}
_TEXT = ("layer", "explained_by", "tail_verdict")


@dataclass(frozen=True)
class Picture:
    """The figure of a layer: a PNG in base 64, or the reason why there is none."""

    png: str = ""
    reason: str = ""


def page(
    name: str,
    table: pd.DataFrame,
    skipped: pd.DataFrame,
    share: float,
    effort: str,
    pictures: Iterable[Picture],
) -> str:
    """Write the page. Names may contain anything: it escapes them.

    Parameters
    ----------
    name
        Of the network.
    table, skipped
        See `analysis.NetworkAnalysis`.
    share
        Of the network's trained weights those in layers.
    effort
        What the layers were compared with, in words.
    pictures
        Of the layers, in the table's order.
    """
    shown, notes = table.drop(columns="notes"), table["notes"].str.split("; ")
    return _PAGE.render(
        name=name,
        columns=[*shown.columns],
        classes={
            column: Markup(' class="text"' if column in _TEXT else "") for column in shown.columns
        },
        rows=[
            [(column, _cell(value)) for column, value in row.items()]
            for row in shown.to_dict("records")
        ],
        skipped=skipped.to_numpy().tolist(),
        share=f"{share:.1%}",
        effort=effort,
        meanings=_MEANINGS,
        sections=zip(table["layer"], notes, pictures, strict=True),
    )


def _cell(value: object) -> str:
    """Write a number in four digits, counts without a point, and nothing for NaN."""
    if not isinstance(value, float):
        return str(value)
    return "" if isnan(value) else f"{value:.0f}" if value.is_integer() else f"{value:.4g}"
