"""A study of networks that were trained elsewhere."""

import os
import shutil
import time

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from scipy.stats import ttest_rel
from support.mini_study import sources
from support.rounding import assert_sums_close, parameter_terms

import weightlaws
from weightlaws.errors import WeightLawsError
from weightlaws.laws.pigmm import PIGMM
from weightlaws.storage.tables import read_table

SQUARE = "hidden1-hidden2"
OWN = {
    "sweeps": [],
    "ensembles": [
        "nets/mine.h5",
        "nets/folder",
        {
            "path": "nets/runs/seed{member}/epoch{epoch}.safetensors",
            "layers": {"fc1.weight": "input-hidden1", "fc2": SQUARE, "fc3": "hidden2-output"},
        },
    ],
    "checkpoints": ["nets/single.safetensors"],
    "shard_size": 4,
}


def matrices(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# Trajectories: epochs that neither begin at 0 nor are those of the study.
EPOCHS = (3, 20)
CHAIN = {"fc1": (6, 4), "fc2": (6, 6), "fc3": (4, 6)}
ARRAYS = {SQUARE: matrices(0, 6, 10, 10), "wide": matrices(1, 6, 12, 30)}
SINGLE = {
    "fc.weight": matrices(2, 12, 30),
    "fc.bias": matrices(3, 12),
    "conv.weight": matrices(4, 16, 3, 3, 3),
    "embed.weight": matrices(5, 40, 8),
}


def write_member(project, member, seed):
    path = project.folder / f"nets/folder/net{member}.safetensors"
    save_file({"fc.weight": matrices(seed, 8, 20)}, path)


def along_the_way(member, epoch):
    """A network whose entries drift away from where they began."""
    pairs = enumerate(CHAIN.items())
    return {
        f"{name}.weight": matrices([member, k], *shape) + 0.1 * epoch * matrices([member, 9], 1)
        for k, (name, shape) in pairs
    }


def write_trajectories(folder):
    for member in range(5):
        (folder / f"seed{member}").mkdir(parents=True)
        for epoch in EPOCHS:
            path = folder / f"seed{member}/epoch{epoch}.safetensors"
            save_file(along_the_way(member, epoch), path)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The project after the study has run to its end; not to be changed."""
    project = sources(tmp_path_factory.mktemp("own") / "project")
    (project.folder / "nets/folder").mkdir(parents=True)
    with h5py.File(project.folder / "nets/mine.h5", "w") as file:
        for layer, values in ARRAYS.items():
            file[layer] = values
    for member in range(5):
        write_member(project, member, 10 + member)
    save_file(SINGLE, project.folder / "nets/single.safetensors")
    write_trajectories(project.folder / "nets/runs")
    project.configure(**OWN)
    done = project.run()
    assert "folder has no square layer wider than 3" in done.stdout + done.stderr
    return project


@pytest.fixture
def project(own, tmp_path):
    """A copy of the project, for one test to edit."""
    return own.copy(tmp_path / "project")


@pytest.fixture(scope="module")
def results(own):
    return weightlaws.load(own.folder / "results/mini")


def test_every_network_has_spectra(own, results):
    spectra = results.spectra
    places = spectra[["condition", "layer", "members"]].drop_duplicates()
    assert set(places.itertuples(index=False, name=None)) == {
        ("mine", SQUARE, 6),
        ("mine", "wide", 6),
        ("folder", "fc", 5),
        ("runs", "input-hidden1", 5),
        ("runs", SQUARE, 5),
        ("runs", "hidden2-output", 5),
        ("single", "fc", 1),
        ("single", "conv", 1),
    }
    # Where they began is not known, but for trajectories.
    travelled = spectra[spectra["statistic"] == "distance_travelled"]
    assert travelled["value"].isna().equals(travelled["condition"] != "runs")
    nulls = {path.stem for path in (own.folder / "results/mini/nulls").iterdir()}
    assert nulls == {"10x10", "12x30", "8x20", "16x27", "6x4", "6x6", "4x6"}


def test_trajectories_go_through_every_stage(results):
    """They have their own epochs everywhere, and count from the first of them."""
    expected = [
        [along_the_way(member, epoch)["fc2.weight"] for epoch in EPOCHS] for member in range(5)
    ]
    np.testing.assert_array_equal(results.weights("runs", SQUARE), expected)
    assert results.epochs("runs", "input-hidden1") == [*EPOCHS]
    of_laws = ("findings", "invariants", "comparison", "symmetry", "significance", "omnibus")
    for table in (*of_laws, "couplings", "scores", "network_law"):
        found = getattr(results, table)
        assert found.loc[found["condition"] == "runs", "epoch"].unique().tolist() == [*EPOCHS]
    spectra = results.spectra.set_index(["condition", "layer", "statistic", "epoch"]).sort_index()
    start, end = np.swapaxes(np.array(expected, np.float64), 0, 1)
    way = np.linalg.norm(end - start, axis=(1, 2)) / np.linalg.norm(start, axis=(1, 2))
    travelled = spectra.loc[("runs", SQUARE, "distance_travelled"), "value"]
    np.testing.assert_allclose(travelled, [0, way.mean()], rtol=1e-6)
    distances = results.distances[results.distances["condition"] == "runs"]
    from_start = distances[distances["reference"] == "start"]
    assert from_start["epoch"].tolist() == [*EPOCHS]
    assert from_start["w2"].iloc[0] < 1e-6 < from_start["w2"].iloc[1]
    for figure in ("from_start", "deviation_start", "entries", "eigenvalues", "interacting"):
        assert (results.folder / f"figures/runs/{figure}.svg").is_file()
    assert not (results.folder / "figures/mine/deviation_start.svg").exists()
    conditions = results.conditions.set_index("condition")
    assert conditions["epochs"].to_dict() == {"mine": 0, "folder": 0, "runs": 20}


def test_trajectories_deviate_from_their_own_start(results):
    """The sum of all entries, I2, against a paired t-test; where a start is unknown, nothing."""
    table = results.invariants
    runs = table[(table["condition"] == "runs") & (table["published"] == "I2")]
    found = runs.set_index("epoch")["deviation_start"]
    sums = results.weights("runs", SQUARE).astype(np.float64).sum(axis=(2, 3))
    expected = abs(ttest_rel(sums[:, 1], sums[:, 0]).statistic)
    assert found.isna().to_dict() == {EPOCHS[0]: True, EPOCHS[1]: False}
    assert found[EPOCHS[1]] == pytest.approx(expected, rel=1e-6)
    assert table.loc[table["condition"] == "mine", "deviation_start"].isna().all()


def test_claims_are_about_trajectories_too(results):
    """Of all ensembles here they alone have inputs, outputs, all layers, and a way from a start."""
    notes = results.claims.set_index("claim")["note"]
    assert notes[["O2", "O3", "B2"]].str.contains("members are needed, found 5 at most").all()
    assert "members are needed, and no condition has them" in notes["H4"]


def test_what_is_no_weight_matrix_of_a_network_is_logged(own):
    log = (own.folder / "results/mini/logs/import_network/single/0-0.log").read_text()
    assert "fc.bias is left out: shape (12,)" in log
    assert "embed.weight is left out: an embedding" in log


def test_an_ensemble_of_ones_own_is_modelled(results):
    assert list(results.study.modelled) == ["mine", "runs"]
    for layer, values in ARRAYS.items():
        np.testing.assert_array_equal(results.weights("mine", layer), values[:, None])
    law = PIGMM.fit(ARRAYS[SQUARE])
    fitted = results.fit("mine", SQUARE, epoch=0)
    assert_sums_close(fitted.parameters, law.parameters, parameter_terms(ARRAYS[SQUARE]))
    found = results.findings[results.findings["condition"] == "mine"]
    assert found["layer"].unique().tolist() == [SQUARE, "wide"]


def test_weights_of_a_single_network_are_read_by_name(results):
    assert results.epochs("single", "fc") == [0]
    np.testing.assert_array_equal(results.weights("single", "fc"), SINGLE["fc.weight"][None, None])
    assert results.weights("single", "conv").shape == (1, 1, 16, 27)
    with pytest.raises(WeightLawsError, match=r"layer: found 'embed', expected one of \['conv',"):
        results.weights("single", "embed")
    with pytest.raises(WeightLawsError, match=r"one of \['mine', 'folder', 'runs', 'single'\]"):
        results.weights("double", "fc")


def test_tables_have_what_is_known(results):
    assert results.conditions["condition"].tolist() == ["mine", "folder", "runs"]
    assert results.conditions["dataset"].isna().all()
    of_each = ["mine"] * 6 + ["folder"] * 5 + ["runs"] * 5
    assert results.members["condition"].tolist() == of_each
    assert results.members["test_accuracy"].isna().all()
    assert results.learning_curves.empty


def test_results_outlive_the_files_that_they_were_made_of(project):
    for path in (project.folder / "nets").rglob("*.*"):
        path.unlink()
    results = weightlaws.load(project.folder / "results/mini")
    assert results.weights("folder", "fc").shape == (5, 1, 8, 20)
    assert len(results.members) == 16


def test_another_member_runs_again_what_rests_on_it(project):
    assert project.planned() == {}
    write_member(project, 4, 99)
    spectra = ("spectra_shard", "spectra", "spectra_figures", "spectra_table")
    assert project.planned() == dict.fromkeys(
        ("import_ensemble", "members", "skipped", "findings", "claims", "answers", *spectra), 1
    )


def test_a_labelled_side_imports_nothing_again(project):
    *others, runs = OWN["ensembles"]
    project.configure(**OWN | {"ensembles": [*others, {**runs, "labelled": {SQUARE: "rows"}}]})
    tests = ("significance", "omnibus", "comparison", "symmetry", "interacting")
    figures = ("condition_figures", "predicted_observed", "interacting_figure")
    entries = ("entries", "entries_figure")
    after = ("findings", "claims", "answers")
    assert project.planned() == dict.fromkeys((*tests, *figures, *entries, *after), 1)


OF_SINGLE = ("import_network", "spectra_shard", "spectra", "spectra_figures", "spectra_table")


def test_an_older_file_in_the_place_of_another_is_noticed(project):
    single = project.folder / "nets/single.safetensors"
    save_file({**SINGLE, "fc.weight": matrices(7, 12, 30)}, project.folder / "other.safetensors")
    long_ago = time.time() - 1e6
    os.utime(project.folder / "other.safetensors", (long_ago, long_ago))
    shutil.copy2(project.folder / "other.safetensors", single)  # as cp -p and rsync -a do
    assert project.planned() == dict.fromkeys((*OF_SINGLE, "skipped", "answers"), 1)
    write_member(project, 1, 99)
    os.utime(project.folder / "nets/folder/net1.safetensors", (long_ago, long_ago))
    jobs = project.planned()
    assert (jobs["import_ensemble"], jobs["import_network"], jobs["members"]) == (1, 1, 1)


def test_a_deleted_shard_of_a_network_is_made_again(project):
    shard = project.folder / "results/mini/weights/single/0-0.h5"
    before = shard.read_bytes()
    shard.unlink()
    assert project.planned()["import_network"] == 1
    project.run("results/mini/weights/single/0-0.h5")
    assert shard.stat().st_size == len(before)


def test_patterns_say_which_layers_there_are(project):
    entry = {"source": "nets/single.safetensors", "name": "renamed"}
    project.configure(**{**OWN, "checkpoints": [{**entry, "exclude": ["conv"]}]})
    project.run("results/mini/spectra/renamed.csv", "results/mini/skipped.csv")
    found = weightlaws.load(project.folder / "results/mini")
    table = read_table(project.folder / "results/mini/spectra/renamed.csv")
    assert table["layer"].unique().tolist() == ["fc"]
    assert "excluded" in found.skipped.set_index("name").loc["conv.weight", "reason"]
    project.configure(**{**OWN, "checkpoints": [{**entry, "include": ["c*"]}]})
    assert project.planned()["import_network"] == 1
    project.configure(**{**OWN, "checkpoints": [{**entry, "include": ["cnv"]}]})
    done = project.snakemake("--dry-run")
    assert "checkpoints.0: nets/single.safetensors: include: 'cnv'" in done.stdout + done.stderr


def test_what_is_left_out_is_a_table(results):
    skipped = results.skipped.set_index("name")
    assert skipped["condition"].tolist() == ["single"] * 2
    assert "embedding" in skipped.loc["embed.weight", "reason"]
    assert "(12,)" in skipped.loc["fc.bias", "reason"]


def test_another_network_runs_again_alone(project):
    layers = {**SINGLE, "more.weight": matrices(6, 7, 9)}
    save_file(layers, project.folder / "nets/single.safetensors")
    project.run("results/mini/spectra/single.csv")
    assert (project.folder / "results/mini/nulls/7x9.h5").is_file()
    jobs = {"spectra_figures": 1, "spectra_table": 1, "skipped": 1, "answers": 1}
    assert project.planned() == jobs


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Networks of ``nn.Sequential``, of which one diverged, with a layer that was never trained."""
    project = sources(tmp_path_factory.mktemp("odd") / "project")
    layers = {"0": matrices(0, 6, 10, 10), "2": matrices(1, 6, 10, 10), "4": np.zeros((6, 5, 5))}
    layers["2"][0, 3, 3] = np.nan
    with h5py.File(project.folder / "odd.h5", "w") as file:
        for layer, values in layers.items():
            file[layer] = values
    project.configure(sweeps=[], ensembles=["odd.h5"], shard_size=1)
    project.run()
    return weightlaws.load(project.folder / "results/mini")


def test_layers_whose_names_are_numbers_run_to_the_end(odd):
    names = ["0", "2", "4"]
    for table in (odd.findings, odd.spectra, odd.comparison, odd.invariants, odd.parameters):
        assert table["layer"].unique().tolist() == names
    everywhere = {
        name: {*table["layer"]}
        for name, table in ((name, getattr(odd, name)) for name in odd.tables())
        if "layer" in table
    }
    assert {"couplings", "scores", "significance", "distances"} <= everywhere.keys()
    assert all(found <= {*names} for found in everywhere.values()), everywhere
    assert odd.weights("odd", "2").shape == (6, 1, 10, 10)
    assert odd["odd"]["2"].fit(0, "iid").parameters.shape == (2,)
    for figure in ("laws", "deviation_sd", "singular_values", "interacting"):
        assert (odd.folder / f"figures/odd/{figure}.svg").is_file()


def test_one_member_that_diverged_is_left_out_alone(odd):
    assert odd.members["finite"].tolist() == [False, *[True] * 5]
    assert odd.spectra["members"].unique().tolist() == [5]
    assert odd.findings["n_members"].unique().tolist() == [5]


def test_of_a_layer_of_zeros_no_law_is_best(odd):
    (zeros,) = odd.findings[odd.findings["layer"] == "4"].to_dict("records")
    assert zeros["verdict"] == "not compared"
    assert "no density" in zeros["note"]
    page = " ".join((odd.folder / "findings.html").read_text().split())
    assert "no law is best, as fewer than two have a density. Not compared: i.i.d." in page
    spectra = odd.spectra[(odd.spectra["layer"] == "4") & (odd.spectra["statistic"] == "sigma")]
    assert spectra["value"].isna().all()


def test_entries_say_where_in_files_networks_are(tmp_path):
    """One run of a state dict within files, an epoch within folders, and a layout of a table."""
    project = sources(tmp_path / "project")
    nets = project.folder / "nets"
    for run in range(3):
        (nets / f"zoo/run{run}").mkdir(parents=True)
        for epoch in (2, 10):
            inner = {
                key: {"fc.weight": torch.from_numpy(matrices([run, epoch, k], 8, 12))}
                for k, key in enumerate(("model", "ema"))
            }
            torch.save(inner, nets / f"zoo/run{run}/epoch={epoch}.pt")
    np.save(nets / "flat.npy", matrices(5, 4, 60))
    (nets / "where.csv").write_text(
        'varname,start_idx,end_idx,size,shape\nfc/kernel:0,0,60,60,"(12, 5)"\n'
    )
    project.configure(
        sweeps=[],
        ensembles=[
            {"path": "nets/zoo", "state_dict": "ema", "epoch": 2},
            {"path": "nets/flat.npy", "layout": "nets/where.csv"},
        ],
        checkpoints=[{"source": "nets/zoo/run1/epoch=10.pt", "state_dict": "model", "name": "one"}],
    )
    project.run()
    results = weightlaws.load(project.folder / "results/mini")
    of_zoo = np.stack([matrices([run, 2, 1], 8, 12) for run in range(3)])
    np.testing.assert_array_equal(results.weights("zoo", "fc"), of_zoo[:, None])
    of_table = matrices(5, 4, 60).reshape(4, 12, 5).transpose(0, 2, 1)
    np.testing.assert_array_equal(results.weights("flat", "fc"), of_table[:, None])
    np.testing.assert_array_equal(results.weights("one", "fc")[0, 0], matrices([1, 10, 0], 8, 12))
    places = results.spectra[["condition", "layer", "members"]].drop_duplicates()
    assert [*places.itertuples(index=False, name=None)] == [
        ("zoo", "fc", 3),
        ("flat", "fc", 4),
        ("one", "fc", 1),
    ]
    outside = results.skipped.set_index("name")["reason"]
    assert outside["model.fc.weight"] == "outside of the state dict 'ema'"
    assert outside["ema.fc.weight"] == "outside of the state dict 'model'"
    assert project.planned() == {}


def test_equal_members_end_the_run(tmp_path):
    """Equal bytes are noticed before any job, equal weights when all members are listed."""
    project = sources(tmp_path / "project")
    (project.folder / "nets").mkdir()
    for member in range(3):
        save_file({"a": matrices(member, 5, 8)}, project.folder / f"nets/{member}.safetensors")
    again = project.folder / "nets/again.safetensors"
    save_file({"a": matrices(1, 5, 8)}, again, {"made": "again"})
    project.configure(sweeps=[], ensembles=["nets"], shard_size=2)
    equal = "members: found equal weights in 1.safetensors, again.safetensors, expected networks"
    assert equal in project.refuse("results/mini/members.csv")
    again.write_bytes((project.folder / "nets/0.safetensors").read_bytes())
    done = project.snakemake("--dry-run")
    assert done.returncode != 0
    equal = "ensembles.0: nets: members: found equal weights in 0.safetensors, again.safetensors"
    assert equal in done.stdout + done.stderr


def test_networks_that_are_not_there_are_refused(project):
    def refused(message, **changes):
        project.configure(**{**OWN, **changes})
        done = project.snakemake("--dry-run")
        assert done.returncode != 0
        assert message in done.stdout + done.stderr

    refused("ensembles.0: nets/none.h5: ensemble: found no such file", ensembles=["nets/none.h5"])
    refused("checkpoints.0: none.pt: file: found no such file", checkpoints=["none.pt"])
    # A model of torchvision is looked into when a run begins, before any job.
    project.configure(**{**OWN, "checkpoints": ["torchvision:resnet19"]})
    said = project.refuse()
    assert "torchvision:resnet19: model: found 'resnet19', expected a floating-point model" in said
    assert "rule import_network" not in said
    refused(
        "found nets/mine.h5 of the name mine, which nets/mine.h5 has too",
        checkpoints=["nets/mine.h5"],
    )
