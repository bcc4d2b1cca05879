import numpy as np
import pandas as pd
import pytest

from weightlaws.inference.findings import best_law, findings_table, ranked_deviations

LAYER, CHOICES = "hidden1-hidden2", ("all", "without dead outputs")


def laws(*rows):
    columns = ["law", "than", "log_likelihood", "gain_standard_error"]
    return pd.DataFrame(rows, columns=columns).set_index("law")


@pytest.mark.parametrize(
    ("likelihoods", "best"),
    [
        ((0.0, -1.0, -2.0, -3.0), "i.i.d."),
        ((0.0, 0.15, 0.16, 0.1), "i.i.d."),  # 1.5 standard errors are not enough
        ((0.0, 1.0, 0.9, 1.1), "bipartite"),
        ((0.0, 1.0, 2.0, 1.1), "diagonal S_D"),
        ((0.0, 1.0, 2.0, 3.0), "one-sided"),
        ((0.0, 1.0, 2.0, 2.1), "diagonal S_D"),  # 0.1 against two steps' errors
        ((0.0, -0.5, 2.0, 0.0), "diagonal S_D"),  # by way of a law that is no better
        ((0.0, 1.0, np.nan, np.nan), "bipartite"),  # no density
    ],
)
def test_the_simplest_law_that_none_beats_clearly(likelihoods, best):
    first, *others = likelihoods
    table = laws(
        ("i.i.d.", np.nan, first, np.nan),
        *zip(
            ("bipartite", "diagonal S_D", "one-sided"),
            ("i.i.d.", "bipartite", "bipartite"),
            others,
            (0.1, 0.1, 0.1),
            strict=True,
        ),
    )
    assert best_law(table) == best


@pytest.fixture
def comparison():
    rows = [
        ("a", layer, 10, columns, choice, n, epoch, law, ll, than, gain, 0.1)
        for layer, columns in (("input-hidden1", 784), (LAYER, 10))
        for choice, n in zip(CHOICES, (20, 19), strict=True)
        for epoch in (0, 1, 2)
        for law, ll, than, gain in (
            ("i.i.d.", 5.0, np.nan, np.nan),
            ("bipartite", 5.0 + epoch, "i.i.d.", 1.0 * epoch),
            ("diagonal S_D", 4.0 + epoch, "bipartite", -1.0),
        )
        if law != "diagonal S_D" or columns == 10
    ]
    columns = ["condition", "layer", "rows", "columns", "selection", "n_members", "epoch"]
    columns += ["law", "log_likelihood", "than", "gain", "gain_standard_error"]
    table = pd.DataFrame(rows, columns=columns)
    poor = (table["epoch"] == 0) & (table["law"] == "bipartite")
    return table.assign(note=np.where(poor, "no density <here>", None))


@pytest.fixture
def symmetry(comparison):
    places = comparison[["condition", "layer", "selection", "n_members", "epoch"]].drop_duplicates()
    headline = places[places["epoch"] != 1]
    return headline.merge(
        pd.DataFrame({"test": ["row means", "diagonal"], "p": [0.25, 0.5]}), "cross"
    )


@pytest.fixture
def significance(symmetry):
    places = symmetry[symmetry["layer"] == LAYER].drop(columns=["test", "p"]).drop_duplicates()
    tests = pd.DataFrame(
        {
            "invariant": ["ii.ii.ii", "ij.ij.ij", "ii.ij.jj", "ij.ij.ij.ij"],
            "published": ["I14", "I22", np.nan, "I45"],
            "deviation_sd": [0.1, 0.3, 0.2, 0.9],
            "p": [0.001, 0.002, 0.001, np.nan],
            "q": [0.01, 0.2, 0.05, np.nan],
        }
    )
    return places.merge(tests, "cross")


@pytest.fixture
def findings(comparison, symmetry, significance):
    return findings_table(comparison, symmetry, significance, 0.05)


def test_findings_have_a_row_a_layer_and_headline_epoch(findings):
    assert len(findings) == 2 * 2 * 2
    assert findings["layer"].unique().tolist() == ["input-hidden1", LAYER]
    row = findings.set_index(["layer", "selection", "epoch"]).loc[(LAYER, "all", 2)]
    assert row["law"] == "bipartite"
    assert row["gain bipartite"] == 2
    assert row["gain_standard_error diagonal S_D"] == 0.1
    assert row["p diagonal"] == 0.5
    assert (row["deviating"], row["tested"]) == (2, 3)
    assert (row["deviating_published"], row["tested_published"]) == (1, 2)
    start = findings.set_index(["layer", "selection", "epoch"]).loc[("input-hidden1", "all", 0)]
    assert start["law"] == "i.i.d."
    assert start[["deviating", "tested"]].isna().all()
    assert start["note"] == "bipartite: no density <here>"
    assert pd.isna(row["note"])


@pytest.fixture
def ranked(significance):
    formulas = pd.DataFrame(
        {"invariant": significance["invariant"].unique(), "formula": ["F1", "F2", "F3", "F4"]}
    )
    return ranked_deviations(significance, formulas, 0.05)


def test_significant_deviations_are_ranked_by_size(ranked):
    assert len(ranked) == 2 * 2 * 2
    first = ranked[(ranked["selection"] == "all") & (ranked["epoch"] == 2)]
    assert first["invariant"].tolist() == ["ii.ij.jj", "ii.ii.ii"]
    assert first["rank"].tolist() == [1, 2]
    assert first["formula"].tolist() == ["F3", "F1"]
