"""What runs say in the terminal, from records as Snakemake makes them."""

import logging

import pytest
from snakemake.logging import DefaultFilter, DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import MockOutputSettings

from snakemake_logger_plugin_weightlaws import LogHandler
from snakemake_logger_plugin_weightlaws.reasons import changes, in_words
from snakemake_logger_plugin_weightlaws.run import Job, Run

SPEC = {
    "dataset": {"dataset": "digits", "code": "4c58"},
    "initialisation": {"law": "gaussian", "code": "7fb0"},
    "epochs": 3,
    "snapshots": {"hidden1-hidden2": [0, 1, 2, 3]},
    "code": "08a5",
}


def changed(**values):
    text = "Params have changed since last execution: Union of exclusive params before and now "
    return f"{text}across all output: before: {SPEC} now: { ({**SPEC, **values}) } "


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 4}, "epochs: 3 -> 4"),
        ({"epochs": 4, "snapshots": {"hidden1-hidden2": [0, 4]}}, "epochs: 3 -> 4, snapshots"),
        (
            {"snapshots": {"hidden1-hidden2": [0, 4]}},
            "snapshots.hidden1-hidden2: [0, 1, 2, 3] -> [0, 4]",
        ),
        ({"code": "1234"}, "code"),
        ({"dataset": {"dataset": "digits", "code": "1234"}}, "code of dataset"),
        ({"dataset": {"dataset": "mnist", "code": "4c58"}}, "dataset.dataset: digits -> mnist"),
        ({"biases": True}, "biases: nothing -> True"),
        (
            {"epochs": "x" * 50},
            f"epochs: 3 -> {'x' * 37}...",
        ),
    ],
)
def test_the_key_that_changed_is_said(values, words):
    assert in_words(changed(**values), {}) == words


@pytest.mark.parametrize(
    "text", ["", "before: {1 now: {2}", "before: 3 now: 4", "before: f() now: 1"]
)
def test_parameters_that_cannot_be_read_have_changed(text):
    assert changes(text) == "its parameters changed"


MAKERS = {"a.h5": "train", "b.csv": "members"}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Missing output files: x.csv, y.csv", "not there yet"),
        ("Input files updated by another job: b.csv, a.h5", "after members, train"),
        ("Input files updated by another job: z.csv", "after others"),
        (
            "Missing output files: x.csv; Input files updated by another job: a.h5",
            "not there yet",
        ),
        ("Updated input files: net1.pt, net2.pt, net3.pt", "changed: net1.pt, net2.pt and 1 more"),
        ("Forced execution", "forced"),
        ("Set of input files has changed since last execution", "other input files"),
        ("Something that is new", "Something that is new"),
    ],
)
def test_reasons_are_words(reason, words):
    assert in_words(reason, MAKERS) == words


def job(number, rule, subject="", reason="Missing output files: x", output=()):
    return Job(number, rule, subject, reason, output)


def test_time_left_is_work_that_is_left_over_jobs_at_a_time():
    run = Run(stats={"train": 4, "model": 2, "all": 1, "total": 7}, cores=2)
    run.expected = {"train": 50.0, "model": 10.0}
    # 4 x 50 s and 2 x 10 s, two at a time.
    assert run.outlook() == "About 1 min 50 s with 2 at a time"
    for number in (1, 2):
        assert number > 1 or "train starts, 4 jobs: not there yet" in run.start(
            job(number, "train", "x 0-1"), 1000.0
        )
    assert run.start(job(2, "train", "x 2-3"), 1000.0) == ""
    # They take 100 s each, so two more are 200 s, and two models 20 s: by two at a time.
    line = run.finish(1, 1100.0)
    assert line.endswith("1 of 6  train x 0-1: 1 min 40 s, about 1 min 50 s left")
    line = run.finish(2, 1100.0)
    assert line.endswith("2 of 6  train x 2-3: 1 min 40 s, about 1 min 50 s left")


def test_the_last_job_leaves_no_time():
    run = Run(stats={"model": 1, "all": 1, "total": 2})
    run.start(job(1, "model", "x"), 0.0)
    assert run.finish(1, 3.0).endswith("1 of 1  model x: 3 s")
    assert run.start(job(0, "all"), 3.0) == run.finish(0, 3.0) == ""


@pytest.fixture
def handler(capsys):
    """A handler as Snakemake sets it up, and what it has written."""

    def make(**settings):
        common = MockOutputSettings()
        common.quiet, common.printshellcmds = set(), False
        for name, value in settings.items():
            setattr(common, name, value)
        made = LogHandler(common, None)
        made.addFilter(
            DefaultFilter(common.quiet, False, common.verbose, common.dryrun, common.printshellcmds)
        )
        made.setFormatter(DefaultFormatter(common.quiet, common.show_failed_logs))

        def say(text, level=logging.INFO, **values):
            record = logging.makeLogRecord({"msg": text, "levelno": level, **values})
            if made.filter(record):
                made.emit(record)

        return say, lambda: "".join(capsys.readouterr())

    return make


STATS = {"train": 1, "model": 1, "all": 1, "total": 3}
INFO = {
    "event": LogEvent.JOB_INFO,
    "rule_msg": None,
    "indent": False,
    **{"local": False, "is_checkpoint": False, "input": [], "log": [], "benchmark": None},
    **{"priority": 0, "threads": 1, "resources": {}},
}
TRAIN = {
    **INFO,
    **{"jobid": 1, "rule_name": "train", "output": ["w.h5 (update)"]},
    **{"wildcards": {"condition": "x", "shard": "0-1"}, "reason": changed(epochs=4)},
}
MODEL = {
    **INFO,
    **{"jobid": 2, "rule_name": "model", "output": ["m.h5"], "wildcards": {"condition": "x"}},
    "reason": "Input files updated by another job: w.h5",
}


def tell(say):
    say("Building DAG of jobs...")
    say("Job stats:\n...", event=LogEvent.RUN_INFO, stats=STATS)
    say("Disk space of results/mini")
    say(" Rule: train", **TRAIN, created=0.0)
    say("Finished jobid: 1", event=LogEvent.JOB_FINISHED, job_id=1, created=5.0)
    say("", event=LogEvent.PROGRESS, done=1, total=3)
    say(" Rule: model", **MODEL, created=5.0)
    say("Finished jobid: 2", event=LogEvent.JOB_FINISHED, job_id=2, created=6.0)


def test_a_run_is_a_line_a_job(handler):
    say, said = handler()
    tell(say)
    lines = said().splitlines()
    assert lines[:2] == ["2 jobs: 1 train, 1 model", "Disk space of results/mini"]
    words = [line.partition("  ")[2] for line in lines[2:]]
    assert words == [
        "train starts, 1 job: epochs: 3 -> 4",
        "1 of 2  train x 0-1: 5 s, about 5 s left",
        "model starts, 1 job: after train",
        "2 of 2  model x: 1 s",
    ]


def test_a_dry_run_is_a_table(handler):
    say, said = handler(dryrun=True, stdout=True)
    tables = [{"event": LogEvent.RUN_INFO, "stats": STATS}] * 2
    say("Job stats:\n...", **tables[0])
    say(" Rule: train", **TRAIN)
    say(" Rule: model", **MODEL)
    say("Job stats:\n...", **tables[1])
    say("Reasons:\n    (check individual jobs above for details)")
    assert said().splitlines() == [
        " jobs  rule   why",
        "    1  train  epochs: 3 -> 4",
        "    1  model  after train",
        "    2  together; nothing has run, as this is a dry run",
    ]


def test_errors_are_whole_and_have_the_logs_of_jobs(handler, tmp_path):
    (tmp_path / "train.log").write_text("Traceback\nWeightLawsError: no space\n")
    say, said = handler()
    error = {
        **{"event": LogEvent.JOB_ERROR, "rule_name": "train", "rule_msg": None, "jobid": 1},
        **{"input": [], "output": ["w.h5"], "log": [str(tmp_path / "train.log")], "indent": False},
        **{"conda_env": None, "shellcmd": None, "aux": {}},
    }
    say("Error in rule train", logging.ERROR, **error)
    say("a warning\nof two lines", logging.WARNING)
    text = said()
    assert "Error in rule train:\n" in text
    assert "WeightLawsError: no space\n" in text
    assert "a warning\nof two lines\n" in text


def test_quiet_is_obeyed(handler):
    say, said = handler(quiet={Quietness.RULES, Quietness.PROGRESS})
    tell(say)
    assert said() == "Disk space of results/mini\n"
    say, said = handler(quiet={Quietness.RULES})
    tell(say)
    assert said().splitlines()[-1] == "1 of 3 steps (33%) done"
    say, said = handler(quiet={Quietness.ALL})
    tell(say)
    assert said() == ""


def test_verbose_is_what_snakemake_says(handler):
    say, said = handler(verbose=True)
    tell(say)
    text = said()
    assert "Building DAG of jobs...\n" in text
    assert "rule train:\n    output: w.h5 (update)\n" in text
    assert f"before: {SPEC}" in text
