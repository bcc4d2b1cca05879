"""From a condition's weights shards to the tables of its laws beyond one Gaussian matrix."""

from pathlib import Path

import numpy as np
import pytest

from weightlaws.errors import WeightLawsError
from weightlaws.inference.drawn_networks import drawn_accuracies, fitted_laws
from weightlaws.inference.drawn_networks_job import drawn_networks_table
from weightlaws.inference.interacting import couplings_of, scores_of
from weightlaws.inference.interacting_job import interacting_tables
from weightlaws.inference.interacting_predictions import predictions_of
from weightlaws.inference.network_law_job import network_law_table
from weightlaws.inference.network_test import held_out_gain, independence_tests, neurons
from weightlaws.storage.hdf5 import create

MEMBERS, DEAD, DIVERGED = 112, [5, 60], [70]
# As a file lists them.
SHAPES = {"hidden1-hidden2": [4, 5], "hidden2-output": [3, 4], "input-hidden1": [5, 8]}
ORDER = ["input-hidden1", "hidden1-hidden2", "hidden2-output"]
SQUARE = "hidden1-hidden2"
DATASET = {"dataset": "digits", "code": "digest"}
FINITE = np.setdiff1d(np.arange(MEMBERS), DIVERGED)
ALIVE = np.setdiff1d(FINITE, DEAD)


def weights_spec(law):
    return {
        "dataset": DATASET,
        "shapes": SHAPES,
        "initialisation": {"law": law},
        "activation": "relu",
        "biases": False,
        "epochs": 2,
        "snapshots": {
            "hidden1-hidden2": [0, 1, 2],
            "hidden2-output": [0, 2],
            "input-hidden1": [0, 2],
        },
    }


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(1)
    return {
        layer: rng.normal(size=(MEMBERS, len(epochs), *SHAPES[layer])).astype(np.float32)
        for layer, epochs in weights_spec("gaussian")["snapshots"].items()
    }


def stored(folder, weights, law):
    paths = []
    for first, last in ((0, 59), (60, MEMBERS - 1)):
        part, members = slice(first, last + 1), np.arange(first, last + 1)
        finite = ~np.isin(members, DIVERGED)
        spec = {**weights_spec(law), "members": [first, last]}
        with create(folder / f"{first}-{last}.h5", "weights", spec) as writer:
            for layer, epochs in spec["snapshots"].items():
                values = weights[layer][part].copy()
                values[~finite, -1] = np.nan
                writer.add(f"weights/{layer}", values)
                writer.add(f"epochs/{layer}", np.array(epochs))
            writer.add("loss", np.where(finite[:, None], 1.0, np.nan).repeat(2, axis=1))
            writer.add("accuracy", np.full((len(members), 3), 0.5))
            writer.add("dead_output", np.isin(members, DEAD)[:, None].repeat(3, axis=1))
            writer.add("finite", np.stack([finite | True] * 2 + [finite], axis=1))
        paths.append(folder / f"{first}-{last}.h5")
    return paths


@pytest.fixture(scope="module")
def shards(weights, tmp_path_factory):
    return stored(tmp_path_factory.mktemp("gaussian"), weights, "gaussian")


def spec(law="gaussian", **changes):
    counts = {"labelled": {}, "bootstrap_replicates": 60, "folds": 3, "randomisations": 99}
    own = {"weights": weights_spec(law), "members": MEMBERS, "seed": 3, "epochs": [0, 2]}
    return {**own, **counts, "code": "digest", **changes}


def of(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    return table.reset_index(drop=True)


def test_interacting_laws_are_fitted_with_and_without_the_dead(shards, weights):
    couplings, scores, predictions = interacting_tables(shards, spec(), "name")
    for table in (couplings, scores, predictions):
        assert table["layer"].unique().tolist() == ["hidden1-hidden2", "hidden2-output"]
        assert table["epoch"].unique().tolist() == [0, 2]
    for choice, members in (("all", FINITE), ("without dead outputs", ALIVE)):
        place = {"layer": SQUARE, "selection": choice, "epoch": 2}
        matrices = weights[SQUARE][members, 2].astype(float)
        rng = np.random.default_rng([3, *f"couplings/name/{SQUARE}".encode(), 2])
        expected = couplings_of(matrices, 60, 3, rng)
        found = of(couplings, **place)
        assert (found["n_members"] == len(members)).all()
        for column in ("invariant", "coupling", "low", "p"):
            np.testing.assert_array_equal(found[column], expected[column])
        # Two epochs share the level of a layer.
        np.testing.assert_array_equal(
            found["p_adjusted"], (2 * expected["p_adjusted"]).clip(upper=1)
        )
        seed = [3, *f"scores/name/{SQUARE}".encode(), 2]
        expected = scores_of(matrices, None, 3, seed)
        for column in ("law", "score", "gain", "log_likelihood"):
            np.testing.assert_array_equal(of(scores, **place)[column], expected[column])
        rng = np.random.default_rng([3, *f"predictions/name/{SQUARE}".encode(), 2])
        expected = predictions_of(matrices, 3, rng)
        for column in ("invariant", "bipartite", "interacting", "n_better", "note"):
            np.testing.assert_array_equal(of(predictions, **place)[column], expected[column])


def test_at_a_uniform_start_there_is_no_law_but_a_note(weights, tmp_path):
    tables = interacting_tables(stored(tmp_path, weights, "uniform"), spec("uniform"), "name")
    numbers = ("coupling", "score", "deviation_interacting")
    for table, number in zip(tables, numbers, strict=True):
        assert of(table, epoch=0)[number].isna().all()
        assert of(table, epoch=0)["note"].str.contains("uniform start has a hard edge").all()
        assert of(table, epoch=2)[number].notna().all()


def test_neighbours_are_tested_in_the_order_of_the_network(shards, weights):
    table = network_law_table(shards, spec(), "name")
    for choice, members in (("all", FINITE), ("without dead outputs", ALIVE)):
        found = of(table, selection=choice)
        seed = [3, *b"network_law/name"]
        networks, gains = {}, {}
        for epoch in (0, 2):
            layers = [weights[layer][members, epoch and -1].astype(float) for layer in ORDER]
            networks[epoch] = neurons(layers)
            gains[epoch] = held_out_gain(layers, 3, np.random.default_rng([*seed, epoch]))
        expected = independence_tests(networks, 99, np.random.default_rng(seed))
        tested = found[found["statistic"] != ""]
        assert len(tested) == len(expected)
        merged = tested.merge(expected, on=["epoch", "hidden", "statistic"])
        for column in ("p", "p_adjusted", "z"):
            np.testing.assert_array_equal(merged[f"{column}_x"], merged[f"{column}_y"])
        for epoch, gain in gains.items():
            rows = of(found, epoch=epoch).dropna(subset="n_parameters").set_index("hidden")
            for part, value in gain.set_index("part")["gain"].items():
                assert rows.loc[part, "gain"] == value
                assert rows.loc[part, "statistic"] == ("sums" if "hidden" in part else "")
    first = of(table, hidden="hidden1")
    assert set(first["before"]) == {"input-hidden1"}
    assert set(first["after"]) == {"hidden1-hidden2"}
    assert (table["note"] == "").all()


def test_networks_with_biases_are_refused():
    stored = spec(weights={**weights_spec("gaussian"), "biases": True}, epochs=[2])
    with pytest.raises(ValueError, match="name: a law of weights draws no biases"):
        drawn_networks_table([], Path(), stored, "name")


def test_networks_are_drawn_from_the_laws_of_the_members_selected(shards, weights, tmp_path):
    rng = np.random.default_rng(4)
    images = {"test_images": rng.integers(0, 256, (30, 1, 2, 4), dtype=np.uint8)}
    images["test_labels"] = rng.integers(0, 3, 30).astype(np.uint8)
    path = tmp_path / "digits.h5"
    with create(path, "dataset", DATASET) as writer:
        for name, values in images.items():
            writer.add(name, values)
    table = drawn_networks_table(shards, path, spec(epochs=[2]), "name")
    test = images["test_images"], images["test_labels"]
    trained = {layer: weights[layer][ALIVE, -1] for layer in ORDER}
    own = drawn_accuracies(trained, fitted_laws(trained), *test, np.random.default_rng(0))
    found = of(table, selection="without dead outputs")
    assert found["accuracy"][0] == own["accuracy"][0]
    assert found["law"].tolist()[0] == "trained"
    assert {*found["law"]} == {*own["law"], "interacting"}
    assert set(found["n_networks"]) == {len(ALIVE)}
    last = of(table, selection="all", epoch=2, law="interacting")
    assert last["drawn"].tolist() == ["all", *ORDER]
    assert last["n_networks"].tolist() == [len(FINITE)] * 4
    again = drawn_networks_table(shards, path, spec(epochs=[2]), "name")
    np.testing.assert_array_equal(again["accuracy"], table["accuracy"])


def test_too_few_members_to_draw_from_an_interacting_law_are_told(weights, tmp_path):
    some = {layer: values[:40] for layer, values in weights.items()}
    path = tmp_path / "digits.h5"
    with create(path, "dataset", DATASET) as writer:
        writer.add("test_images", np.zeros((6, 1, 2, 4), dtype=np.uint8))
        writer.add("test_labels", np.zeros(6, dtype=np.uint8))
    own = {**weights_spec("gaussian"), "members": [0, 39]}
    with create(tmp_path / "0-39.h5", "weights", own) as writer:
        for layer, epochs in own["snapshots"].items():
            writer.add(f"weights/{layer}", some[layer])
            writer.add(f"epochs/{layer}", np.array(epochs))
        writer.add("loss", np.ones((40, 2)))
        writer.add("accuracy", np.full((40, 3), 0.5))
        writer.add("dead_output", np.zeros((40, 3), dtype=bool))
        writer.add("finite", np.ones((40, 3), dtype=bool))
    table = drawn_networks_table([tmp_path / "0-39.h5"], path, spec(members=40, epochs=[2]), "name")
    row = of(table, selection="all", law="interacting").loc[0]
    assert row["note"] == "hidden1-hidden2: 40 members are too few for 9 couplings: 10 for each"
    assert np.isnan(row["accuracy"])


@pytest.mark.parametrize("table", [interacting_tables, network_law_table])
def test_more_folds_than_finite_members_are_refused(shards, table):
    message = r"name: members: found 111 of 112 whose .* are finite, expected at least 112"
    with pytest.raises(WeightLawsError, match=message):
        table(shards, spec(folds=112), "name")
