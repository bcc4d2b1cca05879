"""The mini study from end to end, and the commands that a user starts it by."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from support.mini_study import MINI
from support.project import ROOT
from support.rounding import assert_sums_close, expectation_terms, parameter_terms

import weightlaws
from weightlaws.errors import WeightLawsError
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.pigmm import PIGMM
from weightlaws.spectra.analysis import analyse
from weightlaws.spectra.null_job import read_null

CONDITION = "digits-10x10x10-gaussian-decay0.01"
GRAPHS = catalogue("complete")
LAYERS = ["hidden1-hidden2", "hidden2-hidden3", "hidden3-output"]


@pytest.fixture(scope="module")
def results(mini):
    return weightlaws.load(mini.folder / "results" / "mini")


def test_the_record_holds_the_resolved_configuration(mini):
    record = yaml.safe_load((mini.folder / "results" / "mini" / "study.yaml").read_text())
    default = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert record["members"] == 5
    assert record["batch_size"] == default["batch_size"]
    assert [sweep["hidden"] for sweep in record["sweeps"]] == [[[10, 10, 10]], [[12, 12]]]


def test_the_tables_list_every_condition_and_network(results):
    names = [
        "digits-10x10x10-gaussian-decay0",
        CONDITION,
        "digits-12x12-gaussian-decay0",
    ]
    assert results.conditions["condition"].tolist() == names
    members = results.members
    assert members["condition"].tolist() == [name for name in names for _ in range(5)]
    assert members["member"].tolist() == [0, 1, 2, 3, 4] * 3
    assert members["shard"].tolist() == ["0-1", "0-1", "2-3", "2-3", "4-4"] * 3
    # Two epochs on 4,500 digits: far better than guessing, which costs log(10) a digit.
    assert members["training_loss"].median() < 2.2
    assert members["test_accuracy"].median() > 0.2
    assert members["dead_output"].dtype == bool


def test_members_start_alike_whatever_the_weight_decay(results):
    plain, decayed = (
        results.weights(f"digits-10x10x10-gaussian-decay{decay}", "hidden2-hidden3")
        for decay in ("0", "0.01")
    )
    np.testing.assert_array_equal(plain[:, 0], decayed[:, 0])
    assert not np.allclose(plain[:, 1], decayed[:, 1])


def test_spectra_follow_from_the_weights(results):
    weights = results.weights(CONDITION, LAYERS[0])[:, -1]
    null = read_null(results.folder / "nulls" / "10x10.h5")
    # The study's copies with random signs, which are drawn first.
    seeds = [[2025, member, 2, *f"spectra/{LAYERS[0]}".encode()] for member in range(5)]
    found = [
        analyse(w, np.random.default_rng(seed), null=null, permutations=0, sign_flips=19)
        for w, seed in zip(weights, seeds, strict=True)
    ]
    table = results.spectra
    rows = table[
        (table["condition"] == CONDITION) & (table["layer"] == LAYERS[0]) & (table["epoch"] == 2)
    ]
    gaussian = rows[rows["null"] == "Gaussian"].set_index("statistic")["value"]
    for name in ("bulk_distance", "mean_ratio", "outliers_above"):
        assert gaussian[name] == pytest.approx(np.mean([one.values[name] for one in found]))
    alone = rows[rows["null"].isna()].set_index("statistic")["value"]
    assert alone["informative_vectors"] == np.mean([one.n_informative_vectors for one in found])
    assert alone["learned_rank"] == np.mean([one.learned_rank for one in found])
    assert alone["share_too_few_values"] == 1
    # Square layers after epochs 0 to 2, others after 0 and 1, of three conditions.
    assert len(table.drop_duplicates(["condition", "layer", "epoch"])) == 2 * (3 * 3 + 2) + (
        3 + 2 * 2
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_every_stage_follows_from_the_weights(results, layer):
    weights = results.weights(CONDITION, layer)
    assert weights.shape == (5, 3, 10, 10)
    invariants = results.member_invariants(CONDITION, layer)
    np.testing.assert_array_equal(invariants, evaluate(GRAPHS, weights))
    for epoch in (0, 2):
        law, terms = PIGMM.fit(weights[:, epoch]), parameter_terms(weights[:, epoch])
        fitted = results.fit(CONDITION, layer, epoch)
        assert_sums_close(fitted.parameters, law.parameters, terms, units=10)
        table = results.invariants
        rows = table[
            (table["condition"] == CONDITION)
            & (table["layer"] == layer)
            & (table["epoch"] == epoch)
        ]
        terms = expectation_terms(GRAPHS, 10, terms)
        # A run fits moments about 0, and `fit` takes them about the mean: they round differently.
        assert_sums_close(rows["prediction"], law.expectation(GRAPHS), terms, units=10)
        values = invariants.sel(epoch=epoch)
        terms = np.abs(values).mean("member")
        assert rows["invariant"].tolist() == values["invariant"].to_numpy().tolist()
        assert_sums_close(rows["mean"], values.mean("member"), terms)


def test_laws_are_compared_and_tested_for_every_layer(results):
    headline = [0, 1, 2]
    assert results.study.headline_epochs == headline
    for table in (results.comparison, results.symmetry):
        mine = table[table["condition"] == CONDITION]
        assert mine["layer"].unique().tolist() == ["input-hidden1", *LAYERS]
    for table in (results.significance, results.findings):
        mine = table[table["condition"] == CONDITION]
        assert sorted(mine["epoch"].unique()) == headline
    # The i.i.d. and the bipartite law in all layers, the diagonal one in squares; five members are
    # too few for a one-sided law. Rectangular layers keep epochs 0 and 1.
    assert len(results.significance) == 7 * 3 * (46 + 43 + 348) + 4 * 2 * (46 + 43)
    # The other selection of members is there when it is asked for.
    both = weightlaws.load(results.folder, selection=None).significance
    assert len(both) == 2 * len(results.significance)
    assert set(both["selection"]) == {"all", "without dead outputs"}
    found = results.deviations
    assert (found["p_adjusted"] <= 0.05).all()
    assert set(results.omnibus["law"]) == {"i.i.d.", "bipartite", "diagonal S_D"}
    assert set(results.findings["verdict"]) <= {"rejected", "not rejected"}
    compared = results.comparison.merge(results.findings, on=["condition", "layer", "epoch"])
    chosen = compared[compared["law_x"] == compared["law_y"]]
    assert len(chosen) == len(results.findings)
    assert chosen["log_likelihood"].notna().all()


def test_what_figures_of_weights_show_stands_in_tables(results):
    entries, eigenvalues = results.entries, results.eigenvalues
    mine = entries[entries["condition"] == CONDITION]
    assert mine["layer"].unique().tolist() == ["input-hidden1", *LAYERS]
    bins = mine.assign(share=mine["density"] * (mine["right"] - mine["left"]))
    places = bins.groupby(["layer", "epoch"])
    np.testing.assert_allclose(places["share"].sum() + places["beyond"].first(), 1)
    for table in (eigenvalues, results.eigenvalue_plane):
        mine = table[table["condition"] == CONDITION]
        assert mine["layer"].unique().tolist() == LAYERS
        assert mine["epoch"].unique().tolist() == [0, 2]
    weights = results.weights(CONDITION, LAYERS[0]).sel(epoch=2).astype(float)
    mine = eigenvalues[
        (eigenvalues["condition"] == CONDITION)
        & (eigenvalues["layer"] == LAYERS[0])
        & (eigenvalues["epoch"] == 2)
    ]
    sizes = np.abs(np.linalg.eigvals(weights)).ravel()
    shares = [(sizes <= reach).mean() for reach in mine["radius"] * mine["distance"]]
    np.testing.assert_allclose(mine["within"], shares)


def test_laws_beyond_one_gaussian_matrix_have_their_tables(results):
    couplings, scores = results.couplings, results.scores
    predictions = results.interacting_predictions
    for table in (couplings, scores, predictions):
        mine = table[table["condition"] == CONDITION]
        assert mine["layer"].unique().tolist() == LAYERS
        assert mine["epoch"].unique().tolist() == [0, 1, 2]
    # Five members are too few for any coupling, and the table says so.
    assert couplings["coupling"].isna().all()
    assert predictions["deviation_interacting"].isna().all()
    assert couplings["note"].str.startswith("5 members are too few for 9 couplings").all()
    assert scores.loc[scores["law"] == "bipartite", "gain"].notna().all()
    pairs = results.network_law
    mine = pairs[pairs["condition"] == CONDITION]
    # All layers are kept together at epochs 0 and 1.
    assert set(mine["epoch"]) == {0, 1}
    assert {"hidden1", "hidden2", "hidden3"} <= set(mine["hidden"])
    assert mine.loc[mine["statistic"] == "sums", "p_adjusted"].between(0, 1).all()
    drawn = results.drawn_networks
    mine = drawn[drawn["condition"] == CONDITION].set_index(["law", "drawn"])
    accuracies = results.learning_curves.set_index(["condition", "epoch"])["accuracy_mean"]
    assert mine.loc[("trained", "nothing"), "accuracy"] == pytest.approx(accuracies[CONDITION, 1])
    assert "too few for 9 couplings" in mine.loc[("interacting", "all"), "note"]


def test_distances_come_with_a_noise_floor(results):
    distances = results.distances
    assert set(distances["reference"]) == {
        "initial law",
        "start",
        "digits-10x10x10-gaussian-decay0",
    }
    at_start = (distances["reference"] == "start") & (distances["epoch"] == 0)
    moved, starts = distances[~at_start], distances[at_start]
    assert (moved["w2_floor_95"] > moved["w2_floor_mean"]).all()
    # Without movement, members that change sides change nothing.
    assert (starts[["w2", "w2_floor_mean", "w2_floor_95"]] < 1e-12).all(axis=None)


def test_loading_says_what_there_is(results, tmp_path):
    with pytest.raises(WeightLawsError, match=r"study\.yaml: found no such file"):
        weightlaws.load(tmp_path)
    with pytest.raises(WeightLawsError, match=r"condition: found 'x', expected one of"):
        results.weights("x", LAYERS[0])
    with pytest.raises(WeightLawsError, match=r"layer: found 'x', expected one of"):
        results.weights(CONDITION, "x")
    with pytest.raises(WeightLawsError, match=r"epoch: found 9, expected one of \[0, 1, 2\]"):
        results.fit(CONDITION, LAYERS[0], 9)


def test_a_result_that_is_not_there_yet_is_named(project):
    (project.folder / "results" / "mini" / "distances.csv").unlink()
    with pytest.raises(WeightLawsError, match=r"distances\.csv: found no such file.*run snakemake"):
        _ = weightlaws.load(project.folder / "results" / "mini").distances


def test_a_study_without_models_has_the_rest(project):
    sweep = {**MINI["sweeps"][1], "hidden": [[20, 15]], "analyses": ["spectra"], "members": 1}
    project.configure(name="wide", sweeps=[{**sweep, "output_scales": [None, 4]}])
    project.run()
    assert project.planned() == {}
    results = weightlaws.load(project.folder / "results" / "wide")
    names = [f"digits-20x15-gaussian-decay0{end}" for end in ("", "-alpha4")]
    table = results.conditions.set_index("condition")
    assert table.index.tolist() == results.members["condition"].tolist() == names
    assert table["members"].tolist() == [1, 1]
    assert table["output_scale"].fillna(0).tolist() == [0, 4]
    plain, scaled = (results.weights(name, "hidden1-hidden2") for name in names)
    assert plain.shape == scaled.shape == (1, 2, 15, 20)
    np.testing.assert_array_equal(plain[:, 0], scaled[:, 0])
    assert 0 < np.abs(scaled[:, 1] - scaled[:, 0]).mean() < np.abs(plain[:, 1] - plain[:, 0]).mean()
    for look in (lambda: results.distances, lambda: results.parameters, lambda: results.findings):
        with pytest.raises(
            WeightLawsError,
            match=r"of study 'wide': found no condition with this analysis, expected",
        ):
            look()


def test_invariants_of_a_condition_that_has_none_is_refused(project):
    sweeps = [{**MINI["sweeps"][0], "analyses": ["spectra"]}, MINI["sweeps"][1]]
    project.configure(sweeps=sweeps, figures={"column_width": 5.0})
    project.run("results/mini/figures/digits-12x12/accuracy.svg")
    results, words = weightlaws.load(project.folder / "results" / "mini"), r"not modelled, expected"
    with pytest.raises(
        WeightLawsError, match=rf"{words} one of \['digits-12x12-gaussian-decay0'\]"
    ):
        results.member_invariants(CONDITION, LAYERS[0])
    # Weights are there, and so are laws of them.
    assert isinstance(results.fit(CONDITION, LAYERS[0], 2), PIGMM)
    assert set(results.parameters["condition"]) == {"digits-12x12-gaussian-decay0"}
    assert results.weights(CONDITION, LAYERS[0]).shape == (5, 3, 10, 10)


def test_the_readme_s_lines_run(mini, monkeypatch):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    monkeypatch.chdir(mini.folder)
    code = code.replace("results/default", "results/mini").replace("50", "2")
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert isinstance(names["law"], PIGMM)
    assert isinstance(names["study"].members, pd.DataFrame)


def test_progress_stands_in_the_job_s_log(mini):
    text = (mini.folder / f"results/mini/logs/train/{CONDITION}/0-1.log").read_text()
    for words in ("members 0-1", "epoch 2 of 2", "mean loss", "network epochs/s", "s left"):
        assert words in text


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("shard_size=0", "shard_size: found 0"),
        ("colour=red", "colour: unknown key"),
        ("members=many", 'members: found "many"'),
        ("name=../x", 'name: found "../x"'),
    ],
)
def test_a_wrong_configuration_is_one_clear_error_before_any_job(mini, setting, words):
    done = mini.snakemake("--cores", "2", "--config", setting)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert words in text
    assert "the configuration is not a study" in text
    assert "Traceback" not in text
    assert "Job stats" not in text


def test_an_absent_data_set_is_a_clear_error(project):
    sweep = {**MINI["sweeps"][1], "dataset": "fashion-mnist"}
    project.configure(sweeps=[sweep], data="nowhere")
    done = project.snakemake("--cores", "2")
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "data set FashionMNIST: found no complete files in" in text
    assert str(project.folder / "nowhere") in text


def test_a_damaged_shard_is_named_and_made_anew(project, results):
    shard = project.folder / f"results/mini/weights/{CONDITION}/0-1.h5"
    good = shard.read_bytes()
    damaged = bytearray(good)
    damaged[len(damaged) // 2 :] = bytes(len(damaged) - len(damaged) // 2)
    shard.write_bytes(damaged)
    done = project.snakemake("--cores", "2")
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"weights/{CONDITION}/0-1.h5" in text
    assert "delete the file and run snakemake again" in text
    shard.unlink()
    project.run()
    assert project.planned() == {}
    made = weightlaws.load(project.folder / "results" / "mini")
    np.testing.assert_array_equal(
        made.weights(CONDITION, LAYERS[0]), results.weights(CONDITION, LAYERS[0])
    )
    pd.testing.assert_frame_equal(made.distances, results.distances)
