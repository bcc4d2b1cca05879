import numpy as np
import pandas as pd
import pytest

from weightlaws.inference.findings import PLACE, best_law, findings_table, ranked_deviations
from weightlaws.inference.symmetry_names import speaks_against

ROWS, COLUMNS = {"row means", "row spreads"}, {"column means", "column spreads"}
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
        ((np.nan, 1.0, 0.9, 1.1), "bipartite"),
        ((0.0, np.nan, np.nan, np.nan), None),  # compared with nothing
        ((np.nan,) * 4, None),
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
    places = symmetry.drop(columns=["test", "p"]).drop_duplicates()
    tests = pd.DataFrame(
        {
            "law": ["i.i.d.", "bipartite", "bipartite", "bipartite", "bipartite"],
            "invariant": ["ij.kj", "ij.ij.ij", "ij.ij.ik", "ij.ij.ij.ij", "ij.kl.mn"],
            "deviation_sd": [0.1, 0.3, -0.5, 0.9, 0.0],
            "p_adjusted": [0.5, 0.01, 0.05, 0.2, np.nan],
            "detectable": [0.2, 0.2, 0.4, 0.3, np.nan],
        }
    )
    return places.merge(tests, "cross")


@pytest.fixture
def omnibus(significance):
    places = significance.drop_duplicates([*PLACE, "law"])[[*PLACE, "law"]]
    return places.assign(p=np.where(places["law"] == "bipartite", 0.01, 0.3))


@pytest.fixture
def findings(comparison, symmetry, significance, omnibus):
    return findings_table(comparison, symmetry, significance, omnibus, 0.05)


def test_findings_have_a_row_a_layer_and_headline_epoch(findings):
    assert len(findings) == 2 * 2 * 2
    assert findings["layer"].unique().tolist() == ["input-hidden1", LAYER]
    row = findings.set_index(["layer", "selection", "epoch"]).loc[(LAYER, "all", 2)]
    assert row["law"] == "bipartite"
    assert row["gain bipartite"] == 2
    assert row["gain_standard_error diagonal S_D"] == 0.1
    assert row["p diagonal"] == 0.5
    assert (row["deviating"], row["tested"]) == (2, 3)
    assert row["p deviations"] == 0.01
    assert row["p omnibus"] == 0.01
    assert row["detectable_sd"] == 0.3
    assert row["verdict"] == "rejected"
    assert row["rejected_by"] == "deviations; omnibus"
    start = findings.set_index(["layer", "selection", "epoch"]).loc[("input-hidden1", "all", 0)]
    assert start["law"] == "i.i.d."
    assert (start["deviating"], start["tested"]) == (0, 1)
    assert start["verdict"] == "not rejected"
    assert start["rejected_by"] == ""
    assert start["note"] == "bipartite: no density <here>"
    assert pd.isna(row["note"])


def test_a_symmetry_that_the_best_law_has_and_a_test_rejects_rejects_the_law(
    comparison, symmetry, significance, omnibus
):
    """Two tests at two epochs speak against independent entries: the level is 0.05 / 4."""
    for p, verdict in ((0.012, "rejected"), (0.013, "not rejected")):
        seen = symmetry.assign(p=np.where(symmetry["test"] == "diagonal", p, 0.25))
        found = findings_table(comparison, seen, significance, omnibus, 0.05)
        start = found[found["epoch"] == 0]
        assert (start["law"] == "i.i.d.").all()
        assert (start["verdict"] == verdict).all()
        assert (start["rejected_by"] == ("diagonal" if verdict == "rejected" else "")).all()


def test_which_tests_speak_against_a_one_sided_law_is_what_sides_are_said_to_be(
    comparison, symmetry, significance, omnibus
):
    """Tests of rows speak against a one-sided law whose columns are labelled."""
    one_sided = comparison[comparison["law"].isin(["i.i.d.", "bipartite"])].copy()
    one_sided["law"] = one_sided["law"].replace("bipartite", "one-sided")
    one_sided["than"] = one_sided["law"].map({"one-sided": "i.i.d."})
    one_sided["log_likelihood"] = np.where(one_sided["law"] == "one-sided", 50.0, 1.0)
    seen = symmetry[symmetry["test"] == symmetry["test"].iloc[0]]
    rows = seen.assign(test="row means", p=1e-6)
    place = rows[["condition", "layer"]].iloc[0]
    for side in ("rows", "columns"):
        said = {place["condition"]: {place["layer"]: side}}
        found = findings_table(one_sided, rows, significance, omnibus, 0.05, said)
        mine = found[(found[["condition", "layer"]] == place).all(axis=1)]
        rejected = mine["rejected_by"].str.contains("row means").all()
        assert rejected == (side == "columns")


def test_where_one_law_alone_has_a_density_none_is_best(
    comparison, symmetry, significance, omnibus
):
    poor = (comparison["epoch"] == 0) & (comparison["law"] != "i.i.d.")
    numbers = ["log_likelihood", "gain", "gain_standard_error"]
    bare = comparison.assign(note=np.where(poor, "no density", None))
    bare.loc[poor, numbers] = np.nan
    found = findings_table(bare, symmetry, significance, omnibus, 0.05)
    start = found[found["epoch"] == 0]
    assert len(start) == 4
    assert start["law"].isna().all()
    assert (start["verdict"] == "not compared").all()
    assert (start["rejected_by"] == "").all()
    assert found[found["epoch"] == 2]["law"].tolist() == ["bipartite"] * 4


def test_a_law_without_tests_has_no_verdict(comparison, symmetry, significance, omnibus):
    tested = significance[significance["layer"] != "input-hidden1"]
    seen = omnibus[omnibus["layer"] != "input-hidden1"]
    found = findings_table(comparison, symmetry, tested, seen, 0.05)
    untested = found[found["layer"] == "input-hidden1"]
    assert (untested["verdict"] == "not tested").all()
    assert untested["deviating"].isna().all()


@pytest.mark.parametrize(
    ("law", "labelled", "tests"),
    [
        ("i.i.d.", None, {*ROWS, *COLUMNS, "diagonal", "entries"}),
        ("bipartite", None, {*ROWS, *COLUMNS, "diagonal"}),
        ("diagonal S_D", None, {*ROWS, *COLUMNS}),
        ("one-sided", "rows", COLUMNS),
        ("one-sided", "columns", ROWS),
    ],
)
def test_symmetry_tests_speak_against_laws_with_the_symmetry(law, labelled, tests):
    assert set(speaks_against(law, labelled)) == tests


def test_significant_deviations_are_ranked_by_size(significance):
    ranked = ranked_deviations(significance, 0.05)
    assert len(ranked) == 2 * 2 * 2 * 2
    first = ranked[(ranked["selection"] == "all") & (ranked["epoch"] == 2)].head(2)
    assert first["invariant"].tolist() == ["ij.ij.ik", "ij.ij.ij"]
    assert first["rank"].tolist() == [1, 2]
    assert first["formula"].tolist() == ["sum_ijk W_ij W_ik^2", "sum_ij W_ij^3"]
