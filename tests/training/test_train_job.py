"""Training jobs: what they store, what they go on from, and that it makes no difference."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock
from support.project import CODE, DEFAULT

from weightlaws.errors import WeightLawsError
from weightlaws.planning.specs import training_spec
from weightlaws.storage.hdf5 import StorageError, create, opened
from weightlaws.storage.shards import read_shard
from weightlaws.study.conditions import Condition, Shard
from weightlaws.study.data_sets import DataSet
from weightlaws.study.study import parse_study
from weightlaws.training import train_job
from weightlaws.training.setup import choose_engine
from weightlaws.training.train_job import train_shard

CONDITION = Condition(DataSet(name="digits"), (10, 10), "gaussian", 0.01, members=5)
SCALED = replace(CONDITION, weight_decay=0.0, output_scale=4.0)


@pytest.fixture(scope="module")
def dataset(digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("dataset") / "digits.h5"
    with create(path, "dataset", asked(1)["dataset"]) as writer:
        for name, values in digits.items():
            writer.add(name, values[::9])
    return path


def asked(epochs, members=(0, 2), code="digest", condition=CONDITION, **changes):
    """The spec of a shard of a study with these changes."""
    settings = {"epochs": epochs, "rectangular_snapshots": [0, 2], "snapshots": "all"}
    statistics = {**DEFAULT["statistics"], "headline_epochs": []}
    study = parse_study({**DEFAULT, "statistics": statistics} | settings | changes)
    return training_spec(study, condition, CODE | {"train": code}, Shard(*members))


@pytest.fixture
def job(dataset, tmp_path):
    """Run a job in a folder of its own, and return its shard."""

    def run(spec, folder="job", **options):
        path = tmp_path / folder / "weights" / "shard.h5"
        settings = {"engine": "numba", "device": "cpu", "threads": 1, "keep_state": True}
        train_shard(path, spec, dataset, state_of(path), **settings | options)
        return read_shard(path, spec)

    return run


def state_of(path):
    return path.parents[1] / "state" / path.name


@pytest.fixture
def epochs_trained(monkeypatch):
    """Count the epochs that are trained from here on."""
    counted = []

    def counting(*keys):
        def make(*arguments):
            engine = choose_engine(*keys)(*arguments)
            train = engine.train_epoch
            engine.train_epoch = lambda: counted.append(1) or train()
            return engine

        return make

    monkeypatch.setattr(train_job, "choose_engine", counting)
    return counted


def assert_same(one, other):
    """Bitwise, but for what the specs say of epochs and snapshots."""
    for name in ("members", "loss", "accuracy", "dead_output", "finite"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert list(one.weights) == list(other.weights)
    for layer in one.weights:
        np.testing.assert_array_equal(one.epochs[layer], other.epochs[layer])
        np.testing.assert_array_equal(one.weights[layer], other.weights[layer])


def stop_after(epochs):
    """What says no when it is asked the given time."""
    asked = iter([True] * (epochs - 1))
    return lambda: next(asked, False)


def test_a_shard_holds_every_kept_snapshot(job):
    shard = job(asked(4, snapshots=[1]))
    kept = {"input-hidden1": [0, 2], "hidden1-hidden2": [0, 1, 4], "hidden2-output": [0, 1, 4]}
    assert {layer: epochs.tolist() for layer, epochs in shard.epochs.items()} == kept
    assert shard.loss.shape == (3, 4)
    assert shard.accuracy.shape == shard.finite.shape == shard.dead_output.shape == (3, 5)
    assert shard.finite.all()
    assert (shard.loss[:, 3] < shard.loss[:, 0]).all()
    whole = job(asked(4), "whole")
    for layer in kept:
        for place, epoch in enumerate(kept[layer]):
            at = whole.epochs[layer].tolist().index(epoch)
            np.testing.assert_array_equal(
                shard.weights[layer][:, place], whole.weights[layer][:, at]
            )


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("condition", [CONDITION, SCALED], ids=["plain", "scaled"])
def test_a_stopped_job_goes_on_to_bitwise_the_same(job, engine, condition, epochs_trained):
    spec = asked(5, condition=condition)
    expected = job(spec, "uninterrupted", engine=engine)
    epochs_trained.clear()
    with pytest.raises(WeightLawsError, match=r"a request to stop.*goes on from its state"):
        job(spec, engine=engine, go_on=stop_after(2))
    assert len(epochs_trained) == 2
    assert_same(job(spec, engine=engine), expected)
    assert len(epochs_trained) == 5


@pytest.mark.parametrize(
    ("optimiser", "activation"), [("adam", "relu"), ("sgd", "tanh"), ("adamw", "gelu")]
)
def test_biases_are_stored_and_go_on_with_the_state(
    job, tmp_path, epochs_trained, optimiser, activation
):
    recipe = {"optimiser": optimiser, "activation": activation, "biases": True}
    spec, short = ({**asked(epochs), **recipe} for epochs in (4, 2))
    whole = job(spec, "whole")
    job(short)
    epochs_trained.clear()
    assert_same(job(spec), whole)
    assert len(epochs_trained) == 2
    biases = []
    for folder in ("whole", "job"):
        with opened(tmp_path / folder / "weights" / "shard.h5", "weights") as reader:
            biases.append({
                layer: reader.read(f"biases/{layer}", np.float32, (*values.shape[:3],))
                for layer, values in whole.weights.items()
            })  # fmt: skip
    for layer, values in biases[0].items():
        np.testing.assert_array_equal(values, biases[1][layer])
        assert not values[:, 0].any()
        assert values[:, -1].any(axis=1).all()


def test_a_killed_job_goes_on_to_bitwise_the_same(job, dataset, tmp_path, epochs_trained):
    spec, path = asked(400), tmp_path / "job" / "weights" / "shard.h5"
    program = f"""
from pathlib import Path
from weightlaws.training.train_job import train_shard
train_shard(Path({str(path)!r}), {spec!r}, Path({str(dataset)!r}), Path({str(state_of(path))!r}),
            engine="numba", device="cpu", threads=1, keep_state=True, seconds_between_states=0)
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    end = time.monotonic() + 60
    while not state_of(path).exists():
        assert process.poll() is None, "the job ended before it left a state"
        assert time.monotonic() < end, "no state after a minute"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not path.exists()
    went_on = job(spec)
    assert 0 < len(epochs_trained) < 400
    assert_same(went_on, job(spec, "uninterrupted"))


@pytest.mark.parametrize("condition", [CONDITION, SCALED], ids=["plain", "scaled"])
def test_more_epochs_train_only_those(job, condition, epochs_trained):
    job(asked(3, condition=condition))
    epochs_trained.clear()
    longer = job(asked(5, condition=condition))
    assert len(epochs_trained) == 2
    assert_same(longer, job(asked(5, condition=condition), "at once"))


def test_fewer_epochs_are_cut_and_train_nothing(job, epochs_trained):
    job(asked(5))
    epochs_trained.clear()
    shorter = job(asked(3))
    assert job(asked(5)).loss.shape == (3, 5)  # from the state, which has them all still
    assert not epochs_trained
    assert_same(shorter, job(asked(3), "at once"))


def test_fewer_epochs_are_cut_from_the_shard_where_no_state_is_kept(job, epochs_trained, tmp_path):
    job(asked(5), keep_state=False)
    assert not list((tmp_path / "job" / "state").glob("*.h5"))
    epochs_trained.clear()
    job(asked(3), keep_state=False)
    assert not epochs_trained
    job(asked(4), keep_state=False)
    assert len(epochs_trained) == 4  # nothing to go on from


def test_a_removed_shard_is_written_again_from_the_state(job, epochs_trained, tmp_path):
    first = job(asked(2))
    (tmp_path / "job" / "weights" / "shard.h5").unlink()
    epochs_trained.clear()
    assert_same(job(asked(2)), first)
    assert not epochs_trained


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 0.002},
        {"seed": 1},
        {"batch_size": 50},
        {"code": "another digest"},
        {"members": (0, 1)},
        {"condition": SCALED},
        {"condition": replace(SCALED, output_scale=2.0)},
    ],
)
def test_any_other_change_starts_anew(job, changes, epochs_trained):
    job(asked(2))
    epochs_trained.clear()
    changed = job(asked(3, **changes))
    assert len(epochs_trained) == 3
    assert_same(changed, job(asked(3, **changes), "at once"))


def test_snapshots_that_were_not_kept_start_anew_and_fewer_do_not(job, epochs_trained):
    job(asked(4, snapshots=2))
    epochs_trained.clear()
    job(asked(4, snapshots=[]))
    assert not epochs_trained
    job(asked(4, snapshots=[3]))
    assert len(epochs_trained) == 4


def test_a_damaged_state_is_told_and_training_starts_anew(job, epochs_trained, tmp_path, caplog):
    job(asked(2))
    (tmp_path / "job" / "state" / "shard.h5").write_bytes(b"no HDF5")
    (tmp_path / "job" / "weights" / "shard.h5").unlink()
    epochs_trained.clear()
    with caplog.at_level(logging.WARNING):
        job(asked(2))
    assert len(epochs_trained) == 2
    assert "state/shard.h5: file: found what HDF5 cannot read" in caplog.text


@pytest.mark.parametrize("full", ["state", "shard"])
def test_a_full_disk_costs_nothing_but_the_epochs_since_the_last_state(
    job, dataset, tmp_path, small_disk, full
):
    expected = job(asked(4, snapshots=[]), "uninterrupted")
    places = {"state": tmp_path / "state.h5", "shard": tmp_path / "shard.h5"}
    places[full] = small_disk.path / f"{full}.h5"
    settings = {"engine": "numba", "device": "cpu", "threads": 1, "keep_state": True}

    def train(epochs):
        spec, state = asked(epochs, snapshots=[]), places["state"]
        train_shard(places["shard"], spec, dataset, state, **settings)
        return read_shard(places["shard"], spec)

    train(2)
    before = places[full].read_bytes()
    small_disk.leave(8192)
    with pytest.raises(WeightLawsError) as error:
        train(4)
    message = str(error.value)
    assert message.startswith(f"{places[full]}: file: found no space left on device, expected")
    assert "free space there, or put results elsewhere, and run snakemake again" in message
    assert places[full].read_bytes() == before
    read_shard(places["shard"], asked(2, snapshots=[]))
    assert not [*tmp_path.rglob("*.partial")]
    small_disk.free()
    assert_same(train(4), expected)


def test_a_read_only_disk_is_told_by_name(dataset, small_disk):
    small_disk.remount("ro")
    shard, state = (small_disk.path / f"{name}.h5" for name in ("shard", "state"))
    settings = {"engine": "numba", "device": "cpu", "threads": 1, "keep_state": True}
    with pytest.raises(WeightLawsError, match=r"state\.h5: file: found read-only file system"):
        train_shard(shard, asked(2), dataset, state, **settings)


def test_a_job_waits_for_another_that_trains_the_same_members(job, tmp_path, caplog):
    state = tmp_path / "job" / "state" / "shard.h5"
    state.parent.mkdir(parents=True)
    lock = FileLock(state.with_suffix(".lock"), thread_local=False)
    lock.acquire()
    with pytest.raises(WeightLawsError, match="has ended"):
        job(asked(1), go_on=lambda: False)
    assert "shard.lock: another job trains these members" in caplog.text
    assert not state.exists()
    threading.Timer(1.5, lock.release).start()
    start = time.monotonic()
    job(asked(1))
    assert time.monotonic() - start > 1


def test_members_are_the_same_in_shards_of_any_size(job):
    whole = job(asked(2, members=(0, 4)), "whole", threads=2)
    for members in ((0, 0), (1, 3), (4, 4)):
        part = job(asked(2, members=members), f"part{members[0]}")
        chosen = slice(members[0], members[1] + 1)
        np.testing.assert_array_equal(part.loss, whole.loss[chosen])
        for layer, weights in part.weights.items():
            np.testing.assert_array_equal(weights, whole.weights[layer][chosen])


def test_the_engine_is_recorded_and_so_is_another_that_goes_on(job, tmp_path, caplog):
    job(asked(2))
    job(asked(3), engine="torch")
    assert "epochs up to 2 were trained by {'engine': 'numba'" in caplog.text
    with opened(tmp_path / "job" / "weights" / "shard.h5", "weights") as reader:
        first, second = reader.provenance["trained_by"]
    assert (first["engine"], first["epochs"]) == ("numba", [1, 2])
    assert first["processor"]
    assert any("openblas" in name for name in first["blas"])
    assert (second["engine"], second["epochs"]) == ("torch", [3, 3])
    job(asked(2))
    with opened(tmp_path / "job" / "weights" / "shard.h5", "weights") as reader:
        assert [engine["epochs"] for engine in reader.provenance["trained_by"]] == [[1, 2]]


def test_a_shard_whose_members_all_diverge_is_refused(job):
    with pytest.raises(
        WeightLawsError,
        match=r"members 0 to 2 have all diverged.* after epoch .*lower learning_rate",
    ):
        job({**asked(4), "learning_rate": 1e30})


def test_another_data_set_is_refused(job):
    spec = asked(2)
    spec["dataset"] = {"dataset": "mnist", "code": "digest"}
    with pytest.raises(StorageError, match=r"spec\.dataset: found digits, expected mnist"):
        job(spec)
