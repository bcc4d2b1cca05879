import base64
import gzip
import io
import re

import numpy as np
import pandas as pd

from weightlaws.figures import table_page
from weightlaws.figures.table_page import ROWS, shown_rows


def page(table, **given):
    return table_page.table_page("A <title>", table, "name", ["folder/<a>.csv"], **given)


def rows(html):
    return re.findall(r"<tr>(.*?)</tr>", html, flags=re.DOTALL)[1:]


def long(n):
    """Two conditions, of which one has more epochs, with two selections."""
    return pd.DataFrame(
        [
            {"condition": name, "epoch": epoch, "selection": selection, "k": k, "x": k / 3}
            for name, epochs in (("a", (0, 5)), ("b", (0, 2)))
            for epoch in epochs
            for selection in ("all", "without dead outputs")
            for k in range(n)
        ]
    )


def test_a_short_table_is_shown_as_a_whole():
    table = pd.DataFrame({"layer": ["<x>", "y"], "value": [1 / 3, np.nan], "n": [7, 12345]})
    html = page(table)
    assert "The whole table, 2 rows." in html
    first, second = rows(html)
    assert "&lt;x&gt;" in first
    assert ">0.3333<" in first
    assert re.findall(r">([^<]*)</td>", second) == ["y", "", "12345"]
    assert "A &lt;title&gt;" in html
    assert "folder/&lt;a&gt;.csv" in html
    assert "download" not in html


def test_of_a_long_table_the_last_epochs_of_all_members_are_shown():
    table = long(20)
    found = shown_rows(table)
    assert len(found) == 40
    assert set(found["selection"]) == {"all"}
    assert set(zip(found["condition"], found["epoch"], strict=True)) == {("a", 5), ("b", 2)}
    assert len(shown_rows(long(500))) == ROWS
    assert len(rows(page(long(500)))) == ROWS


def test_a_long_table_can_be_taken_away_as_a_whole():
    table = long(20)
    html = page(table)
    assert f"40 of {len(table)} rows" in html
    data = re.search(r'download="name.csv.gz" href="data:application/gzip;base64,([^"]*)"', html)[1]
    whole = pd.read_csv(io.BytesIO(gzip.decompress(base64.b64decode(data))))
    pd.testing.assert_frame_equal(whole, table)


def test_a_table_that_is_too_large_is_named(monkeypatch):
    monkeypatch.setattr(table_page, "_LARGEST", 10)
    html = page(long(20))
    assert "download" not in html
    assert "too large for this page" in html


def test_the_same_table_gives_the_same_page():
    assert page(long(20)) == page(long(20))


def test_a_table_without_rows_has_a_page():
    assert "The whole table, 0 rows." in page(pd.DataFrame({"name": []}))
