import numpy as np
import pandas as pd
import pytest

from weightlaws.errors import WeightLawsError
from weightlaws.storage.hdf5 import create
from weightlaws.training.members_job import (
    conditions_table,
    final_members,
    learning_curves,
    members_table,
)

SPEC = {
    "dataset": {"dataset": "digits"},
    "shapes": {"input-hidden1": [7, 784], "hidden1-hidden2": [7, 7], "hidden2-output": [10, 7]},
    "initialisation": {"law": "uniform"},
    "weight_decay": 0.5,
    "output_scale": None,
    "optimiser": "sgd",
    "activation": "tanh",
    "learning_rate": 0.002,
    "batch_size": 50,
    "biases": True,
    "epochs": 2,
    "snapshots": {"hidden1-hidden2": [0, 1, 2]},
}
LOSS = np.array([[2.0, 1.0], [3.0, 2.5], [4.0, 0.5], [9.0, np.nan]])
ACCURACY = np.array([[0.1, 0.5, 0.9], [0.1, 0.1, 0.1], [0.2, 0.6, 0.8], [0.1, 0.2, 0.1]])
DEAD = np.array([False, True, False, False])
FINITE = np.array([True, True, True, False])


@pytest.fixture
def members(tmp_path):
    paths = []
    for first, last in ((0, 1), (2, 3)):
        paths.append(tmp_path / f"{first}-{last}.h5")
        with create(paths[-1], "weights", {**SPEC, "members": [first, last]}) as writer:
            chosen = slice(first, last + 1)
            writer.add("loss", LOSS[chosen])
            writer.add("accuracy", ACCURACY[chosen])
            for name, flags in (("dead_output", DEAD), ("finite", FINITE)):
                writer.add(name, np.stack([~DEAD, ~DEAD, flags], axis=1)[chosen])
    return members_table("name", paths, SPEC, 4)


def test_one_row_a_network_at_the_end(members):
    final = final_members(members).reset_index(drop=True)
    expected = pd.DataFrame(
        {
            "condition": ["name"] * 4,
            "member": [0, 1, 2, 3],
            "shard": ["0-1", "0-1", "2-3", "2-3"],
            "training_loss": [1.0, 2.5, 0.5, np.nan],
            "test_accuracy": [0.9, 0.1, 0.8, 0.1],
            "dead_output": DEAD,
            "finite": FINITE,
        }
    )
    pd.testing.assert_frame_equal(final, expected, check_dtype=False)


def test_learning_curves_are_over_members_that_are_finite(members):
    curves = learning_curves(members).set_index("epoch")
    assert curves.loc[1, "loss_mean"] == pytest.approx(3)
    assert np.isnan(curves.loc[0, "loss_mean"])
    assert curves.loc[2, "accuracy_mean"] == pytest.approx(0.6)
    assert curves.loc[2, "accuracy_sd"] == pytest.approx(ACCURACY[:3, 2].std())
    assert curves.loc[2, "accuracy_min"] == 0.1
    assert curves.loc[2, "accuracy_median"] == 0.8
    assert curves.loc[2, "accuracy_q95"] == pytest.approx(np.quantile(ACCURACY[:3, 2], 0.95))


def test_one_row_a_condition():
    noisy = {**SPEC["dataset"], "label_noise": 0.5}
    specs = {"name": SPEC, "scaled": {**SPEC, "weight_decay": 0, "output_scale": 4.0}}
    specs["scaled"]["dataset"] = noisy
    table = conditions_table(specs, {"name": 3, "scaled": 1})
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    assert rows[0] == {
        "condition": "name",
        "dataset": "digits",
        "inputs": SPEC["shapes"]["input-hidden1"][1],
        "hidden": "7x7",
        "outputs": 10,
        "initialisation": "uniform",
        "weight_decay": 0.5,
        "output_scale": None,
        "optimiser": "sgd",
        "activation": "tanh",
        "learning_rate": 0.002,
        "batch_size": 50,
        "biases": True,
        "label_noise": 0.0,
        "members": 3,
        "epochs": 2,
        "layers": "hidden1-hidden2",
    }
    scaled = {"condition": "scaled", "weight_decay": 0, "output_scale": 4.0, "members": 1}
    scaled["label_noise"] = 0.5
    assert rows[1] == {**rows[0], **scaled}


def test_networks_that_were_trained_elsewhere_have_what_is_known_of_them(tmp_path):
    spec = {"path": "nets.h5", "shapes": {"a": [7, 7]}, "epochs": 0, "snapshots": {"a": [0]}}
    (row,) = conditions_table({"nets": spec}, {"nets": 2}).to_dict("records")
    known = {"condition": "nets", "members": 2, "epochs": 0, "layers": "a"}
    assert {name: value for name, value in row.items() if value is not None} == known
    path = tmp_path / "0-1.h5"
    with create(path, "weights", {**spec, "members": [0, 1]}) as writer:
        writer.add("loss", np.empty((2, 0)))
        writer.add("accuracy", np.full((2, 1), np.nan))
        writer.add("dead_output", np.zeros((2, 1), bool))
        writer.add("finite", np.array([[True], [False]]))
        writer.add("names", np.array([b"member 0", b"member 1"], "S500"))
        writer.add("digest", np.zeros((2, 16), np.uint8))
    table = members_table("nets", [path], spec, 2)
    assert final_members(table)["finite"].tolist() == [True, False]
    assert table["test_accuracy"].isna().all()
    curves = learning_curves(table)
    assert curves.empty
    assert "accuracy_q95" in curves


FOREIGN = {
    "path": "nets",
    "shapes": {"fc": [4, 3]},
    "epochs": 0,
    "snapshots": {"fc": [0]},
    "code": "digest",
}


def of_foreign(folder, digests, finite):
    """The table of imported networks in shards of two."""
    paths = []
    for first in range(0, len(digests), 2):
        paths.append(folder / f"{first}-{first + 1}.h5")
        with create(paths[-1], "weights", {**FOREIGN, "members": [first, first + 1]}) as writer:
            writer.add("loss", np.empty((2, 0)))
            writer.add("accuracy", np.full((2, 1), np.nan))
            writer.add("dead_output", np.zeros((2, 1), np.bool_))
            writer.add("finite", np.array(finite[first : first + 2])[:, None])
            writer.add("names", np.array([f"{k}.pt".encode() for k in (first, first + 1)], "S500"))
            numbers = np.array(digests[first : first + 2], np.uint8)
            writer.add("digest", np.repeat(numbers[:, None], 16, axis=1))
    return members_table("name", paths, FOREIGN, len(digests))


def test_equal_networks_of_elsewhere_are_refused_by_name(tmp_path):
    with pytest.raises(
        WeightLawsError,
        match=r"nets: members: found equal weights in 0\.pt, 3\.pt and in 1\.pt, 4\.pt, 5\.pt, ",
    ):
        of_foreign(tmp_path, [7, 8, 9, 7, 8, 8], [True] * 6)


def test_networks_that_diverged_alike_are_not_called_equal(tmp_path):
    table = of_foreign(tmp_path, [7, 8, 8, 9], [True, False, False, True])
    assert table["finite"].tolist() == [True, False, False, True]
