"""Faults that happen while a study runs, and between runs: what they say, and what is lost."""

import random
import re
import shutil
import subprocess
import time
import zlib
from contextlib import contextmanager, suppress

import h5py
import numpy as np
import psutil
import pytest
from support.mini_study import (
    FEWER_LAWS,
    MINI,
    assert_same_arrays,
    assert_same_results,
    results,
    sources,
    until,
)
from support.rounding import assert_sums_close, parameter_terms

import weightlaws
from weightlaws.laws.pigmm import PIGMM

# One small condition: what is hit is run often.
CONDITION = "digits-12x12-gaussian-decay0"
STUDY = {
    **FEWER_LAWS,
    "members": 4,
    # Long enough to be hit on the way.
    "epochs": 200,
    "snapshots": [0, 1, 10, 50, 200],
    "rectangular_snapshots": [0, 1],
    "sweeps": [{**MINI["sweeps"][1], "analyses": ["models"]}],
}
# All that training has left.
TRAINED = ("weights/*/*.h5", "state/*/*.h5", "logs/train/*/*.log")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The project after the study has run to its end, undisturbed; not to be changed."""
    project = sources(tmp_path_factory.mktemp("whole") / "project")
    project.configure(**STUDY)
    project.run()
    return project


@pytest.fixture
def project(whole, tmp_path):
    """A copy of it, for one test to hit."""
    return whole.copy(tmp_path / "project")


def before(project, *stages):
    """The project as it was before these stages: their results are gone."""
    for stage in stages:
        for path in (project.folder / "results/mini").glob(stage):
            path.unlink()
    return project


def scripts(run):
    """Processes below a run that execute a rule's script, by rule."""
    found = {}
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                words = " ".join(process.cmdline())
                if rule := re.search(r"\.snakemake/scripts/\w+\.(\w+)\.py", words):
                    found[rule[1]] = process
    return found


# Whose job is hit, the results that a run must make again for it, and when it is hit.
HITS = {
    "train": (TRAINED, "logs/train/*/*.log"),
    "model": (("models/*",), "models/*"),
    "members": (("*.csv",), "*members.csv*"),
    "significance": (("significance/*",), "study.yaml"),
}


@pytest.mark.parametrize(
    ("rule", "victim"),
    [
        ("train", "job"),
        ("train", "Snakemake"),
        ("model", "job"),
        ("model", "Snakemake"),
        ("members", "job"),
        ("significance", "Snakemake"),
    ],
)
def test_kills_lose_nothing(project, whole, rule, victim):
    rng = random.Random(f"{rule} {victim}")
    for _ in range(2):
        before(project, *HITS[rule][0])
        kept = {path: path.read_bytes() for path in results(project).values()}
        job = kill(project, rule, victim, rng)
        if victim == "Snakemake":
            job.wait(60)  # It goes on to its end, or stops.
            assert project.snakemake("--unlock").returncode == 0
        for path, content in kept.items():
            assert path.read_bytes() == content, path
    project.run()
    assert project.planned() == {}
    assert_same_results(project, whole)


def kill(project, rule, victim, rng):
    """Kill a job of a rule in a run, or the run itself, at a moment drawn; return the job."""
    # In an epoch of training, or just after a job has begun a file.
    words = f"epoch {rng.randrange(1, 150)} of 200" if rule == "train" else ""
    with project.started("--cores", "2") as run:
        until(lambda: scripts(run).get(rule), f"job of {rule}")
        until(lambda: has_written(project, HITS[rule][1], words), "moment to hit")
        if not words:
            time.sleep(rng.uniform(0, 0.01))
        job = until(lambda: scripts(run).get(rule), f"job of {rule}")
        (job if victim == "job" else run).kill()
        assert run.wait(120) != 0
    return job


def has_written(project, pattern, words):
    """Whether a file of the results is there, and says these words."""
    files = (project.folder / "results/mini").glob(pattern)
    return any(words in path.read_bytes().decode(errors="replace") for path in files)


def test_two_runs_in_one_folder(project, whole):
    before(project, *TRAINED)
    with project.started("--cores", "2") as run:
        until(lambda: scripts(run).get("train"), "job of train")
        text = project.refuse()
        for words in ("Directory cannot be locked", "--unlock"):
            assert words in text
        assert "Traceback" not in text
        assert run.wait(300) == 0
    assert_same_results(project, whole)


@contextmanager
def mounted(folder, *arguments):
    done = subprocess.run(["mount", *arguments, folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk(project, whole, tmp_path):
    before(project, *TRAINED)
    folder, aside = project.folder / "results", tmp_path / "aside"
    shutil.copytree(folder, aside)
    with mounted(folder, "-t", "tmpfs", "-o", "size=64m", "tmpfs"):
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        kept = {path: path.read_bytes() for path in results(project).values()}
        ballast = folder / "ballast"
        with project.started("--cores", "2") as run:
            until(lambda: scripts(run).get("train"), "job of train")
            with pytest.raises(OSError, match="No space left"), ballast.open("wb", 0) as file:
                while True:
                    file.write(bytes(2**12))
            assert run.wait(120) != 0
        text = project.said()
        said = r"WeightLawsError: results/mini/(weights|state)/\S+h5: file: found no space left"
        assert re.search(said, text), text
        assert "free space there" in text
        for path, content in kept.items():
            assert path.read_bytes() == content, path
        ballast.unlink()
        project.run()
        assert project.planned() == {}
        assert_same_results(project, whole)


def test_results_that_cannot_be_written(project, whole):
    folder = project.folder / "results"
    before(project, "*.csv", "*.html", "tables/*", "figures/*/*")
    with mounted(folder, "--bind", folder):
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        text = project.refuse()
        assert "folder results/mini: found that no file can be made" in text
        # Snakemake itself sees to files that are there.
        project.configure(**STUDY, figures={"column_width": 5.0})
        assert "Write-protected output files" in project.refuse()
    for words in ("Traceback", "localrule"):
        assert words not in text
    project.run()
    assert_same_results(project, whole)


def test_a_member_that_diverges_is_left_out_of_all_that_follows(project):
    # Its weights are infinite when the next epoch begins.
    with h5py.File(project.folder / f"results/mini/state/{CONDITION}/0-1.h5", "r+") as state:
        state["networks/weights"][1] = np.inf
    project.configure(**{**STUDY, "epochs": 201, "snapshots": [*STUDY["snapshots"][:-1], 201]})
    project.run()
    log = (project.folder / f"results/mini/logs/train/{CONDITION}/0-1.log").read_text()
    assert "member 1 diverged: it is listed, and left out of every law" in log
    found = weightlaws.load(project.folder / "results/mini")
    assert found.members.set_index("member")["finite"].tolist() == [True, False, True, True]
    assert (found.comparison["n_members"] == 3).all()
    values = found.member_invariants(CONDITION, "hidden1-hidden2")
    weights = found.weights(CONDITION, "hidden1-hidden2")[[0, 2, 3], -1]
    law = PIGMM.fit(weights)
    assert np.isnan(values[1]).all()
    fitted = found.fit(CONDITION, "hidden1-hidden2", 201)
    assert_sums_close(fitted.parameters, law.parameters, parameter_terms(weights))
    page = (project.folder / "results/mini/findings.html").read_text()
    assert "1 diverged, in no table (1)" in page


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[random.Random(str(path.name)).randrange(len(content) // 2, len(content))] ^= 16
    path.write_bytes(content)


def not_a_number(path):
    with h5py.File(path, "r+") as file:
        file["weights/hidden1-hidden2"][0, 1, 2, 3] = np.nan


def of_another_spec(path):
    with h5py.File(path, "r+") as file:
        spec = bytes(file.attrs["spec"]).replace(b'"seed": 2025', b'"seed": 2026')
        file.attrs["spec"], file.attrs["spec_crc32"] = np.bytes_(spec), zlib.crc32(spec)


def of_another_version(path):
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = 99


def empty(path):
    path.write_bytes(b"")


def a_directory(path):
    path.unlink()
    path.mkdir()


# What is said of each, beside the file.
DAMAGES = {
    truncated: "what HDF5 cannot read",
    flipped: "weights",
    not_a_number: "found nan at",
    of_another_spec: "spec.seed: found 2026, expected 2025",
    of_another_version: "attribute format: found 99, expected 1",
    empty: "what HDF5 cannot read",
    a_directory: "found a folder",
}


def test_damaged_shards_are_refused_by_name_and_made_anew(mini, tmp_path):
    project = mini.copy(tmp_path / "damaged")
    shards = sorted((project.folder / "results/mini/weights").glob("*/*.h5"))[: len(DAMAGES)]
    targets = [str(p.relative_to(project.folder)).replace("weights", "invariants") for p in shards]
    for damage, shard in zip(DAMAGES, shards, strict=True):
        damage(shard)
    project.refuse("--keep-going", *targets)
    for words, shard, target in zip(DAMAGES.values(), shards, targets, strict=True):
        log = project.folder / target.replace("mini/invariants", "mini/logs/invariants")
        text = log.with_suffix(".log").read_text()
        (message,) = re.findall("StorageError: (.*)", text)
        assert str(shard.relative_to(project.folder)) in message
        assert words in message
        assert "expected" in message
        assert "delete the file and run snakemake again" in message
        shutil.rmtree(shard) if shard.is_dir() else shard.unlink()
    project.run(*targets)
    for shard, target in zip(shards, targets, strict=True):
        for path in (shard, project.folder / target):
            assert_same_arrays(path, mini.folder / path.relative_to(project.folder))


def test_results_without_snakemake_s_records_are_read_by_what_they_say(project):
    shutil.rmtree(project.folder / ".snakemake")
    assert project.planned() == {}
    # Snakemake cannot know of the edit, but who reads a shard of before does.
    project.configure(**STUDY, seed=1)
    before(project, "models/*")
    text = project.refuse()
    (shard,) = {*re.findall(r"StorageError: (\S+): spec\.\S+seed: found 2025, expected 1", text)}
    assert shard == f"results/mini/invariants/{CONDITION}/0-1.h5"
