import numpy as np
import pandas as pd
import pytest

from weightlaws.figures.findings_page import findings_page

TITLES = {"a": "784-10-10-10, Gaussian start"}
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
    later = table["epoch"] == 2
    return table.assign(
        **{
            "verdict": np.where(later, "rejected", "not rejected"),
            "rejected_by": np.where(later, "deviations; row means", ""),
            "deviating": np.where(later, 2, 0),
            "tested": 3,
            "detectable_sd": 0.25,
            "gain bipartite": np.where(table["epoch"] == 0, np.nan, 2.0),
            "gain_standard_error bipartite": 0.1,
            "gain diagonal S_D": np.where(table["columns"] == 10, -1.0, np.nan),
            "gain_standard_error diagonal S_D": 0.1,
            "p row means": 0.25,
            "p diagonal": 0.5,
            "note": np.where(table["epoch"] == 0, "bipartite: no density <here>", None),
        },
    )


@pytest.fixture
def ranked():
    rows = [
        ("a", LAYER, selection, 2, law, formula, size, size - 0.1, size + 0.1, 7, carried)
        for selection in SELECTIONS
        for law in ("i.i.d.", "bipartite")
        for formula, size, carried in (("F3", -0.3, False), ("F1", 0.2, True))
    ]
    names = ["condition", "layer", "selection", "epoch", "law", "formula", "deviation_sd"]
    return pd.DataFrame(rows, columns=[*names, "low", "high", "influential", "carried"])


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
    page = findings_page("study <1>", findings, ranked, members, checked, 0.05, TITLES)
    assert "study &lt;1&gt;" in page
    assert "21 members; 1 with a dead output (4); 1 diverged, in no table (7)." in page
    assert (
        "3 fitted covariance blocks, 2 of them not positive definite; "
        "hidden 1 to hidden 2, V0: near-singular at 2 epochs (too few members)." in page
    )
    assert "<h3>hidden 1 to hidden 2 (10 x 10)</h3>" in page
    text = " ".join(page.split())
    assert (
        "Epoch 2: best of the Gaussian laws compared: <b>bipartite</b>, rejected by: invariants "
        "that deviate; row labels, by means. "
        "2 of 3 invariants deviate, most of all <code>F3</code> by -0.3 SD (-0.4 to -0.2), "
        "<code>F1</code> by +0.2 SD (0.1 to 0.3, which rests on member 7). "
        "Gains per held-out member: bipartite +2 ± 0.1, 13-parameter -1 ± 0.1." in text
    )
    assert (
        "Epoch 0: best of the Gaussian laws compared: <b>i.i.d.</b>, not rejected. A "
        "deviation of 0.25 SD would have been found in 80 % of cases" in text
    )
    assert page.count("Not compared: bipartite: no density &lt;here&gt;.") == 4
    assert page.count("Members without dead outputs (19):") == 2
    assert "diagonal S_D" not in page
    assert f'<li><a href="#networks-1">{TITLES["a"]}</a></li>' in page
    assert f'<h2 id="networks-1">{TITLES["a"]}</h2>' in page
    assert "In tables <code>a</code>. 21 members" in text
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "<td>row i belongs to column i</td><td>0.5</td><td>0.5</td>" in page


def test_where_nothing_is_compared_no_law_is_called_best(findings, ranked, checked):
    bare = findings[findings["epoch"] == 0].assign(
        law=np.nan, verdict="not compared", tested=np.nan, detectable_sd=np.nan
    )
    bare[["gain bipartite", "gain diagonal S_D"]] = np.nan
    members = pd.DataFrame({"condition": ["a"], "member": 0, "dead_output": False, "finite": True})
    page = findings_page("study", bare, ranked, members, checked, 0.05, TITLES)
    text = " ".join(page.split())
    assert (
        "Epoch 0: no law is best, as fewer than two have a density. Not compared: bipartite: no "
        "density &lt;here&gt;.</li>" in text
    )
    assert "best of the Gaussian laws compared: <b>" not in text


def test_members_without_dead_outputs_are_passed_over_where_they_are_all(findings, ranked, checked):
    same = findings.assign(n_members=20)
    members = pd.DataFrame({"condition": ["a"], "member": 0, "dead_output": False, "finite": True})
    page = findings_page("study", same, ranked, members, checked[2:], 0.05, TITLES)
    assert "Members without" not in page
    assert "1 members; 0 with a dead output; 0 diverged, in no table." in page
    assert "1 fitted covariance blocks, 0 of them not positive definite." in page


def test_names_are_escaped(findings, ranked, checked):
    script = "<script>alert('hello')</script>"
    swap = {"a": script, LAYER: script}
    tables = [table.replace(swap) for table in (findings, ranked, checked)]
    members = pd.DataFrame({"condition": [script], "member": 0, "dead_output": False})
    page = findings_page(script, *tables[:2], members.assign(finite=True), tables[2], 0.05, {})
    assert "<script" not in page
    assert "<h3>&lt;script&gt;alert(&#39;hello&#39;)&lt;/script&gt; (10 x 10)</h3>" in page
    assert (
        page.count("&lt;script&gt;") == 2 + 2 + 1 + 1
    )  # study, condition and its link, layer, its blocks
