import numpy as np
import pandas as pd
import pytest

from weightlaws.figures.findings_page import findings_page

LAYER, SELECTIONS = "hidden1-hidden2", ("all", "without dead outputs")


@pytest.fixture
def findings():
    rows = [
        ("a", layer, 10, columns, selection, n, epoch, law)
        for layer, columns in (("input-hidden1", 784), (LAYER, 10))
        for selection, n in zip(SELECTIONS, (20, 19), strict=True)
        for epoch, law in ((0, "i.i.d."), (2, "bipartite"))
    ]
    names = ["condition", "layer", "rows", "columns", "selection", "n_members", "epoch", "law"]
    table = pd.DataFrame(rows, columns=names)
    square = table["columns"] == 10
    counts = {"deviating": 2, "tested": 3, "deviating_published": 1, "tested_published": 2}
    tested = {name: pd.array(np.where(square, n, None), "Int64") for name, n in counts.items()}
    return table.assign(
        **{
            "gain bipartite": np.where(table["epoch"] == 0, np.nan, 2.0),
            "gain_standard_error bipartite": 0.1,
            "gain diagonal S_D": np.where(square, -1.0, np.nan),
            "gain_standard_error diagonal S_D": 0.1,
            "p row means": 0.25,
            "p diagonal": 0.5,
            "note": np.where(table["epoch"] == 0, "bipartite: no density <here>", None),
        },
        **tested,
    )


@pytest.fixture
def ranked():
    rows = [
        ("a", LAYER, selection, epoch, formula, size)
        for selection in SELECTIONS
        for epoch in (0, 2)
        for formula, size in (("F3", 0.2), ("F1", 0.1))
    ]
    names = ["condition", "layer", "selection", "epoch", "formula", "deviation_sd"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def checked():
    good, bad = ("positive definite", ""), ("near-singular", "too few members")
    rows = [("a", LAYER, "V0", *bad), ("a", LAYER, "V0", *bad), ("a", LAYER, "VH", *good)]
    return pd.DataFrame(rows, columns=["condition", "layer", "block", "verdict", "reason"])


def test_the_page_says_it_in_words(findings, ranked, checked):
    members = pd.DataFrame(
        {
            "condition": "a",
            "member": range(21),
            "dead_output": np.arange(21) == 4,
            "finite": np.arange(21) != 7,
        }
    )
    page = findings_page("study <1>", findings, ranked, members, checked, 0.05)
    assert "study &lt;1&gt;" in page
    assert "21 members; 1 with a dead output (4); 1 diverged, in no table (7)." in page
    assert (
        "3 fitted covariance blocks, 2 of them not positive definite; "
        "hidden1-hidden2, V0: near-singular at 2 epochs (too few members)." in page
    )
    assert "<h3>hidden1-hidden2 (10 x 10)</h3>" in page
    assert (
        "Epoch 2: the <b>bipartite</b> law fits best. Gains per held-out member: "
        "bipartite +2 ± 0.1, diagonal S_D -1 ± 0.1. "
        "2 of 3 invariants deviate (1 of the 2 published ones), most of all "
        "<code>F3</code> by 0.2 SD, <code>F1</code> by 0.1 SD." in page
    )
    assert "Epoch 0: the <b>i.i.d.</b> law fits best. Gains per held-out member: " in page
    assert page.count("Not compared: bipartite: no density &lt;here&gt;.") == 4
    assert page.count("Members without dead outputs (19):") == 2
    assert "<td>row i belongs to column i</td><td>0.5</td><td>0.5</td>" in page


def test_members_without_dead_outputs_are_passed_over_where_they_are_all(findings, ranked, checked):
    same = findings.assign(n_members=20)
    members = pd.DataFrame({"condition": ["a"], "member": 0, "dead_output": False, "finite": True})
    page = findings_page("study", same, ranked, members, checked[2:], 0.05)
    assert "Members without" not in page
    assert "1 members; 0 with a dead output; 0 diverged, in no table." in page
    assert "1 fitted covariance blocks, 0 of them not positive definite." in page


def test_names_are_escaped(findings, ranked, checked):
    script = "<script>alert('hello')</script>"
    swap = {"a": script, LAYER: script}
    tables = [table.replace(swap) for table in (findings, ranked, checked)]
    members = pd.DataFrame({"condition": [script], "member": 0, "dead_output": False})
    page = findings_page(script, *tables[:2], members.assign(finite=True), tables[2], 0.05)
    assert "<script" not in page
    assert "<h3>&lt;script&gt;alert(&#39;hello&#39;)&lt;/script&gt; (10 x 10)</h3>" in page
    assert page.count("&lt;script&gt;") == 2 + 1 + 1 + 1  # study, condition, layer, its blocks
