import numpy as np
from support.project import CODE, DEFAULT

from weightlaws.planning.specs import training_spec
from weightlaws.storage.hdf5 import create
from weightlaws.storage.shards import read_shard
from weightlaws.study.conditions import Condition, Shard
from weightlaws.study.data_sets import DataSet
from weightlaws.study.study import parse_study
from weightlaws.training.class_subset import take_classes
from weightlaws.training.train_job import train_shard


def test_images_of_the_first_classes_stay_in_their_order(digits):
    rng = np.random.default_rng(1)
    orders = {split: rng.permutation(len(digits[f"{split}_labels"])) for split in ("train", "test")}
    mixed = {name: values[orders[name.partition("_")[0]]] for name, values in digits.items()}
    found = take_classes(mixed, range(3))
    assert set(found) == set(digits)
    for split in ("train", "test"):
        kept = [k for k, label in enumerate(mixed[f"{split}_labels"]) if label in (0, 1, 2)]
        for name in ("images", "labels"):
            whole = mixed[f"{split}_{name}"]
            np.testing.assert_array_equal(found[f"{split}_{name}"], whole[kept])
            assert found[f"{split}_{name}"].dtype == np.uint8
    assert np.bincount(found["train_labels"]).tolist() == [450] * 3


def test_classes_are_numbered_as_they_are_asked_for(digits):
    found = take_classes(digits, [7, 0, 3])
    for split in ("train", "test"):
        for new, old in enumerate([7, 0, 3]):
            np.testing.assert_array_equal(
                found[f"{split}_images"][found[f"{split}_labels"] == new],
                digits[f"{split}_images"][digits[f"{split}_labels"] == old],
            )
        assert sorted({*found[f"{split}_labels"].tolist()}) == [0, 1, 2]


def test_networks_learn_two_classes(digits, tmp_path):
    """Zeros and ones are easy: with two outputs almost all are told apart after three epochs."""
    study = parse_study({**DEFAULT, "epochs": 3, "snapshots": "all", "rectangular_snapshots": []})
    condition = Condition(DataSet(name="digits"), (10, 10), "gaussian", 0.0, classes=2, members=3)
    spec = training_spec(study, condition, CODE, Shard(0, 2))
    stored, path = tmp_path / "images.h5", tmp_path / "weights" / "0-2.h5"
    with create(stored, "dataset", spec["dataset"]) as writer:
        for name, values in take_classes(digits, range(2)).items():
            writer.add(name, values)
    settings = {"engine": "numba", "device": "cpu", "threads": 1, "keep_state": False}
    train_shard(path, spec, stored, tmp_path / "state.h5", **settings)
    shard = read_shard(path, spec)
    assert shard.weights["hidden2-output"].shape == (3, 1, 2, 10)
    assert np.median(shard.accuracy[:, -1]) > 0.95
