"""The mini study on a real SLURM, with jobs that are cancelled, and that reach their time limit."""

import os
import re
import signal
import subprocess
from types import SimpleNamespace

import pytest
from support import slurm_cluster
from support.mini_study import FEWER_LAWS, MINI, assert_same_results, sources, until
from support.slurm_cluster import jobs

pytestmark = pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=slurm_cluster.why_not())

CONDITION, SHARDS = "digits-10x10x10-gaussian-decay0", {"0-1", "2-3", "4-4"}
# Long enough for jobs to be hit while they train.
STUDY = {
    **FEWER_LAWS,
    "epochs": 1200,
    "snapshots": [0, 1, 10, 50, 1200],
    "rectangular_snapshots": [0, 1],
    "sweeps": [{**MINI["sweeps"][0], "weight_decays": [0]}],
}
# Status checks more often than a cluster would like, no accounting, one core a job, and the least
# time limit there is.
SITE = [
    "--profile=profiles/slurm",
    "--slurm-no-account",
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=3",
    "--set-threads=train=1",
    "--set-resources=train:runtime=1",
]


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    """The project after a run on this machine, which nothing disturbed."""
    project = sources(tmp_path_factory.mktemp("local") / "project")
    project.configure(**STUDY)
    project.run()
    return project


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    """The project after submissions to SLURM that were hit by faults, and what was seen of them."""
    folder = tmp_path_factory.mktemp("slurm")
    project = sources(folder / "project")
    project.configure(**STUDY)
    (folder / "cluster").mkdir()
    with slurm_cluster.cluster(folder / "cluster"):
        with project.started(*SITE) as run:
            # One job is cancelled.
            cancelled, one = training(run, project, SHARDS)
            subprocess.run(["scancel", str(cancelled)], check=True)
            # One hangs, as on a broken node, until it has reached its time limit.
            hung, other = training(run, project, SHARDS - {one})
            os.kill(int(re.search(r"process: (\d+)", log(project, other))[1]), signal.SIGSTOP)
            until(lambda: jobs()[hung][0] == "TIMEOUT", "job that reached its time limit", 180)
            # Once it trains again the whole submission is cancelled.
            again, _ = training(run, project, {other}, not_job=hung)
            run.send_signal(signal.SIGINT)
            exits = [run.wait(120)]
        said, logs = [project.said()], [log(project, one), log(project, other)]
        states = [jobs()[job][0] for job in (cancelled, hung, again)]
        with project.started(*SITE) as run:
            exits.append(run.wait(900))
        said.append(project.said())
        logs.append(log(project, other))
        what = [comment for _, comment in jobs().values()]
        yield SimpleNamespace(
            project=project, exits=exits, said=said, logs=logs, states=states, jobs=what
        )


def log(project, shard):
    path = project.folder / f"results/mini/logs/train/{CONDITION}/{shard}.log"
    return path.read_text() if path.exists() else ""


def training(run, project, shards, not_job=None):
    """Wait until one of these shards has trained some epochs; return its SLURM job, and which."""

    def found():
        assert run.poll() is None, project.said()
        for job, (state, what) in jobs().items():
            shard = what.rpartition("_")[2]
            if state == "RUNNING" and shard in shards and job != not_job:
                text = log(project, shard)
                if f"slurm_job: '{job}'" in text and text.count("network epochs/s") > 20:
                    return job, shard
        return None

    return until(found, f"job that trains one of {shards}", 120)


def test_faults_are_what_they_are_meant_to_be(faults):
    assert faults.states == ["CANCELLED", "TIMEOUT", "CANCELLED"]
    assert faults.exits[0] != 0
    for words in ("SLURM status is: 'CANCELLED'", "SLURM status is: 'TIMEOUT'"):
        assert words in faults.said[0]


def test_jobs_are_submitted_again_and_go_on_from_their_states(faults):
    for text in faults.logs:
        epoch = int(re.search(r"has epochs 0 to (\d+)", text)[1])
        assert 20 <= epoch < STUDY["epochs"]
        assert f" epoch {epoch} of" not in text
        assert f" epoch {epoch + 1} of" in text


def test_small_stages_run_in_few_jobs_or_none(faults):
    submitted = [re.match("rule_([a-z_]+?)(_wildcards_.*)?$", what)[1] for what in faults.jobs]
    assert {*submitted} == {
        "train",
        "shards_invariants_spectra_shard",
        "shapes_null",
        *("model", "significance", "omnibus", "comparison", "symmetry", "spectra"),
        *("entries", "eigenvalues"),
    }
    assert submitted.count("shapes_null") <= 2
    assert submitted.count("shards_invariants_spectra_shard") <= 2


def test_the_end_is_as_if_nothing_had_happened(faults, at_once):
    assert faults.exits[1] == 0, faults.said[1]
    assert faults.project.planned() == {}
    assert_same_results(faults.project, at_once)
