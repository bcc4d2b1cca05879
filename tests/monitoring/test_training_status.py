"""What shards, states and logs tell of a training that is under way."""

import os
from contextlib import suppress

import pytest
from support import project
from support.project import CODE
from support.scripted_job import scripted_job

from weightlaws.jobs import job_log
from weightlaws.monitoring.training_status import TrainingJob, training_statuses
from weightlaws.planning.specs import training_spec
from weightlaws.storage.hdf5 import create
from weightlaws.study.conditions import Shard
from weightlaws.study.study import parse_study, study_to_yaml
from weightlaws.training.progress_line import Pace, progress_line
from weightlaws.training.record import begin
from weightlaws.training.training_spec import TrainingSpec

# Several shards of a condition.
DEFAULT = {**project.DEFAULT, "shard_size": 25}

SWEEP = {
    "dataset": "digits",
    "hidden": [[10, 10]],
    "initialisations": ["gaussian"],
    "weight_decays": [0],
}
STUDY = parse_study({**DEFAULT, "sweeps": [SWEEP], "members": 40})
(CONDITION,) = STUDY.trained.values()
FIRST = Shard(0, 24)
BEGAN, NOW = 1_000.0, 10_000.0


def at(path, written):
    os.utime(path, (written, written))


@pytest.fixture
def folder(tmp_path):
    """Of results, in which a run of the study has begun."""
    (tmp_path / "study.yaml").write_text(study_to_yaml(STUDY))
    at(tmp_path / "study.yaml", BEGAN)
    (tmp_path / "logs/train" / CONDITION.name).mkdir(parents=True)
    return tmp_path


def spec(epochs, **changes):
    study = parse_study({**DEFAULT, "sweeps": [SWEEP], "epochs": epochs, **changes})
    return training_spec(study, CONDITION, CODE, FIRST)


def store(folder, kind, epochs, **changes):
    path = folder / kind / CONDITION.name / "0-24.h5"
    with create(path, "state" if kind == "state" else "weights", spec(epochs, **changes)):
        pass
    return path


def line(epoch, rate=50.0):
    progress = begin(TrainingSpec.parse(spec(50)))
    progress.epoch = epoch
    progress.loss[:], progress.accuracy[:] = 1, 0.5
    return progress_line(progress, 1, 25 / rate)


def logged(folder, *messages, written=NOW, end=None):
    """Write a job's log as jobs do, of one that runs still, is done or has failed."""
    path = folder / "logs/train" / CONDITION.name / "0-24.log"
    with suppress(ArithmeticError), job_log(scripted_job(path)) as log:
        for message in messages:
            log.info("%s", message)
        if end == "failed":
            raise ArithmeticError("all have diverged")
    if end is None:
        path.write_text(path.read_text().removesuffix(path.read_text().splitlines()[-1] + "\n"))
        assert "done" not in path.read_text()
    at(path, written)


def first(folder):
    return training_statuses(folder, STUDY, NOW)[0]


def test_every_shard_is_listed_and_none_has_begun(folder):
    found = training_statuses(folder, STUDY, NOW)
    assert [(shard.shard.name, shard.members) for shard in found] == [("0-24", 25), ("25-39", 15)]
    assert all(
        shard.epoch == 0 and shard.job == TrainingJob() and not shard.stored for shard in found
    )
    assert [shard.epochs_left for shard in found] == [25 * 50, 15 * 50]


def test_a_shard_counts_whatever_code_trained_it(folder):
    store(folder, "weights", 50)
    shard = first(folder)
    assert (shard.stored, shard.epoch, shard.trained) == (True, 50, 25)


@pytest.mark.parametrize("kind", ["weights", "state"])
@pytest.mark.parametrize("changes", [{"learning_rate": 0.5}, {"seed": 3}])
def test_what_another_configuration_trained_does_not_count(folder, kind, changes):
    store(folder, kind, 50, **changes)
    assert (first(folder).stored, first(folder).epoch) == (False, 0)


@pytest.mark.parametrize("kind", ["weights", "state"])
def test_what_is_longer_is_trained_and_yet_to_be_cut(folder, kind):
    store(folder, kind, 80, snapshots="all")
    assert (first(folder).stored, first(folder).epoch) == (False, 50)


def test_a_shorter_shard_cannot_be_gone_on_from_but_its_state_can(folder):
    store(folder, "weights", 20)
    assert first(folder).epoch == 0
    store(folder, "state", 20)
    assert (first(folder).epoch, first(folder).trained) == (20, 10)


@pytest.mark.parametrize("kind", ["weights", "state"])
def test_a_damaged_file_counts_as_none(folder, kind):
    store(folder, kind, 50).write_bytes(b"no HDF5")
    assert (first(folder).stored, first(folder).epoch) == (False, 0)


def test_a_file_is_read_again_when_it_is_another(folder):
    path = store(folder, "state", 20)
    assert first(folder).epoch == 20
    written = path.stat().st_mtime
    at(store(folder, "state", 30), written + 1)
    assert first(folder).epoch == 30


def test_a_running_job_is_where_its_log_says(folder):
    store(folder, "state", 20)
    logged(folder, "spec: ...")
    assert (first(folder).epoch, first(folder).job) == (20, TrainingJob(running=True))
    logged(folder, "spec: ...", line(21), line(22, rate=40))
    assert (first(folder).epoch, first(folder).job) == (22, TrainingJob(True, Pace(22, 50, 40.0)))


def test_a_stopped_job_is_where_its_state_is(folder):
    store(folder, "state", 20)
    logged(folder, line(22), end="failed")
    assert first(folder).epoch == 20


def test_headers_and_logs_may_be_long(folder):
    header = "spec:\n" + "  epoch: 1\n" * 50_000
    logged(folder, header, *map(line, range(1, 48)))
    assert first(folder).epoch == 47
    logged(folder, *["spec: ..."] * 2_000, line(3), "m" * 10_000)
    assert first(folder).epoch == 3


@pytest.mark.parametrize(
    ("messages", "silence", "running"),
    [
        ([line(3)], 290, True),
        ([line(3)], 310, False),
        # 25 networks at 0.05 network epochs/s: 500 s an epoch.
        ([line(3, rate=0.05)], 1_490, True),
        ([line(3, rate=0.05)], 1_510, False),
        # Nothing is known yet of how long an epoch takes.
        (["spec: ..."], 1_790, True),
        (["spec: ..."], 1_810, False),
    ],
)
def test_a_job_that_is_silent_for_long_does_not_run(folder, messages, silence, running):
    logged(folder, *messages, written=NOW - silence)
    job = first(folder).job
    assert job.running == running
    assert job.trouble.startswith("silent for ") != running
    assert (job.pace is None) == (not running or messages == ["spec: ..."])


def test_a_failed_job_is_told_by_its_last_line(folder):
    logged(folder, line(3), end="failed", written=BEGAN + 1)
    assert first(folder).job == TrainingJob(trouble="failed: ArithmeticError: all have diverged")


def test_a_job_that_is_done_does_not_run(folder):
    logged(folder, line(50), end="done")
    assert first(folder).job == TrainingJob()


@pytest.mark.parametrize("end", [None, "failed"])
def test_logs_of_an_earlier_run_say_nothing_of_this_one(folder, end):
    logged(folder, line(3), end=end, written=BEGAN - 1)
    assert first(folder).job == TrainingJob()


def test_a_folder_without_a_record_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"study\.yaml"):
        training_statuses(tmp_path, STUDY, NOW)
