"""From a condition's weights shards to its tables, with members that died or diverged."""

from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest

from weightlaws.errors import WeightLawsError
from weightlaws.inference.bootstrap import resampling_weights, restricted
from weightlaws.inference.comparison import compare
from weightlaws.inference.comparison_job import comparison_table
from weightlaws.inference.eigenvalues import eigenvalues
from weightlaws.inference.eigenvalues_job import eigenvalues_tables
from weightlaws.inference.entries_job import entries_table
from weightlaws.inference.layer_fit import fit_layer, scatter_intervals
from weightlaws.inference.miss import mean_square
from weightlaws.inference.model_job import fit_condition
from weightlaws.inference.model_tables import (
    admissibility_table,
    fits_table,
    parameters_table,
    typicality_table,
)
from weightlaws.inference.omnibus import omnibus
from weightlaws.inference.omnibus_job import omnibus_table
from weightlaws.inference.significance import deviations, joined, judge, simulated_deviations
from weightlaws.inference.significance_job import significance_tables
from weightlaws.inference.stored_fits import ModelSpec, read_fits, store_fits
from weightlaws.inference.symmetry import randomisation_tests
from weightlaws.inference.symmetry_job import symmetry_table
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.invariants_job import evaluate_shard
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.moments import moments
from weightlaws.storage.hdf5 import create
from weightlaws.storage.member_matrices import read_matrices
from weightlaws.storage.shard_specs import WeightsSpec
from weightlaws.storage.shards import read_shard
from weightlaws.training.initial_law import initial_law

MEMBERS, DEAD, DIVERGED = 24, [5], [13, 20]
SHAPES = {"input-hidden1": [5, 8], "hidden1-hidden2": [5, 5], "hidden2-output": [3, 5]}
WEIGHTS_SPEC = {
    "dataset": {"dataset": "digits"},
    "shapes": SHAPES,
    "initialisation": {"law": "gaussian"},
    "epochs": 2,
    "snapshots": {"input-hidden1": [0, 2], "hidden1-hidden2": [0, 1, 2], "hidden2-output": [0, 2]},
}
# What specs of tests of laws begin with.
TESTED = {"weights": WEIGHTS_SPEC, "labelled": {}}
INVARIANTS_SPEC = {
    "weights": WEIGHTS_SPEC,
    "invariants": "published",
    "layers": ["hidden1-hidden2"],
    "code": "digest",
}
GRAPHS = catalogue("published")
FINITE = np.setdiff1d(np.arange(MEMBERS), DIVERGED)
ALIVE = np.setdiff1d(FINITE, DEAD)
SQUARE = "hidden1-hidden2"


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(1)
    drawn = {
        layer: rng.normal(size=(MEMBERS, len(epochs), *SHAPES[layer])).astype(np.float32)
        for layer, epochs in WEIGHTS_SPEC["snapshots"].items()
    }
    for values in drawn.values():
        values[DIVERGED, -1] = np.nan
        values[DEAD] *= 0.1
    return drawn


@pytest.fixture(scope="module")
def shards(weights, tmp_path_factory):
    """Weights shards and invariants shards."""
    folder = tmp_path_factory.mktemp("shards")
    finite = np.isin(np.arange(MEMBERS), FINITE)
    loss = np.where(finite[:, None], 1.0, np.nan).repeat(2, axis=1)
    paths = []
    for first, last in ((0, 9), (10, 19), (20, 23)):
        part = slice(first, last + 1)
        spec = {**WEIGHTS_SPEC, "members": [first, last]}
        weights_path, path = folder / f"{first}-{last}.h5", folder / f"invariants-{first}-{last}.h5"
        with create(weights_path, "weights", spec) as writer:
            for layer, epochs in WEIGHTS_SPEC["snapshots"].items():
                writer.add(f"weights/{layer}", weights[layer][part])
                writer.add(f"epochs/{layer}", np.array(epochs))
            writer.add("loss", loss[part])
            writer.add("accuracy", np.full((len(finite[part]), 3), 0.5))
            # Dead at the end, or finite until then: the last epoch counts.
            dead = np.isin(np.arange(first, last + 1), DEAD)
            writer.add("dead_output", np.stack([~dead, ~dead, dead], axis=1))
            writer.add("finite", np.stack([finite[part] | True] * 2 + [finite[part]], axis=1))
        evaluate_shard(path, {**INVARIANTS_SPEC, "members": [first, last]}, weights_path)
        paths.append((weights_path, path))
    return tuple(zip(*paths, strict=True))


def test_weights_that_diverged_are_read_as_they_came_out(shards, weights):
    shard = read_shard(shards[0][1])
    np.testing.assert_array_equal(shard.weights[SQUARE], weights[SQUARE][10:20])
    assert shard.members[~shard.finite[:, -1]].tolist() == [13]


def of(table, selection, epoch=None):
    part = table[table["selection"] == selection]
    return part if epoch is None else part[part["epoch"] == epoch].reset_index(drop=True)


def test_laws_are_compared_with_and_without_the_dead(shards, weights):
    spec = {
        **{**TESTED, "members": MEMBERS, "seed": 3, "folds": 3},
        **{"epochs": [2], "orders": 2, "code": "digest"},
    }
    table = comparison_table(shards[0], spec, "name")
    assert table["layer"].unique().tolist() == list(SHAPES)
    for layer, side in (("input-hidden1", "columns"), (SQUARE, None), ("hidden2-output", "rows")):
        mine = table[table["layer"] == layer]
        assert mine[["rows", "columns"]].drop_duplicates().to_numpy().tolist() == [SHAPES[layer]]
        for choice, members in (("all", FINITE), ("without dead outputs", ALIVE)):
            found = of(mine, choice, epoch=2)
            rng = np.random.default_rng([3, *f"comparison/name/{layer}".encode(), 2])
            expected = compare(weights[layer][members, -1], side, 3, rng, n_orders=2)
            assert (found["n_members"] == len(members)).all()
            for column in ("law", "gain", "gain_order_sd", "log_likelihood", "n_parameters"):
                np.testing.assert_array_equal(found[column], expected[column])
    once = table[(table["layer"] == SQUARE) & (table["epoch"] != 2)]
    assert once["gain_order_sd"].isna().all()


def by_parts(monkeypatch, together):
    """Read so many entries at a time."""
    for module in ("matrices", "member_matrices"):
        monkeypatch.setattr(f"weightlaws.storage.{module}.TOGETHER", together)


@pytest.mark.parametrize("together", [1, 70])
def test_members_are_read_in_parts(shards, weights, monkeypatch, together):
    by_parts(monkeypatch, together)
    spec = WeightsSpec.parse(WEIGHTS_SPEC)
    found = [*read_matrices(shards[0], spec, MEMBERS, SQUARE, [2, 0])]
    for one, epoch in zip(found, [2, 0], strict=True):
        assert max(len(part) for part in one.matrices) == max(1, together // 25)
        np.testing.assert_array_equal(np.asarray(one.matrices), weights[SQUARE][FINITE, epoch])
        assert one.members.tolist() == FINITE.tolist()
        assert one.members[one.dead_output].tolist() == DEAD


def test_tables_are_the_same_when_members_are_read_in_parts(shards, monkeypatch):
    common = {
        **{**TESTED, "members": MEMBERS, "seed": 3, "epochs": [0, 2]},
        **{"folds": 3, "orders": 2, "level": 0.05, "ensembles": 300, "matrices": 100},
        **{"invariants": "published", "bootstrap_replicates": 20, "code": "digest"},
    }

    def tables():
        yield comparison_table(shards[0], common, "name")
        yield omnibus_table(shards[0], {**common, "ensembles": 39}, "name")
        yield from significance_tables(shards[0], common, "name")
        yield entries_table(shards[0], common, "name")

    whole = [*tables()]
    by_parts(monkeypatch, 70)
    for table, expected in zip(tables(), whole, strict=True):
        pd.testing.assert_frame_equal(table, expected, rtol=1e-7, atol=1e-9)


def test_eigenvalues_are_those_of_the_first_and_the_last_tested_epoch(shards, weights):
    spec = {
        **{"weights": WEIGHTS_SPEC, "members": MEMBERS, "seed": 3, "epochs": [0, 1, 2]},
        **{"layers": [SQUARE], "bootstrap_replicates": 50, "code": "digest"},
    }
    tables = eigenvalues_tables(shards[0], spec, "name")
    for table in tables:
        place = table[["condition", "layer", "rows", "columns", "n_members"]].drop_duplicates()
        assert place.to_numpy().tolist() == [["name", SQUARE, 5, 5, len(FINITE)]]
        assert table["epoch"].unique().tolist() == [0, 2]
    for epoch in (0, 2):
        rng = np.random.default_rng([3, *f"eigenvalues/name/{SQUARE}".encode(), epoch])
        expected = eigenvalues(weights[SQUARE][FINITE, epoch].astype(np.float64), 50, rng)
        for table, alone in zip(tables, expected, strict=True):
            mine = table.loc[table["epoch"] == epoch, [*alone]].reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, alone, check_exact=True)


def test_more_folds_than_finite_members_are_refused(shards):
    spec = {
        **{**TESTED, "members": MEMBERS, "seed": 3, "folds": 23},
        **{"epochs": [2], "orders": 2, "code": "digest"},
    }
    message = r"name: members: found 22 of 24 whose .* are finite, expected at least 23"
    with pytest.raises(WeightLawsError, match=message):
        comparison_table(shards[0], spec, "name")


def test_symmetries_are_tested_at_the_headline_epochs(shards, weights):
    spec = {
        **{**TESTED, "members": MEMBERS, "seed": 3},
        **{"epochs": [1, 2], "randomisations": 49, "code": "digest"},
    }
    table = symmetry_table(shards[0], spec, "name")
    epochs = table.groupby("layer", sort=False)["epoch"].unique()
    assert [list(found) for found in epochs] == [[2], [1, 2], [2]]
    assert "entries" not in set(table[table["layer"] == "input-hidden1"]["test"])
    found = of(table[table["layer"] == SQUARE], "all", epoch=2)
    rng = np.random.default_rng([3, *f"symmetry/name/{SQUARE}".encode(), 2])
    expected = randomisation_tests(weights[SQUARE][FINITE, 2], 49, rng)
    for column in ("test", "statistic", "p", "p_gaussian"):
        np.testing.assert_array_equal(found[column], expected[column])


def test_every_law_of_every_layer_is_tested_in_one_family(shards, weights):
    spec = {
        **{**TESTED, "invariants": "published", "members": MEMBERS, "seed": 3},
        **{"epochs": [0, 2], "level": 0.05, "matrices": 500, "ensembles": 300, "code": "digest"},
    }
    table, misses = significance_tables(shards[0], spec, "name")
    everyone = table[table["selection"] == "all"]
    counts = everyone.groupby(["layer", "law", "epoch"]).size()
    expected = {"i.i.d.": 46, "bipartite": 43, "diagonal S_D": 39, "one-sided": 43}
    assert counts.to_dict() == {
        (layer, law, epoch): expected[law]
        for layer, labels in (
            ("input-hidden1", SHAPES["input-hidden1"][1]),
            (SQUARE, MEMBERS),
            ("hidden2-output", SHAPES["hidden2-output"][0]),
        )
        for epoch in WEIGHTS_SPEC["snapshots"][layer]
        if epoch in spec["epochs"]
        for law in expected
        if (law != "diagonal S_D" or layer == SQUARE)
        and (law != "one-sided" or len(FINITE) > labels)
    }
    mine = table[(table["layer"] == SQUARE) & (table["law"] == "bipartite")]
    chosen = mine[mine["selection"] == "without dead outputs"]
    assert (chosen["n_members"] == len(ALIVE)).all()
    law = moments("bipartite", (5, 5), None, ())
    found, simulated = [], []
    for epoch in (0, 2):
        matrices = weights[SQUARE][ALIVE, epoch].astype(np.float64)
        found.append(deviations(matrices, law))
        rng = np.random.default_rng([3, *f"significance/name/{SQUARE}/bipartite".encode(), epoch])
        simulated.append(
            simulated_deviations(
                law.fit(matrices), law, len(ALIVE), rng, n_matrices=500, n_ensembles=300
            )
        )
    family = judge(joined(found), np.concatenate(simulated, axis=1), 0.05)
    # All laws' invariants are evaluated together, which rounds differently.
    np.testing.assert_allclose(chosen["p_adjusted"], family.p_adjusted, atol=1.5 / 300)
    np.testing.assert_allclose(chosen["deviation_sd"], joined(found).deviation, rtol=1e-12)
    assert (table["p_adjusted"] >= table["p"]).all()
    rows = misses.set_index(["selection", "layer", "law", "epoch"])
    assert not rows.index.has_duplicates
    assert len(rows) == len(table.groupby([*rows.index.names]))
    row = rows.loc["without dead outputs", SQUARE, "bipartite", 2]
    square = mean_square(found[1].deviation, found[1].without)
    numbers = row[["n_invariants", "mean_square", "noise", "degrees"]].tolist()
    np.testing.assert_allclose(numbers, astuple(square), rtol=1e-10)
    assert row["low"] <= row["miss"] <= row["high"]


def test_too_few_simulations_are_refused(shards):
    spec = {
        **{**TESTED, "invariants": "published", "members": MEMBERS, "seed": 3},
        **{"epochs": [0, 2], "level": 0.001, "matrices": 500, "ensembles": 300, "code": "digest"},
    }
    with pytest.raises(ValueError, match="expected at least 999"):
        significance_tables(shards[0], spec, "name")


def test_laws_are_tested_as_a_whole(shards, weights):
    spec = {
        **{**TESTED, "members": MEMBERS, "seed": 3, "epochs": [0, 2]},
        **{"level": 0.05, "ensembles": 39, "code": "digest"},
    }
    table = omnibus_table(shards[0], spec, "name")
    assert table["layer"].unique().tolist() == list(SHAPES)
    row = of(table[table["layer"] == SQUARE], "all", epoch=2).set_index("law").loc["bipartite"]
    rng = np.random.default_rng([3, *f"omnibus/name/{SQUARE}".encode(), 2, *b"bipartite"])
    matrices = weights[SQUARE][FINITE, 2].astype(np.float64)
    expected = omnibus(matrices, Bipartite.fit, 39, rng)
    assert (row["distance"], row["p"]) == (expected.distance, expected.p)


def test_fits_leave_out_who_diverged_and_nobody_else(shards, weights, tmp_path):
    spec = {
        **{"invariants": INVARIANTS_SPEC, "members": MEMBERS, "seed": 3},
        **{"bootstrap_replicates": 20, "code": "digest"},
    }
    parsed = ModelSpec.parse(spec)
    fits = fit_condition(shards[1], parsed)
    assert list(fits) == [SQUARE]
    fit = fits[SQUARE]
    drawn = resampling_weights(MEMBERS, 20, np.random.default_rng([3, *b"bootstrap"]))
    kept = np.isin(np.arange(MEMBERS), FINITE)
    invariants = evaluate(GRAPHS, weights[SQUARE][FINITE]).swapaxes(0, 1)
    law, drawn = initial_law("gaussian"), restricted(drawn, kept)
    expected = fit_layer(invariants, GRAPHS, 5, law, drawn, np.array(FINITE))
    store_fits(tmp_path / "fits.h5", parsed, fits)
    stored = read_fits(tmp_path / "fits.h5", spec)[SQUARE]
    for name in fit.names():
        np.testing.assert_array_equal(getattr(fit, name), getattr(expected, name), err_msg=name)
        np.testing.assert_array_equal(getattr(stored, name), getattr(expected, name))

    fitted = fits_table("name", parsed, fits)
    row = fitted.set_index(["epoch", "invariant"]).loc[(2, "ii.ii.ii")]
    assert (row["published"], row["degree"], row["size"]) == ("I14", 3, 5)
    assert row["mean"] == fit.mean[2, 13]
    assert row["mean_standard_error"] == pytest.approx(fit.sd[2, 13] / np.sqrt(len(FINITE)))
    assert row["deviation_z"] == fit.deviation_z[2, 13]
    parameters = parameters_table("name", parsed, fits).set_index(["epoch", "parameter"])
    assert parameters.loc[(1, "f13"), "standard_error"] == fit.parameters_standard_error[1, 12]
    assert parameters.loc[(1, "f5"), "low"] == fit.parameters_low[1, 4]
    assert parameters.loc[(1, "f5"), "high"] == fit.parameters_high[1, 4]
    typical = typicality_table(fitted, parsed, fits).set_index(["epoch", "published"])
    assert len(typical) == 3 * 13
    assert typical.loc[(0, "I3"), "ratio"] == fit.sd[0, 2] / fit.predicted_sd[0, 2]
    (size,) = {parsed.size(layer) for layer in fits}
    low, high = scatter_intervals(fit.statistics, size)
    assert typical.loc[(2, "I13"), ["low", "high"]].tolist() == [low[2, 12], high[2, 12]]
    assert (admissibility_table("name", parsed, fits)["verdict"] == "positive definite").all()
