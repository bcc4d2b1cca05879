"""Runs that are stopped, lengthened and shortened: what was trained is not trained again."""

import numpy as np
import pytest
import torch
from support.mini_study import MINI, until

from weightlaws.storage.shards import read_shard

CONDITION = "digits-10x10x10-gaussian-decay0"
ONE_CONDITION = [{**MINI["sweeps"][0], "weight_decays": [0]}]
TARGETS = [f"results/mini/weights/{CONDITION}/{shard}.h5" for shard in ("0-1", "2-3", "4-4")]


def train(project, targets=TARGETS, **changes):
    """Train shards of the mini study's first condition; return them and what their jobs logged."""
    project.configure(sweeps=ONE_CONDITION, **changes)
    project.run(*targets)
    paths = [project.folder / target for target in targets]
    logs = [project.folder / "results/mini/logs/train" / CONDITION / f"{p.stem}.log" for p in paths]
    return [read_shard(path) for path in paths], [log.read_text() for log in logs]


def fresh(project, folder):
    """A copy of the project without results."""
    copy = project.copy(folder)
    for path in (copy.folder / "results").rglob("*.h5"):
        path.unlink()
    return copy


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.loss, other.loss)
        np.testing.assert_array_equal(one.accuracy, other.accuracy)
        for layer, weights in other.weights.items():
            np.testing.assert_array_equal(one.weights[layer], weights)


def test_more_epochs_train_on_and_fewer_train_nothing(mini, project, tmp_path):
    at_once = {
        epochs: train(fresh(mini, tmp_path / str(epochs)), epochs=epochs)[0] for epochs in (1, 4)
    }
    longer, words = train(project, epochs=4)
    assert_same(longer, at_once[4])
    for text in words:
        assert "has epochs 0 to 2" in text
        assert "epoch 3 of 4" in text
        assert "epoch 2 of 4" not in text
    shorter, words = train(project, epochs=1)
    assert_same(shorter, at_once[1])
    assert not any("network epochs/s" in text for text in words)


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a CUDA device that is not there")
def test_a_job_that_fails_leaves_the_old_shard(project):
    before = [(project.folder / target).read_bytes() for target in TARGETS]
    project.configure(sweeps=ONE_CONDITION, epochs=3, device="cuda")
    done = project.snakemake("--cores", "2", "--keep-going", *TARGETS)
    assert done.returncode != 0
    assert "device: found no CUDA device on this machine" in done.stdout + done.stderr
    assert [(project.folder / target).read_bytes() for target in TARGETS] == before


def test_after_a_kill_of_snakemake_a_run_goes_on(mini, tmp_path):
    project, epochs = fresh(mini, tmp_path / "killed"), 300
    project.configure(sweeps=ONE_CONDITION, epochs=epochs)
    state = project.folder / f"results/mini/state/{CONDITION}/0-1.h5"
    log = project.folder / f"results/mini/logs/train/{CONDITION}/0-1.log"
    log.unlink()
    with project.started("--cores", "1", TARGETS[0]):
        until(lambda: log.exists() and "epoch 20 of 300" in log.read_text(), "epoch 20")
    # A job whose run has ended stops after its epoch and leaves its state.
    until(state.exists, "state")
    project.snakemake("--unlock")
    shards, words = train(project, TARGETS[:1], epochs=epochs)
    assert "has epochs 0 to" in words[0]
    assert "epoch 20 of 300" not in words[0]
    at_once, _ = train(fresh(mini, tmp_path / "whole"), TARGETS[:1], epochs=epochs)
    assert_same(shards, at_once)
