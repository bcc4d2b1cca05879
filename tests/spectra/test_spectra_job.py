"""From stored weights to tables, on files as the workflow makes them."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from weightlaws.spectra import spectra_job
from weightlaws.spectra.analysis import analyse
from weightlaws.spectra.curves import curves_table
from weightlaws.spectra.null import simulate_null
from weightlaws.spectra.null_job import store_null
from weightlaws.spectra.shards import SpectraShardSpec, join, read_spectra
from weightlaws.spectra.spectra_shard_job import analyse_shard, one_member
from weightlaws.spectra.statistics import STATISTICS
from weightlaws.spectra.tails import hill_estimates
from weightlaws.storage import hdf5

SHAPES = {"input-hidden1": [6, 12], "hidden1-hidden2": [110, 100]}
SNAPSHOTS = {"input-hidden1": [0, 2], "hidden1-hidden2": [0, 1, 2]}
WEIGHTS = {
    "dataset": {"dataset": "digits"},
    "initialisation": {"law": "gaussian"},
    "shapes": SHAPES,
    "epochs": 2,
    "snapshots": SNAPSHOTS,
    "code": "w",
}
SPECTRA = {
    "weights": WEIGHTS,
    "seed": 3,
    "epochs": [0, 2],
    "permutations": 9,
    "sign_flips": 19,
    "bootstrap_replicates": 50,
    "goodness_of_fit_replicates": 0,
    "code": "s",
}
TABLES = {"spectra": SPECTRA, "members": 5, "seed": 3, "code": "t"}
SHARDS = [(0, 2), (3, 4)]
PARSED = SpectraShardSpec.parse(SPECTRA)


def weights_of(member, layer):
    """Start from noise; by the last epoch a signal of 40 neurons has grown in the square layer."""
    rng = np.random.default_rng([member, len(layer)])
    start = rng.standard_normal(SHAPES[layer])
    grown = start + 0.01 * rng.standard_normal(SHAPES[layer])
    if layer == "hidden1-hidden2":
        grown[:40, :40] += 2.0
    return np.stack([start, *([(start + grown) / 2] if len(SNAPSHOTS[layer]) == 3 else []), grown])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Weights shards, in which member 1 diverged, nulls and spectra shards of one condition."""
    folder = tmp_path_factory.mktemp("spectra")
    nulls, shards, spectra = [], [], []
    for rows, columns in SHAPES.values():
        nulls.append(folder / f"{rows}x{columns}.h5")
        null = {"shape": [rows, columns], "matrices": 60}
        store_null(nulls[-1], {**null, "seed": 3, "code": "n"})
    for first, last in SHARDS:
        n = last - first + 1
        shards.append(folder / f"weights-{first}.h5")
        with hdf5.create(shards[-1], "weights", {**WEIGHTS, "members": [first, last]}) as writer:
            for layer, snapshots in SNAPSHOTS.items():
                weights = np.stack([weights_of(k, layer) for k in range(first, last + 1)])
                weights[[k == 1 for k in range(first, last + 1)], -1, 0, 0] = np.nan
                writer.add(f"weights/{layer}", weights.astype(np.float32))
                writer.add(f"epochs/{layer}", np.array(snapshots))
            writer.add("loss", np.ones((n, 2)))
            writer.add("accuracy", np.ones((n, 3)))
            writer.add("dead_output", np.zeros((n, 3), np.bool_))
            finite = np.ones((n, 3), np.bool_)
            finite[[k == 1 for k in range(first, last + 1)], -1] = False
            writer.add("finite", finite)
        spectra.append(folder / f"{first}-{last}.h5")
        analyse_shard(spectra[-1], {**SPECTRA, "members": [first, last]}, shards[-1], nulls)
    return nulls, shards, spectra


@pytest.fixture(scope="module")
def tables(files):
    nulls, _, spectra = files
    return spectra_job.condition_tables(spectra, nulls, TABLES, "mine")


def row_of(table, **values):
    for name, value in values.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_shards_hold_what_the_analysis_of_each_matrix_says(files):
    _, _, paths = files
    found = {(layer, epoch): s for layer, epoch, s in read_spectra(paths, PARSED, 5)}
    assert [*found] == [(layer, epoch) for layer in SHAPES for epoch in (0, 2)]
    spectra = found["hidden1-hidden2", 2]
    assert spectra.singular_values.shape == (4, 100)  # without the member that diverged
    matrix = weights_of(3, "hidden1-hidden2")[-1].astype(np.float32)
    one = analyse(matrix, np.random.default_rng(0), permutations=0)
    np.testing.assert_allclose(spectra.singular_values[2], one.singular_values)
    assert spectra.sigma[2] == pytest.approx(one.bulk.sigma, rel=1e-3)
    # Float32 would lose seven digits in a sum of 11 000 squares.
    start, end = weights_of(3, "hidden1-hidden2")[[0, -1]].astype(np.float32).astype(np.float64)
    travelled = np.linalg.norm(end - start) / np.linalg.norm(start)
    assert spectra.distance_travelled[2] == pytest.approx(travelled, rel=1e-12)


def test_statistics_tell_the_grown_signal(tables):
    table = tables["statistics"]
    place = {"condition": "mine", "layer": "hidden1-hidden2", "epoch": 2}
    above = row_of(table, **place, statistic="outliers_above", null="Gaussian")
    assert above["value"] == 1
    assert above["p_value"] == pytest.approx(0.001)  # the least of 999 assignments
    assert (above["rows"], above["columns"], above["members"]) == (110, 100, 4)
    start = row_of(table, **{**place, "epoch": 0}, statistic="outliers_above", null="Gaussian")
    assert start["value"] <= 0.25
    assert row_of(table, **place, statistic="informative_vectors")["value"] >= 1
    learned = row_of(table, **place, statistic="learned_rank")
    assert learned["value"] == pytest.approx(1, abs=0.26)  # one false among four, once in five runs
    flipped = row_of(table, **place, statistic="outliers_above", null="sign-flipped")
    # A block of larger entries has outliers by its scale alone.
    assert flipped["null_mean"] > 1
    assert flipped["p_value"] > 0.5
    assert row_of(table, **place, statistic="distance_travelled")["value"] > 0.5
    assert row_of(table, **place, statistic="mean_ratio")["p_value"] > 0.01
    verdict = row_of(table, **place, statistic="tail_exponent")
    assert verdict["verdict"] == "not a power law"
    assert "not a power law: 4 of 4" in verdict["note"]
    shares = [f"share_{name}" for name in ("power_law", "not_a_power_law", "too_few_values")]
    assert [row_of(table, **place, statistic=name)["value"] for name in shares] == [0, 1, 0]
    assert row_of(table, **place, statistic="hill_plateau")["value"] == 0


def test_every_statistic_has_its_rows_and_what_is_missing_a_reason(tables):
    table = tables["statistics"]
    for (layer, _), rows in table.groupby(["layer", "epoch"]):
        gaussian = rows[rows["null"] == "Gaussian"]
        assert list(gaussian["statistic"]) == [*STATISTICS]
        for null in ("permuted", "sign-flipped"):
            copies = rows[rows["null"] == null]
            assert list(copies["statistic"]) == ["outliers_above", "bulk_distance"]
        missing = gaussian[gaussian["value"].isna()]
        assert (layer == "input-hidden1") == (len(missing) > 0)
        assert (
            missing["note"] == "found 6 singular values in the bulk, expected 80 to unfold"
        ).all()


def test_ranks_show_the_informative_vector(tables):
    ranks = tables["ranks"]
    last = ranks[(ranks["layer"] == "hidden1-hidden2") & (ranks["epoch"] == 2)]
    assert list(last["rank"]) == list(range(1, 101))
    assert last["informative"].iloc[0] == 1
    assert last["p_left"].iloc[0] == pytest.approx(1 / 20)  # the least of 19 copies
    assert last["participation_left"].iloc[0] == pytest.approx(1 / 40, rel=0.2)
    assert last["informative"].iloc[1:].mean() < 0.05
    assert last["learned"].iloc[0] == 1
    assert last["learned"].iloc[1:].sum() <= 0.25


def test_curves_have_theory_and_bands(tables):
    curves = tables["curves"]
    last = curves[(curves["layer"] == "hidden1-hidden2") & (curves["epoch"] == 2)]
    density = last[last["curve"] == "density"]
    width = np.diff(density["x"])[0]
    assert (density["y"] * width).sum() == pytest.approx(1)
    assert (density["theory"] * width).sum() == pytest.approx(1, abs=0.1)
    assert len(last[last["curve"] == "outlier"]) == 4  # one of each member
    spacing = last[last["curve"] == "spacing"]
    inside = spacing["y"].between(spacing["low"], spacing["high"])
    assert inside.mean() > 0.75
    variance = last[last["curve"] == "number_variance"]
    assert list(variance["x"]) == [1, 2, 3, 4, 5]
    assert (variance["low"] < variance["high"]).all()
    hill = last[last["curve"] == "hill"]
    assert list(hill["x"]) == list(range(1, 100))
    assert not (last["curve"] == "plateau").any()
    small = curves[(curves["layer"] == "input-hidden1") & (curves["curve"] == "spacing")]
    assert small["y"].isna().all()


def test_tables_are_the_same_again(files, tables):
    nulls, _, spectra = files
    again = spectra_job.condition_tables(spectra, nulls, TABLES, "mine")
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, again[name])


def test_other_weights_or_missing_members_are_refused(files, tmp_path):
    nulls, shards, spectra = files
    other = {**SPECTRA, "weights": {**WEIGHTS, "code": "x"}, "members": [0, 2]}
    with pytest.raises(hdf5.StorageError, match=r"spec.code: found w, expected x"):
        analyse_shard(tmp_path / "a.h5", other, shards[0], nulls)
    with pytest.raises(hdf5.StorageError, match="members"):
        list(read_spectra(spectra[:1], PARSED, 5))


def test_a_shard_without_finite_members_is_left_out(files, tmp_path):
    nulls, shards, _ = files
    weights = [tmp_path / shard.name for shard in shards]
    spectra = [tmp_path / f"spectra-{first}-{last}.h5" for first, last in SHARDS]
    for path, copy, target, members in zip(shards, weights, spectra, SHARDS, strict=True):
        shutil.copy(path, copy)
        with h5py.File(copy, "r+") as file:
            if members == SHARDS[0]:
                file["finite"][...] = False
        analyse_shard(target, {**SPECTRA, "members": [*members]}, copy, nulls)
    lengths = [len(found) for _, _, found in read_spectra(spectra, PARSED, 5)]
    assert lengths == [2, 2, 2, 2]


def test_a_layer_without_a_snapshot_to_analyse_has_no_rows(files, tmp_path):
    nulls, shards, _ = files
    spec = {**SPECTRA, "epochs": [1]}  # only the square layer has it
    spectra = [tmp_path / f"{first}-{last}.h5" for first, last in SHARDS]
    for path, weights, members in zip(spectra, shards, SHARDS, strict=True):
        analyse_shard(path, {**spec, "members": [*members]}, weights, nulls)
    found = read_spectra(spectra, SpectraShardSpec.parse(spec), 5)
    assert [(layer, epoch) for layer, epoch, _ in found] == [("hidden1-hidden2", 1)]


def test_hill_curves_do_without_values_of_zero():
    assert len(hill_estimates([3.0, 0.0])) == 0
    # gamma_1 = ln(3 / 2), gamma_2 = (ln(3 / 1) + ln(2 / 1)) / 2
    expected = [np.log(1.5), np.log(6) / 2]
    assert hill_estimates([3.0, 2.0, 1.0, 0.0]) == pytest.approx(expected)


@pytest.mark.parametrize("n", [60, 300])
def test_a_plateau_is_drawn_where_there_is_one(n):
    rng, records = np.random.default_rng(4), []
    for _ in range(3):
        u, v = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
        matrix = u * (rng.pareto(2.0, n) + 1) @ v.T
        null = simulate_null((n, n), 4, matrices=20)
        records.append(one_member(analyse(matrix, rng, null=null, permutations=2, sign_flips=2)))
    table = curves_table(join(records), [null] * 3)
    flat = table[table["curve"] == "plateau"]
    first, last = flat["x"]
    assert first < last <= n - 1
    # gamma is 1 / (alpha - 1), alpha being 3; it is known to 1 / sqrt(n), over three members less.
    assert flat["y"].to_numpy() == pytest.approx(0.5, rel=2.5 / np.sqrt(3 * n))
