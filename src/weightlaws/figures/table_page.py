"""A table of results as a page: some of its rows to read, and all of them to take away."""

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import pandas as pd

from weightlaws.figures.html import template
from weightlaws.inference.dead_outputs import ALL

#: Rows that a page shows at most.
ROWS = 60
#: A larger table is not kept in its page, compressed: the report has to stay a file to send.
_LARGEST = 150_000  # bytes

_PAGE = template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 sans-serif; margin: 1.5em; color: #222 }
.wide { overflow-x: auto } li { overflow-wrap: anywhere }
table { border-collapse: collapse; font-size: 13px }
th, td { padding: .15em .7em; text-align: left; white-space: nowrap }
th { border-bottom: 1px solid #999; background: #fff; position: sticky; top: 0 }
td.number, th.number { text-align: right } td.long { white-space: normal; min-width: 22em }
tr:nth-child(even) td { background: #f6f6f6 }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p>{{ shown }}</p>
{% if data %}
<p><a download="{{ file }}" href="data:application/gzip;base64,{{ data }}">Take the whole table
away</a> ({{ file }}: comma-separated values, compressed).</p>
{% endif %}
<div class="wide"><table>
<tr>{% for column, look in columns %}<th class="{{ look }}">{{ column }}</th>{% endfor %}</tr>
{% for row in rows %}
<tr>{% for (column, look), cell in row %}<td class="{{ look }}">{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table></div>
<p>Files, in the folder of the results:</p>
<ul>
{% for path in paths %}
<li>{{ path }}</li>
{% endfor %}
</ul>
</body>
</html>
""")


def table_page(title: str, table: pd.DataFrame, name: str, paths: Sequence[str]) -> str:
    """Write the page of a table; names may contain anything, the page escapes them.

    A page of a long table has the rows about all members at the last epoch of each condition, and
    of those the first `ROWS`. The whole table is in the page, too, as a compressed file to
    download, if it is not larger than the report can bear.

    Parameters
    ----------
    title
        What the table is about.
    table
        All its rows.
    name
        Of the file to download, without an ending.
    paths
        The files that the rows come from, from the folder of the results.
    """
    rows = shown_rows(table)
    whole = gzip.compress(table.to_csv(index=False).encode(), mtime=0)
    kept = len(rows) < len(table) and len(whole) <= _LARGEST
    columns = [(str(column), _look(table[column])) for column in table]
    cells = ([_cell(value) for value in row] for row in rows.itertuples(index=False))
    return _PAGE.render(
        title=title,
        shown=_shown(len(rows), len(table), kept),
        file=f"{name}.csv.gz",
        data=base64.b64encode(whole).decode() if kept else "",
        columns=columns,
        rows=[[*zip(columns, row, strict=True)] for row in cells],
        paths=paths,
    )


def shown_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of a table that a page shows."""
    if len(table) <= ROWS:
        return table
    chosen = table
    if "selection" in chosen:
        chosen = chosen[chosen["selection"] == ALL]
    if "epoch" in chosen:
        of = [column for column in ("condition",) if column in chosen]
        last = chosen.groupby(of)["epoch"].transform("max") if of else chosen["epoch"].max()
        chosen = chosen[chosen["epoch"] == last]
    return chosen.head(ROWS)


def _shown(n: int, of: int, kept: bool) -> str:
    if n == of:
        return f"The whole table, {of:,} row{'' if of == 1 else 's'}."
    where = "" if kept else " The whole table is too large for this page, and stands in files."
    return (
        f"{n:,} of {of:,} rows: those about all members at the last epoch, and of these the first "
        f"{ROWS}.{where}"
    )


def _look(column: "pd.Series[Any]") -> str:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return "number"
    return "long" if column.astype(str).str.len().max() > 60 else ""


def _cell(value: Any) -> str:  # noqa: ANN401, cells hold anything
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
