"""The page by which a run is followed."""

import re

import pytest
from support import project

from weightlaws.errors import WeightLawsError
from weightlaws.monitoring import progress_page
from weightlaws.monitoring.expected_files import expected_files
from weightlaws.monitoring.progress_page import follow, page, seconds_left
from weightlaws.monitoring.training_status import TrainingJob, TrainingStatus
from weightlaws.study.conditions import Condition, Shard
from weightlaws.study.data_sets import DataSet
from weightlaws.study.study import parse_study, study_to_yaml
from weightlaws.training.progress_line import Pace

# Several shards of a condition.
DEFAULT = {**project.DEFAULT, "shard_size": 25}

NARROW = Condition(DataSet(name="digits"), (10, 10), "gaussian", 0.0, members=100)
WIDE = Condition(DataSet(name="digits"), (640, 640), "gaussian", 0.0, members=100)


def cost(condition):
    return 30.0 if condition.hidden[0] == 640 else 1.0


def status(condition, epoch, *, rate=None, running=True, members=25, trouble="", first=0):
    pace = None if rate is None else Pace(epoch, 50, rate)
    shard = Shard(first, first + members - 1)
    return TrainingStatus(condition, shard, 50, epoch, job=TrainingJob(running, pace, trouble))


def idle(condition, epoch, **others):
    return status(condition, epoch, running=False, **others)


def test_the_time_left_is_that_of_the_work_at_the_pace_of_the_running_jobs():
    # 25 x 50 network epochs of 1 s and of 30 s; the job does 20 of 1 s a second.
    shards = [status(NARROW, 0, rate=20.0), idle(WIDE, 0)]
    assert seconds_left(shards, cost) == pytest.approx((1250 + 30 * 1250) / 20)
    # Another that does 1 of 30 s a second is as fast as 30 of those.
    shards = [status(NARROW, 25, rate=20.0), status(WIDE, 40, rate=1.0), idle(WIDE, 0)]
    assert seconds_left(shards, cost) == pytest.approx((625 + 30 * (250 + 1250)) / (20 + 30))


def test_the_unit_of_cost_does_not_matter():
    shards = [status(NARROW, 5, rate=20.0), status(WIDE, 40, rate=1.0), idle(WIDE, 0)]
    thousandfold = seconds_left(shards, lambda condition: 1000 * cost(condition))
    assert thousandfold == pytest.approx(seconds_left(shards, cost))


def test_the_last_job_must_come_to_its_end_too():
    shards = [status(NARROW, 49, rate=25.0), status(WIDE, 0, rate=1.0)]
    assert seconds_left(shards, cost) == 1250


def test_a_job_that_has_just_begun_is_as_fast_as_the_others():
    shards = [status(NARROW, 0, rate=20.0), status(NARROW, 0), idle(NARROW, 0), idle(NARROW, 0)]
    assert seconds_left(shards, cost) == pytest.approx(4 * 1250 / 40)


@pytest.mark.parametrize("shards", [[], [idle(NARROW, 5)], [status(NARROW, 0)]])
def test_without_a_pace_there_is_no_time(shards):
    assert seconds_left(shards, cost) is None


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Make the results of a study whose shards stand as given."""

    def make(shards, **changes):
        study = parse_study({**DEFAULT, **changes})
        (tmp_path / "study.yaml").write_text(study_to_yaml(study))
        monkeypatch.setattr(progress_page, "training_statuses", lambda *_: shards)
        return tmp_path, study

    return make


def lines_of(results, shards, **changes):
    text, whole = page(*results(shards, **changes), 1e9, cost)
    assert not whole
    return text.splitlines()


def test_the_headline_counts_networks(results):
    shards = [
        status(NARROW, 10, rate=20.0, first=0),
        idle(NARROW, 50, first=25),
        idle(NARROW, 0, first=50),
        idle(NARROW, 1, members=13, first=75),
    ]
    lines = lines_of(results, shards)
    assert lines[1] == "30.2 of 88 networks trained (34 %)"
    # 1000 + 1250 + 637 network epochs
    assert lines[2] == "20.0 network epochs/s, about 2 min 24 s of training left"


def test_what_is_not_whole_does_not_look_it(results):
    shards = [idle(NARROW, 50, members=9_999), idle(NARROW, 49, members=1)]
    assert lines_of(results, shards)[1] == "9,999.9 of 10,000 networks trained (99 %)"


@pytest.mark.parametrize(
    ("shards", "text"),
    [
        ([idle(NARROW, 10)], "no training job is running"),
        ([status(NARROW, 0)], "no running job has trained an epoch yet"),
        ([idle(NARROW, 50)], ""),
    ],
)
def test_without_a_pace_the_page_says_why(results, shards, text):
    lines = lines_of(results, shards)
    assert lines[2] == text
    assert not any("left" in line for line in lines)


def test_a_study_of_others_networks_alone_has_a_page_too(results):
    lines = lines_of(results, [], sweeps=[], checkpoints=["torchvision:vgg16"])
    assert lines[1] == "no network is trained here"
    assert [line.split() for line in lines[-4:]] == [
        ["weights", "0", "of", "1"],
        ["tables", "0", "of", "4"],
        ["spectra", "0", "of", "2"],
        ["figures", "0", "of", "1"],
    ]


def test_conditions_at_work_come_first(results):
    names = [f"digits-10x10x10-{law}-decay0" for law in ("gaussian", "uniform")]
    study = parse_study(DEFAULT)
    gaussian, uniform = (study.trained[name] for name in names)
    shards = [idle(gaussian, 10), status(uniform, 10, rate=20.0)]
    lines = lines_of(results, shards)
    header = ["condition", "networks trained", "jobs", "network epochs/s", "files done"]
    assert re.split("  +", lines[4]) == header
    assert lines[5].split() == f"{names[1]} 5 of 25 1 20.0 0 of 30".split()
    assert lines[6].split() == f"{names[0]} 5 of 25 0 of 30".split()
    stages = [line.split()[0] for line in lines[lines.index("folder        files done") :]]
    assert stages == ["folder", *expected_files(study)]


def test_failed_jobs_are_listed_with_their_logs(results):
    shards = [idle(NARROW, 0, trouble=f"failed: error {k}", first=k, members=1) for k in range(5)]
    folder = results(shards)[0]
    lines = lines_of(results, shards)[-7:]
    assert lines[0] == f"{folder}/logs/train/{NARROW.name}/0-0.log"
    assert lines[1] == "  failed: error 0"
    assert lines[-1] == "and 2 more"


def test_a_page_fits_a_terminal_however_large_the_study(results):
    sweep = {
        "dataset": "fashion-mnist",
        "hidden": [[640] * depth for depth in range(2, 12)],
        "initialisations": ["gaussian", "uniform"],
        "weight_decays": [0],
        "output_scales": [1e-5, 0.0078125, 1, 4],
        "members": 100_000,
        "analyses": ["spectra"],
    }
    study = parse_study({**DEFAULT, "shard_size": 1000, "sweeps": [sweep]})
    shards = [
        status(condition, 7, rate=12345.6, first=shard.first, members=1000, trouble="e" * 500)
        for condition in study.trained.values()
        for shard in study.shards(condition)
    ]
    lines = lines_of(results, shards, shard_size=1000, sweeps=[sweep])
    assert len(lines) <= 40
    assert max(len(line) for line in lines if not line.startswith("/")) <= 99
    assert "66 more" in "\n".join(lines)


@pytest.fixture
def finished(results):
    """A folder in which all files stand, and none is looked into."""
    study = parse_study(DEFAULT)
    shards = [
        TrainingStatus(condition, shard, 50, 50, stored=True)
        for condition in study.trained.values()
        for shard in study.shards(condition)
    ]
    folder, _ = results(shards)
    for files in expected_files(study).values():
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).touch()
    return folder


def test_what_is_done_is_summed_up(finished):
    text, whole = page(finished, parse_study(DEFAULT), 1e9, cost)
    assert whole
    assert "630 of 630 networks trained (100 %)\n\n" in text
    assert "11 with everything done" in text
    assert "digits-" not in text


def test_a_stage_counts_the_files_that_are_missing(finished):
    (finished / "findings.csv").unlink()
    (finished / "models/digits-10x10-gaussian-decay0.csv").unlink()
    text, whole = page(finished, parse_study(DEFAULT), 1e9, cost)
    assert not whole
    lines = [line.split() for line in text.splitlines()]
    assert ["tables", "6", "of", "7"] in lines
    assert ["models", "5", "of", "6"] in lines
    # Of a condition's own files one is missing; tables are nobody's.
    assert [line[-3:] for line in lines if line[:1] == ["digits-10x10-gaussian-decay0"]] == [
        ["29", "of", "30"]
    ]


def test_watching_ends_when_all_is_done(finished, monkeypatch, capsys):
    (finished / "findings.csv").unlink()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        (finished / "findings.csv").touch()

    monkeypatch.setattr(progress_page.time, "sleep", pause)
    follow(finished, 30.0)
    assert pauses == [30]
    shown = capsys.readouterr().out
    assert shown.index("tables            6 of 7") < shown.index("tables            7 of 7")


def test_once_is_enough_unless_asked_for_more(finished, monkeypatch, capsys):
    (finished / "findings.csv").unlink()
    monkeypatch.setattr(progress_page.time, "sleep", pytest.fail)
    follow(finished)
    assert "6 of 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "found no such file, expected the record of a study"),
        ("name: x", "seed: found nothing"),
    ],
)
def test_a_folder_without_a_study_is_refused(tmp_path, record, message):
    if record:
        (tmp_path / "study.yaml").write_text(record)
    with pytest.raises(WeightLawsError, match=rf"{tmp_path}/study\.yaml(.|\n)*{message}"):
        follow(tmp_path)
