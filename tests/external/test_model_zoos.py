import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from weightlaws.errors import WeightLawsError
from weightlaws.external.ensembles import describe, doubts, member_files, read_members
from weightlaws.external.import_job import import_shard
from weightlaws.external.model_zoos import epoch_of
from weightlaws.storage.shards import read_shard


def matrix(member, epoch):
    return np.random.default_rng([member, epoch]).normal(size=(4, 3)).astype(np.float32)


def save(path, member, epoch):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"fc.weight": torch.tensor(matrix(member, epoch)), "fc.bias": torch.ones(4)}, path)


@pytest.fixture
def tuned(tmp_path):
    """A zoo as Ray Tune leaves it: checkpoints have no ending."""
    zoo = tmp_path / "zoo"
    for member in (1, 2, 10):
        run = zoo / f"NN_tune_trainable_a0b_{member}_lr=0.01"
        for epoch in (0, 9, 50):
            save(run / f"checkpoint_{epoch:06}/checkpoints", member, epoch)
            (run / f"checkpoint_{epoch:06}/.tune_metadata").write_bytes(b"\x80\x04N.")
        (run / "params.json").write_text("{}")
        (run / "progress.csv").write_text("epoch\n0\n")
    torch.save({"images": torch.ones(5, 5)}, zoo / "dataset.pt")
    (zoo / "config.json").write_text("{}")
    return zoo


def read(path, **which):
    found = describe(path, **which)
    last = found.members - 1
    return [values for *_, values in read_members(path, found.shapes, 0, last, **which)]


def test_the_last_checkpoint_of_each_subfolder_is_a_member(tuned):
    found = describe(tuned)
    assert (found.name, found.members, found.shapes) == ("zoo", 3, {"fc": (4, 3)})
    expected = [matrix(member, 50) for member in (1, 2, 10)]
    np.testing.assert_array_equal(read(tuned), expected)
    assert [file.parts[-3:-1] for file in member_files(tuned, 1, 1)] == [
        ("NN_tune_trainable_a0b_2_lr=0.01", "checkpoint_000050")
    ]
    assert doubts(tuned) == []


def test_an_epoch_can_be_named(tuned, tmp_path):
    np.testing.assert_array_equal(
        read(tuned, epoch=9), [matrix(member, 9) for member in (1, 2, 10)]
    )
    spec = {
        "path": str(tuned),
        "shapes": {"fc": [4, 3]},
        "epochs": 0,
        "snapshots": {"fc": [0]},
        "epoch": 9,
        "members": [1, 2],
        "code": "digest",
    }
    import_shard(tmp_path / "shard.h5", spec)
    shard = read_shard(tmp_path / "shard.h5", spec)
    np.testing.assert_array_equal(shard.weights["fc"][:, 0], [matrix(2, 9), matrix(10, 9)])
    with pytest.raises(WeightLawsError, match="epochs: found 0, 9, 50, expected 7 among them"):
        describe(tuned, epoch=7)


def test_members_of_other_epochs_or_without_one_are_said(tuned):
    save(tuned / "late/checkpoint_000060/checkpoints", 11, 60)
    (said,) = doubts(tuned)
    assert "members are of different epochs, such as late/checkpoint_000060" in said
    (said,) = doubts(tuned, epoch=50)
    assert "1 of 4 members have no epoch 50, and are left out: late" in said
    assert describe(tuned, epoch=50).members == 3


def test_lightning_s_names_and_what_stands_beside(tmp_path):
    for member in range(3):
        for epoch in (2, 10):
            path = tmp_path / f"run{member}/epoch={epoch}.ckpt"
            path.parent.mkdir(exist_ok=True)
            torch.save({"state_dict": {"fc.weight": torch.tensor(matrix(member, epoch))}}, path)
        torch.save({"fc.weight": torch.ones(4, 3)}, path.with_name("optimizer.pt"))
    np.testing.assert_array_equal(read(tmp_path), [matrix(member, 10) for member in range(3)])
    np.testing.assert_array_equal(
        read(tmp_path, epoch=2), [matrix(member, 2) for member in range(3)]
    )


def test_subfolders_that_are_steps_of_one_training_are_warned_of(tmp_path):
    for step in (500, 1000):
        (tmp_path / f"checkpoint-{step}").mkdir()
        save_file({"a": matrix(0, step)}, tmp_path / f"checkpoint-{step}/model.safetensors")
    (said,) = doubts(tmp_path)
    assert "checkpoint-500 and checkpoint-1000 are named like epochs of one training" in said


def test_files_and_folders_of_networks_are_not_mixed(tuned):
    save(tuned / "another.pt", 5, 5)
    with pytest.raises(WeightLawsError, match=r"files of networks, as another\.pt, and folders"):
        describe(tuned)


def test_an_epoch_of_files_is_refused(tmp_path):
    for member in range(2):
        save(tmp_path / f"{member}.pt", member, 0)
    with pytest.raises(WeightLawsError, match=r"epoch: found 3, though a member is a file"):
        describe(tmp_path, epoch=3)


@pytest.mark.parametrize(
    ("path", "epoch"),
    [
        ("checkpoint_000050/checkpoints", 50),
        ("epoch=10-step=5000.ckpt", 10),
        ("step-200/model_v2.pt", 200),
        ("run7/3.pt", 3),
        ("last.ckpt", None),
    ],
)
def test_the_epoch_that_a_path_tells(path, epoch):
    assert epoch_of(path) == epoch
