import os
import signal
import subprocess
import sys
import time

import pytest

from weightlaws.jobs import job_log


def test_messages_and_failures_end_in_the_job_s_log(tmp_path):
    path = tmp_path / "job.log"
    with pytest.raises(ValueError, match="wrong"), job_log(path) as log:
        log.info("epoch 1")
        raise ValueError("wrong")
    text = path.read_text()
    assert "epoch 1" in text
    assert "ValueError: wrong" in text
    assert "done" not in text


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
from weightlaws.jobs import run_is_alive
alive = run_is_alive()
Path(sys.argv[1]).write_text(f"{alive()}")
while alive():
    time.sleep(0.05)
Path(sys.argv[1]).write_text("stopped")
"""


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
