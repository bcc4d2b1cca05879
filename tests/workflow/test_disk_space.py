"""What a run says of disk space, and that it does not begin what the disk cannot hold."""

import pytest
from support.mini_study import MINI

import weightlaws
from weightlaws.planning.disk_space import disk_estimate


def test_a_run_tells_once_what_its_study_takes(project):
    project.configure(figures={"column_width": 5.0})
    done = project.run("results/mini/figures/invariants.svg")
    text = done.stdout + done.stderr
    title = "Disk space of results/mini"
    assert text.count(title) == 1
    before, table = text.split(title)
    assert "rule gallery" not in before
    folders = ["datasets", "weights", "state", "invariants", "models"]
    assert [line.split()[0] for line in table.splitlines()[2:8]] == [*folders, "together"]


@pytest.mark.parametrize("folder", ["datasets", "weights", "state", "invariants", "models"])
def test_the_estimate_is_about_what_a_run_writes(mini, folder):
    results = weightlaws.load(mini.folder / "results" / "mini")
    found = sum(
        path.stat().st_size for path in (results.folder / folder).rglob("*") if path.is_file()
    )
    assert disk_estimate(results.study)[folder] == pytest.approx(found, rel=0.2)


def test_a_study_that_the_disk_cannot_hold_starts_no_job(project):
    record = project.folder / "results" / "mini" / "study.yaml"
    before = record.read_bytes()
    wide = {**MINI["sweeps"][1], "hidden": [[640, 640]]}
    project.configure(members=1_000_000, shard_size=100_000, snapshots="all", sweeps=[wide])
    done = project.snakemake("--cores", "2")
    text = done.stdout + done.stderr
    assert done.returncode != 0
    for words in ("disk space for results/mini: found", "free, expected", "keep fewer snapshots"):
        assert words in text
    assert "Traceback" not in text
    assert "jobid:" not in text
    assert record.read_bytes() == before
    assert project.planned()["train"] == 10  # a dry run needs no space
