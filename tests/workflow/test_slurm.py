"""The mini study on a real SLURM, with jobs that are cancelled, and that reach their time limit."""

import os
import re
import signal
import subprocess
import sys

import h5py
import pytest
import slurm_cluster
from mini_study import MINI, sources
from slurm_cluster import jobs, until

pytestmark = pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=slurm_cluster.why_not())

CONDITION = "digits-10x10x10-gaussian-decay0"
# Long enough for jobs to be hit while they train.
STUDY = {
    "epochs": 1200,
    "snapshots": [0, 1, 1200],
    "rectangular_snapshots": [0, 1],
    "sweeps": [{**MINI["sweeps"][0], "weight_decays": [0]}],
}
# Status checks more often than a cluster would like, no accounting, one core a job, and the least
# time limit there is.
ARGUMENTS = [
    "--configfile=mini.yaml",
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
        first = submit(project, folder / "first.out")
        # One job is cancelled.
        cancelled = training(project, "0-1")
        subprocess.run(["scancel", str(cancelled)], check=True)
        # One hangs, as on a broken node, until it has reached its time limit.
        hung = training(project, "2-3")
        os.kill(int(re.search(r"process: (\d+)", log(project, "2-3"))[1]), signal.SIGSTOP)
        until(lambda: jobs()[hung][0] == "TIMEOUT", "job that reached its time limit", 180)
        # Once it trains again the whole submission is cancelled.
        again = training(project, "2-3", not_job=hung)
        first.send_signal(signal.SIGINT)
        first.wait(60)
        logs = {shard: log(project, shard) for shard in ("0-1", "2-3")}
        states = {job: jobs()[job][0] for job in (cancelled, hung, again)}
        second = submit(project, folder / "second.out")
        second.wait(300)
        yield {
            "project": project,
            "states": list(states.values()),
            "logs": logs,
            "last log": log(project, "2-3"),
            "outputs": [(folder / name).read_text() for name in ("first.out", "second.out")],
            "exits": [first.returncode, second.returncode],
            "jobs": [what for _, what in jobs().values()],
        }


def submit(project, out):
    with out.open("w") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *ARGUMENTS],
            cwd=project.folder,
            env={**os.environ, "PYTHONPATH": str(project.folder / "src")},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )


def log(project, shard):
    path = project.folder / f"results/mini/logs/train/{CONDITION}/{shard}.log"
    return path.read_text() if path.exists() else ""


def training(project, shard, not_job=None):
    """Wait until a shard has trained some epochs in a SLURM job; return its number."""

    def found():
        running = [
            job
            for job, (state, what) in jobs().items()
            if state == "RUNNING" and what.endswith(f"{CONDITION}_{shard}") and job != not_job
        ]
        if not running:
            return None
        text = log(project, shard)
        mine = f"slurm_job: '{running[0]}'" in text and text.count("network epochs/s") > 20
        return running[0] if mine else None

    return until(found, f"job that trains {shard}", 120)


def test_faults_are_what_they_are_meant_to_be(faults):
    assert faults["states"] == ["CANCELLED", "TIMEOUT", "CANCELLED"]
    assert faults["exits"][0] != 0
    for words in ("SLURM status is: 'CANCELLED'", "SLURM status is: 'TIMEOUT'"):
        assert words in faults["outputs"][0]


def test_jobs_are_submitted_again_and_go_on_from_their_states(faults):
    for text in (*faults["logs"].values(), faults["last log"]):
        epoch = int(re.search(r"has epochs 0 to (\d+)", text)[1])
        assert 20 <= epoch < STUDY["epochs"]
        assert f" epoch {epoch} of" not in text
        assert f" epoch {epoch + 1} of" in text


def test_small_stages_run_in_few_jobs_or_none(faults):
    submitted = [re.match("rule_([a-z_]+?)(_wildcards_.*)?$", what)[1] for what in faults["jobs"]]
    assert {*submitted} == {
        "train",
        "shards_invariants_spectra_shard",
        "shapes_null",
        *("model", "significance", "comparison", "symmetry", "spectra"),
    }
    assert submitted.count("shapes_null") <= 2
    assert submitted.count("shards_invariants_spectra_shard") <= 2


def test_the_end_is_as_if_nothing_had_happened(faults, at_once):
    assert faults["exits"][1] == 0, faults["outputs"][1]
    assert faults["project"].planned() == {}
    expected, found = results(at_once), results(faults["project"])
    assert found.keys() == expected.keys()
    arrays = 0
    for name, path in found.items():
        if path.suffix == ".csv":
            assert path.read_bytes() == expected[name].read_bytes(), name
        else:
            arrays += same_arrays(path, expected[name])
    assert arrays > 100


def results(project):
    """Files with numbers, but for what jobs cost and for states."""
    folder = project.folder / "results/mini"
    return {
        path.relative_to(folder): path
        for path in folder.rglob("*")
        if path.suffix in (".h5", ".csv") and path.name != "cost.csv" and "state" not in path.parts
    }


def same_arrays(path, other):
    """Compare all arrays of two files bit for bit; return how many there are."""
    with h5py.File(path) as one, h5py.File(other) as two:
        names = []
        one.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
        for name in names:
            assert one[name][...].tobytes() == two[name][...].tobytes(), f"{path}: {name}"
    return len(names)
