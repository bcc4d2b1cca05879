import os
import shutil
from math import prod
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from support import project
from support.project import CODE

from weightlaws.errors import WeightLawsError
from weightlaws.inference import model_tables
from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.inference.layer_fit import fit_layer
from weightlaws.inference.stored_fits import ModelSpec, store_fits
from weightlaws.invariants.catalogue import CATALOGUES, catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.planning import file_sizes
from weightlaws.planning.disk_space import check_disk, disk_estimate
from weightlaws.planning.specs import model_spec
from weightlaws.storage import hdf5
from weightlaws.study.study import parse_study
from weightlaws.training.initial_law import initial_law

# Several shards of a condition.
DEFAULT = {**project.DEFAULT, "shard_size": 25}

FOLDERS = ["datasets", "weights", "state", "invariants", "models"]


def study(*hidden, dataset="digits", **changes):
    sweep = {
        "dataset": dataset,
        "hidden": list(hidden),
        "initialisations": ["gaussian"],
        "weight_decays": [0],
    }
    return parse_study({**DEFAULT, "sweeps": [sweep], **changes})


def test_the_catalogues_are_as_large_as_they_are_taken_to_be():
    assert {kind: len(catalogue(kind)) for kind in CATALOGUES} == file_sizes.INVARIANTS


def test_a_wide_layer_at_every_epoch_takes_84_gigabytes():
    kept = {"members": 1000, "rectangular_snapshots": []}
    every, headline = (
        disk_estimate(study([640, 640], snapshots=snapshots, **kept))["weights"]
        for snapshots in ("all", "auto")
    )
    square = 4 * 640 * 640 * 1000
    assert round(51 * square / 1e9) == 84
    # The other layers stand beside it at the start.
    others = 4 * (784 + 10) * 640 * 1000
    assert 51 * square + others < every < 1.001 * (51 * square + others)
    assert every - headline == (51 - 4) * square


def test_a_state_has_the_snapshots_and_every_weight_three_times_more():
    with_state, without = (disk_estimate(study([10, 10], keep_state=k)) for k in (True, False))
    entries = 784 * 10 + 10 * 10 + 10 * 10
    assert with_state["state"] == with_state["weights"] + 3 * 4 * 100 * entries
    assert without == {**with_state, "state": 0}


def test_conditions_add_up_and_a_data_set_counts_once():
    one, other, both = (
        disk_estimate(study(*hidden)) for hidden in ([[10, 10]], [[40, 40]], [[10, 10], [40, 40]])
    )
    assert list(both) == FOLDERS
    for folder in FOLDERS[1:]:
        assert both[folder] == one[folder] + other[folder] > 0
    assert both["datasets"] == one["datasets"] == other["datasets"] > 0
    assert disk_estimate(study([10, 10], dataset="cifar10"))["datasets"] == 60_000 * 3073


def test_members_and_analyses_of_a_sweep_count():
    sweeps = study([10, 10]).model_dump(mode="json")["sweeps"]
    whole, few, unmodelled = (
        disk_estimate(study(sweeps=[{**sweeps[0], **changes}]))
        for changes in ({}, {"members": 25}, {"analyses": ["spectra"]})
    )
    for folder in ("weights", "state", "invariants"):
        assert few[folder] == whole[folder] / 4  # of the 4 shards of 25 members
    assert unmodelled == {**whole, "invariants": 0, "models": 0}


def test_the_estimate_is_about_what_files_take(tmp_path):
    """Files of the arrays that the stages write, of a condition with 64 members in 4 shards."""
    small = {"members": 64, "epochs": 10, "shard_size": 16}
    statistics = {**DEFAULT["statistics"], "bootstrap_replicates": 100}
    configured = study([10, 10], **small, statistics=statistics)
    ((name, condition),) = configured.conditions.items()
    spec = model_spec(configured, condition, CODE)
    snapshots, rng = configured.layer_snapshots(condition), np.random.default_rng(0)
    graphs = catalogue(configured.invariants)
    weights = {
        layer: rng.normal(size=(64, len(snapshots[layer]), *shape)).astype(np.float32)
        for layer, shape in condition.shapes.items()
    }
    invariants = {layer: evaluate(graphs, weights[layer]) for layer in condition.square_layers}
    for shard in configured.shards(condition):
        part = slice(shard.first, shard.last + 1)
        for kind, arrays in (("weights", weights), ("invariants", invariants)):
            with hdf5.create(tmp_path / kind / f"{shard.name}.h5", kind, spec) as writer:
                for layer, values in arrays.items():
                    writer.add(layer, values[part])
    with hdf5.create(tmp_path / "state" / "0-63.h5", "state", spec) as writer:
        for layer, values in weights.items():
            writer.add(layer, values)
        for moment in ("weights", "first_moment", "second_moment"):
            n_entries = sum(map(prod, condition.shapes.values()))
            writer.add(moment, np.zeros((64, n_entries), np.float32))
    resampled = resampling_weights(64, 100, rng)
    fits = {
        layer: fit_layer(values.swapaxes(0, 1), graphs, 10, initial_law("gaussian"), resampled)
        for layer, values in invariants.items()
    }
    models = tmp_path / "models"
    spec = ModelSpec.parse(spec)
    store_fits(models / "model.h5", spec, fits)
    fitted = model_tables.fits_table(name, spec, fits)
    fitted.to_csv(models / "model.csv", index=False)
    model_tables.parameters_table(name, spec, fits).to_csv(models / "parameters.csv", index=False)
    of_scatter = model_tables.typicality_table(fitted, spec, fits)
    of_scatter.to_csv(models / "typicality.csv", index=False)
    model_tables.admissibility_table(name, spec, fits).to_csv(
        models / "admissibility.csv", index=False
    )
    estimate = disk_estimate(configured)
    for folder in FOLDERS[1:]:
        found = sum(path.stat().st_size for path in (tmp_path / folder).iterdir())
        assert estimate[folder] == pytest.approx(found, rel=0.2), folder


def _empty_file(path, size):
    path.touch()
    os.truncate(path, size)


def test_what_a_study_takes_is_told_with_what_is_there_and_what_is_free(tmp_path):
    wide = study([640, 640], members=1000, snapshots="all", keep_state=False)
    (tmp_path / "weights" / "condition").mkdir(parents=True)
    _empty_file(tmp_path / "weights" / "condition" / "0-24.h5", 2_340_000)
    told = check_disk(wide, tmp_path, free=200_000_000_000)
    lines = [line.split() for line in told.splitlines()]
    assert str(tmp_path) in told
    assert "200 GB free" in told
    (weights,) = [line for line in lines if line[0] == "weights"]
    assert weights == ["weights", "91.7", "GB", "2.34", "MB"]
    assert [line[0] for line in lines[2:]] == [*FOLDERS, "together"]
    assert lines[-1][-2:] == ["2.34", "MB"]


def test_a_study_that_the_disk_cannot_hold_is_refused(tmp_path):
    wide = study([640, 640], members=1000, snapshots="all")
    with pytest.raises(WeightLawsError) as error:
        check_disk(wide, tmp_path / "not" / "there" / "yet", free=64_000_000_000)
    message = str(error.value)
    for words in ("64 GB free", "most of all 103 GB of state", "keep fewer snapshots"):
        assert words in message
    assert "keep_state: false" in message
    dropped = study([640, 640], members=1000, snapshots="all", keep_state=False)
    with pytest.raises(WeightLawsError, match="of weights") as error:
        check_disk(dropped, tmp_path, free=64_000_000_000)
    assert "keep_state" not in str(error.value)


def test_only_what_is_still_to_be_written_must_be_free(tmp_path):
    configured = study([10, 10])
    expected = disk_estimate(configured)
    for folder, size in expected.items():
        (tmp_path / folder).mkdir()
        _empty_file(tmp_path / folder / "all.h5", size)
    check_disk(configured, tmp_path, free=0)
    # What one folder has too much is no help to another.
    (tmp_path / "state" / "all.h5").unlink()
    _empty_file(tmp_path / "weights" / "more.h5", expected["state"])
    check_disk(configured, tmp_path, free=expected["state"])
    with pytest.raises(WeightLawsError):
        check_disk(configured, tmp_path, free=expected["state"] - 1)


def test_the_disk_that_is_asked_is_that_of_the_nearest_folder(tmp_path, monkeypatch):
    asked = []

    def usage(path):
        asked.append(path)
        return SimpleNamespace(free=10**9)

    monkeypatch.setattr("weightlaws.planning.disk_space.shutil.disk_usage", usage)
    assert "1 GB free" in check_disk(study([10, 10]), tmp_path / "results" / "name")
    assert asked == [tmp_path]


@pytest.mark.parametrize("name", [".", "results/name"])
def test_a_folder_that_cannot_be_written_to_is_refused(small_disk, name):
    folder = small_disk.path / name
    check_disk(study([10, 10]), folder, free=10**9)
    assert [*small_disk.path.iterdir()] == []
    small_disk.remount("ro")
    with pytest.raises(WeightLawsError) as error:
        check_disk(study([10, 10]), folder, free=10**9)
    for words in (f"folder {folder}: found", f"in {small_disk.path} (Read-only file system)"):
        assert words in str(error.value)
    assert "put results elsewhere" in str(error.value)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(WeightLawsError, match=r"results \(Not a directory\), expected a folder"):
        check_disk(study([10, 10]), tmp_path / "results", free=10**9)


@pytest.mark.parametrize(
    ("vanishing", "looks_before", "counted"),
    [(".partial", 0, "2 MB"), (".partial", 1, "4 MB"), ("", 0, "0 B")],
)
def test_files_that_vanish_while_they_are_counted_cost_no_run(
    tmp_path, monkeypatch, vanishing, looks_before, counted
):
    """Running jobs rename their files: before these are looked at, or after the first look."""
    weights = tmp_path / "weights"
    for shard in ("0-24", "25-49"):
        (weights / shard).mkdir(parents=True)
        _empty_file(weights / shard / "file.h5", 1_000_000)
        _empty_file(weights / shard / ".file.h5.1.partial", 1_000_000)
    (weights / "link.h5").symlink_to("nowhere.h5")
    stat = Path.stat

    def vanish(path, **options):
        found = stat(path, **options) if looks_before else None
        if weights in path.parents and path.name.endswith(vanishing):
            path.unlink() if vanishing else shutil.rmtree(weights, ignore_errors=True)
        return found or stat(path, **options)

    monkeypatch.setattr(Path, "stat", vanish)
    told = check_disk(study([10, 10]), tmp_path, free=10**9)
    (line,) = [line.split() for line in told.splitlines() if line.split()[0] == "weights"]
    assert line[-2:] == counted.split()


def test_an_ensemble_that_was_trained_elsewhere_has_no_state(tmp_path):
    with h5py.File(tmp_path / "own.h5", "w") as file:
        rng = np.random.default_rng(0)
        file["square"], file["wide"] = rng.normal(size=(30, 10, 10)), rng.normal(size=(30, 5, 20))
    source = str(tmp_path / "own.h5")
    own = disk_estimate(study(sweeps=[], ensembles=[source]))
    assert own["datasets"] == own["state"] == 0
    assert own["weights"] == pytest.approx(30 * 4 * 200, abs=60_000)  # beside two files' own
    assert own["invariants"] > 30 * 361 * 8
    both = disk_estimate(study([10, 10], ensembles=[source]))
    assert both == {name: size + own[name] for name, size in disk_estimate(study([10, 10])).items()}
    single = disk_estimate(study([10, 10], checkpoints=[source]))
    assert single == disk_estimate(study([10, 10]))
