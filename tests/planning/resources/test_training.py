"""What a training job says it needs, against the peak of real jobs in processes of their own."""

import json
import subprocess
import sys

import pytest
from support.project import DEFAULT

from weightlaws.planning.resources import training as training_requests
from weightlaws.planning.resources.request import SAFETY
from weightlaws.planning.resources.training import seconds_per_network_epoch, training
from weightlaws.planning.specs import training_spec
from weightlaws.storage.hdf5 import create
from weightlaws.study.conditions import Shard
from weightlaws.study.study import parse_study
from weightlaws.training import torch_engine

CODE = dict.fromkeys(("dataset", "train"), "digest")
PROGRAM = """
import json, sys
from pathlib import Path
from weightlaws.training.train_job import train_shard
given = json.load(sys.stdin)
path, dataset, state = map(Path, given["files"])
train_shard(path, given["spec"], dataset, state, **given["keys"], device="cpu", keep_state=True,
            seconds_between_states=0)
# Not getrusage, which counts the process that started this one too.
(peak,) = [line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")]
print(peak.split()[1])
"""


def study(hidden, output_scale=None, **changes):
    sweep = {
        "dataset": "digits",
        "hidden": [hidden],
        "initialisations": ["gaussian"],
        "weight_decays": [0],
        "output_scales": [output_scale],
    }
    statistics = {**DEFAULT["statistics"], "headline_epochs": []}
    return parse_study({**DEFAULT, "sweeps": [sweep], "statistics": statistics, **changes})


def mnist_sweep(hidden):
    return {
        "dataset": "mnist",
        "hidden": [hidden],
        "initialisations": ["gaussian"],
        "weight_decays": [0],
    }


@pytest.fixture(scope="module")
def dataset(digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("dataset") / "digits.h5"
    with create(path, "dataset", {"dataset": "digits", "code": "digest"}) as writer:
        for name, values in digits.items():
            writer.add(name, values)
    return path


@pytest.mark.parametrize(
    ("hidden", "members", "threads", "changes"),
    [
        pytest.param([10, 10, 10], 5, 1, {}, id="small"),
        pytest.param([10, 10, 10], 200, 2, {}, id="many members"),
        pytest.param([160, 160], 40, 2, {}, id="wide"),
        pytest.param([160, 160], 40, 1, {"snapshots": "all", "epochs": 6}, id="many snapshots"),
        pytest.param([640, 640], 6, 2, {}, id="widest"),
        pytest.param([10, 10, 10], 400, 2, {"output_scale": 4}, id="scaled, many members"),
        pytest.param(
            [10, 10, 10], 400, 1, {"output_scale": 4, "engine": "torch"}, id="scaled, torch"
        ),
        pytest.param([10, 10, 10], 100, 1, {"engine": "torch"}, id="torch, many members"),
        pytest.param([640, 640], 6, 1, {"engine": "torch"}, id="torch, widest"),
    ],
)
def test_a_job_stays_within_its_memory_and_does_not_ask_for_twice_as_much(
    dataset, tmp_path, hidden, members, threads, changes, monkeypatch
):
    # The first job after an installation or an edit compiles too.
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    configured = study(hidden, **{"epochs": 2, "engine": "numba"} | changes)
    ((_, condition),) = configured.conditions.items()
    shard = Shard(0, members - 1)
    given = {
        "spec": training_spec(configured, condition, CODE, shard),
        "files": [str(tmp_path / "shard.h5"), str(dataset), str(tmp_path / "state.h5")],
        "keys": {"engine": configured.engine, "threads": threads},
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout) * 1024 / 1e6
    assert peak <= training(configured, condition, shard, threads).megabytes < 2 * peak


def test_a_chunk_is_what_the_torch_engine_takes_it_to_be():
    assert training_requests._CHUNK == torch_engine._CPU_MEMORY


def test_cuda_asks_for_its_libraries():
    cpu, cuda = (study([10, 10], device=device) for device in ("auto", "cuda"))
    ((_, condition),) = cpu.conditions.items()
    ask = [training(each, condition, Shard(0, 9), 1).megabytes for each in (cpu, cuda)]
    assert ask[1] > ask[0] + 3000


def test_a_scaled_job_holds_its_members_logits_at_the_start():
    plain, scaled = (study([10, 10], output_scale=scale) for scale in (None, 4))
    asked = []
    for each in (plain, scaled):
        ((_, condition),) = each.conditions.items()
        asked.append(training(each, condition, Shard(0, 999), 1).megabytes)
    held = 4 * 1000 * (784 * 10 + 10 * 10 + 10 * 10 + 5000 * 10)
    assert asked[1] - asked[0] == pytest.approx(1.1 * held / 1e6, abs=1)


def test_memory_grows_with_members_snapshots_and_threads():
    few = study([160, 160], snapshots=[0, 50])
    every = study([160, 160], snapshots="all")
    ((_, condition),) = few.conditions.items()
    base = training(few, condition, Shard(0, 9), 1).megabytes
    entries = 784 * 160 + 160 * 160 + 160 * 10
    assert training(few, condition, Shard(0, 19), 1).megabytes > base + 10 * 6 * 4 * entries / 1e6
    assert training(every, condition, Shard(0, 9), 1).megabytes > base + 10 * 49 * 102400 / 1e6
    assert training(few, condition, Shard(0, 9), 4).megabytes > base


def one(hidden, **changes):
    configured = study(hidden, **changes)
    ((_, condition),) = configured.conditions.items()
    return configured, condition


def test_time_is_that_of_the_steps_and_the_threads():
    small, condition = one([10, 10], epochs=10)
    longer, _ = one([10, 10], epochs=30)
    base = training(small, condition, Shard(0, 9), 1).seconds
    assert training(longer, condition, Shard(0, 9), 1).seconds == pytest.approx(3 * base)
    assert training(small, condition, Shard(10, 39), 1).seconds == pytest.approx(3 * base)
    assert training(small, condition, Shard(0, 9), 5).seconds == pytest.approx(base / 5)
    # Of ten networks three threads train at most four.
    assert training(small, condition, Shard(0, 9), 3).seconds == pytest.approx(0.4 * base)
    assert training(small, condition, Shard(0, 9), 99).seconds == pytest.approx(base / 10)
    assert base == pytest.approx(10 * 10 * seconds_per_network_epoch(small, condition))
    wider, other = one([40, 40], epochs=10)
    assert base < training(wider, other, Shard(0, 9), 1).seconds < 16 * base


def test_torch_asks_for_more_time_and_cuda_for_that_of_one_core():
    (cpu, condition), (torch, _), (cuda, _) = (
        one([10, 10], **keys) for keys in ({}, {"engine": "torch"}, {"device": "cuda"})
    )
    base = training(cpu, condition, Shard(0, 9), 1).seconds
    assert training(torch, condition, Shard(0, 9), 1).seconds == pytest.approx(4 * base)
    assert training(cuda, condition, Shard(0, 9), 8).seconds == pytest.approx(base)


@pytest.mark.parametrize(
    ("width", "step"), [(10, 61e-6), (40, 189e-6), (160, 744e-6), (640, 5.1e-3)]
)
def test_time_agrees_with_measured_steps_within_the_safety_factor(width, step):
    """Seconds of a step on one core, 784-n-n-10 on the whole of MNIST."""
    configured, condition = one([width, width], sweeps=[mnist_sweep([width, width])])
    measured = 600 * step
    expected = seconds_per_network_epoch(configured, condition)
    assert 1 / SAFETY < measured / expected < SAFETY
