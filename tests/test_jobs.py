import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from support.scripted_job import SPEC, scripted_job

from weightlaws.errors import WeightLawsError
from weightlaws.jobs import job_log


def test_a_log_begins_with_what_is_to_be_done(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    path = tmp_path / "job.log"
    with job_log(scripted_job(path)):
        pass
    first, *header, last = path.read_text().splitlines()
    assert first.endswith("begun")
    assert last.endswith("done")
    record = yaml.safe_load("\n".join(header))
    assert record["params"]["spec"] == SPEC
    assert record["wildcards"] == {"condition": "digits-10x10"}
    assert record["resources"] == {"mem_mb": 500}
    assert record["slurm_job"] == "17"
    assert list(record)[:2] == ["rule", "wildcards"]


def test_messages_and_failures_end_in_the_job_s_log(tmp_path):
    path = tmp_path / "job.log"
    with pytest.raises(ValueError, match="wrong"), job_log(scripted_job(path)) as log:
        log.info("epoch 1")
        raise ValueError("wrong")
    text = path.read_text()
    assert "epoch 1" in text
    assert "ValueError: wrong" in text
    assert "done" not in text


def test_a_table_that_the_disk_does_not_take_is_named(tmp_path):
    path = tmp_path / "job.log"
    with (
        pytest.raises(
            WeightLawsError, match=r"weights/0-1\.h5: file: found no space left on device"
        ),
        job_log(scripted_job(path)),
        Path("/dev/full").open("w") as full,
    ):
        full.write("a line")
    assert "free space there" in path.read_text()


# A stand-in for Snakemake, known as such by its arguments, starts a job and leaves its process id.
RUN = """
import subprocess, sys
job = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]])
print(job.pid, flush=True)
job.wait()
"""
JOB = """
import sys, time
from pathlib import Path
from weightlaws.jobs import should_continue
go_on = should_continue()
Path(sys.argv[1]).write_text(f"{go_on()}")
while go_on():
    time.sleep(0.05)
Path(sys.argv[1]).write_text("stopped")
"""


def test_a_job_stops_at_sigterm(tmp_path):
    note = tmp_path / "note"
    with subprocess.Popen([sys.executable, "-c", JOB, str(note)]) as process:
        try:
            wait_for(lambda: note.is_file() and note.read_text() == "True")
            process.terminate()
            assert process.wait(20) == 0
            assert note.read_text() == "stopped"
        finally:
            process.kill()


def test_a_job_notices_that_its_run_was_killed(tmp_path):
    note = tmp_path / "note"
    command = [sys.executable, "-c", RUN, JOB, str(note), "snakemake"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        job = int(run.stdout.readline())
        try:
            wait_for(lambda: note.is_file() and note.read_text() == "True")
            run.kill()
            run.wait()
            wait_for(lambda: note.read_text() == "stopped")
        finally:
            run.kill()
            if note.read_text() != "stopped":
                os.kill(job, signal.SIGKILL)


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
