"""The tables of docs/results/README.md say what the kept results say."""

import sys

import pandas as pd
import pytest
import yaml
from support.project import ROOT

from weightlaws.inference.claims_table import CLAIMS, COLUMNS

sys.path.insert(0, str(ROOT / "docs"))
import kept_numbers

UNLIKE = (
    "of 4 places 3 agree, 1 disagrees. unlike arXiv:2510.05218 says: here: 9 (8 to 10); there. more"
)


def claims_of(**verdicts):
    """A table of claims: verdict, value, low, high and note of some; others are not tested."""
    rows = [[claim.name, claim.statement, claim.source, *[None] * 8] for claim in CLAIMS]
    table = pd.DataFrame(rows, columns=[*COLUMNS]).set_index("claim", drop=False)
    table["verdict"] = "not tested here"
    for name, values in verdicts.items():
        table.loc[name, ["verdict", "value", "low", "high", "note"]] = values
    return table


@pytest.fixture
def docs(tmp_path):
    claims_of(H1=("holds", 0.1, 0.05, 0.15, "")).to_csv(tmp_path / "claims.csv", index=False)
    return tmp_path


@pytest.fixture
def keep(docs):
    def kept(name, conditions, claims, **tables):
        folder = docs / "results" / name
        (folder / "tables").mkdir(parents=True)
        claims.to_csv(folder / "claims.csv", index=False)
        pd.DataFrame(conditions).to_csv(folder / "tables/conditions.csv", index=False)
        for table, rows in tables.items():
            pd.DataFrame(rows).to_csv(folder / f"tables/{table}.csv", index=False)
        cost = pd.DataFrame(
            {
                "rule": ["train", "train"],
                "jobs": [2, 4],
                "seconds": [5400.0, 1800.0],
                "cpu_seconds": [3600.0, 1800.0],
                "largest_rss_mb": [300.0, 400.0],
            }
        )
        cost.to_csv(folder / "cost.csv", index=False)
        engines = [{"trained_by": [{"processor": "abacus"}]}]
        (folder / "versions.yaml").write_text(yaml.safe_dump({"made_with": {"weights": engines}}))

    return kept


def found(docs):
    return {key: (head, rows) for key, head, rows in kept_numbers.tables(docs)}


@pytest.mark.parametrize("name", kept_numbers.STUDIES)
def test_a_study_that_is_compared_is_one_that_make_results_runs(name):
    assert yaml.safe_load((ROOT / "studies" / f"{name}.yaml").read_text())["name"] == name


def test_studies_that_have_not_been_run_say_so(docs):
    tables = found(docs)
    assert [row[2] for row in tables["kept.studies"][1]] == ["not run yet"] * 4
    first, *others = tables["kept.claims"][1]
    assert first[0] == "H1, arXiv:2510.05218"
    assert first[2:] == ["**holds**: 0.1 (0.05 to 0.15)", *["not run yet"] * 4]
    assert {*others[0][2:]} == {"", "not run yet"}
    assert {row[0].split(", ")[0] for row in others} == {
        *(f"H{k}" for k in range(2, 9)),
        *(f"T{k}" for k in range(1, 5)),
        "N1",
    }
    for key in (
        "unlike",
        "deviations",
        "distances",
        "spectra",
        "classes",
        "jobs",
        "interacting",
        "labels",
    ):
        assert tables[f"kept.{key}"][1] == []


def test_laws_of_a_study_stand_beside_the_published_figures(docs, keep):
    at = {"condition": "c", "layer": "l", "size": 10}
    invariants = [
        {**at, "epoch": epoch, "published": f"I{k}", "deviation_start": 0.5 * k, "deviation_sd": sd}
        for epoch, d in ((0, 0.1), (50, 0.3))
        for k in range(1, 53)
        for sd in [d * (1 + (k == 45)) if k > 13 else None]
    ]
    distances = [
        {**at, "reference": reference, "epoch": epoch, "w2_squared": 4.0 + epoch, "w2": 2.5}
        | {"w2_squared_standard_error": 0.25, "w2_squared_floor_mean": 0.0125}
        for reference in ("initial law", "start")
        for epoch in (0, 50)
    ]
    claims = claims_of(
        H1=("holds in part", 0.3, 0.2, 0.4, UNLIKE),
        H4=("not tested here", 0.8, 0.6, 0.9, "intervals are too wide. of 2 places 2 open. more"),
        O1=("fails", 1.0, 0.9, 1.1, ""),
    )
    conditions = {"condition": ["c"], "members": [250]}
    interacting = {
        "couplings": [
            {**at, "invariant": name, "coupling": coupling, "standard_error": 0.0004}
            | {"p_adjusted": p, "step": step, "path_gain": 1938.0}
            for name, coupling, p, step in (
                ("ia.ib.ja.jb", -0.0123, 0.01, 2),
                ("ia.ia.ja.ja", 0.0005, 0.9, None),
                ("ia.ia.jb.jb", 0.0, 1.0, 1),
            )
        ],
        "scores": [
            {**at, "epoch": epoch, "law": law, "gain": gain + epoch, "gain_standard_error": 0.14}
            for epoch in (0, 50)
            for law, gain in (("bipartite", 0.25), ("interacting, chosen couplings", 2254.0))
        ],
        "network_law": [
            {"condition": "c", "hidden": "hidden1", "epoch": epoch, "z": z, "p_adjusted": p}
            | {"statistic": statistic}
            for statistic in ("labels", "norms")
            for epoch, z, p in ((0, -0.5, 0.6), (50, 2304.0, 0.0017))
        ],
    }
    keep("depth", conditions, claims, invariants=invariants, distances=distances, **interacting)
    tables = found(docs)
    depth, width, *_ = tables["kept.studies"][1]
    counts = "18 not tested here, 1 holds in part, 1 fails"
    assert depth[2:] == ["250 in 1 conditions", counts, "2.0 h", "1.5 h", "abacus"]
    assert width[2] == "not run yet"
    assert tables["kept.claims"][1][0][3:5] == [
        "**holds in part**: 0.3 (0.2 to 0.4)",
        "not run yet",
    ]
    assert tables["kept.unlike"][1] == [
        ["H1", "`depth`", "of 4 places 3 agree, 1 disagrees", "substance", "here: 9 (8 to 10)"],
        ["H4", "`depth`", "of 2 places 2 open", "sample size", ""],
    ]
    # 6.5 standard errors of 250 networks are twice as many of 1000; 0.3 and 0.1 change by a half.
    assert tables["kept.deviations"][1] == [
        ["c", "`l`", "250", "6 (I13)", "13", "0.20 (I45)", "0.60 (I45)", "+0.50, +0.50, +0.50"]
    ]
    assert tables["kept.distances"][1] == [["c", "`l`", "54 ± 0.2", "0.013", "2.5"]]
    assert tables["kept.interacting"][1] == [
        [
            *("c", "`l`", "`ia.ia.jb.jb` (1940)"),
            *("-12.3 ± 0.4 *", "+0.5 ± 0.4", "+0 ± 0.4"),
            *("50.2 ± 0.1", "", "2300 ± 0.1"),
        ]
    ]
    assert tables["kept.labels"] == (
        ["condition", "layer", "epoch 0", "epoch 50"],
        [["c", "`hidden1`", "-0.5 (0.6)", "2300 (0.0017)"]],
    )
    # 7200 s of 6 jobs.
    assert tables["kept.jobs"] == (["rule", "`depth`"], [["train", "1200 s, 400 MB"]])


def test_spectra_are_listed_by_output_scale_and_by_classes(docs, keep):
    def rows(condition, rank):
        at = {"condition": condition, "layer": "input-hidden1", "epoch": 20, "null": None}
        alone = {"learned_rank": rank, "informative_vectors": 3.0, "distance_travelled": 0.25}
        statistics = [
            {**at, "statistic": name, "value": value, "standard_error": 0.5}
            for name, value in {**alone, "share_power_law": 0.5}.items()
        ]
        levels = {"null": "Gaussian", "null_mean": 0.531, "p_value": 0.04}
        return [
            *statistics,
            {**at, **levels, "statistic": "mean_ratio", "value": 0.5},
            {**at, **levels, "statistic": "brody", "value": None},
        ]

    layers = "input-hidden1 hidden1-output"
    one = {"members": [3], "layers": [layers], "outputs": [5]}
    for name in ("rich-lazy", "classes-mnist"):
        conditions = {"condition": ["c"], "output_scale": [0.25], **one}
        keep(name, conditions, claims_of(), spectra=rows("c", 7.0))
    tables = found(docs)
    (row,) = tables["kept.spectra"][1]
    assert row[:4] == ["0.25", "`input-hidden1`", "7.0 ± 0.5", "3.0 ± 0.5"]
    assert row[4:] == ["0.500 (0.531; 0.04)", "", "50%", "0.25 ± 0.50"]
    assert tables["kept.classes"][1] == [["0.25", "5", "4", "7.0 ± 0.5"]]
