"""Runs whose jobs have a conda environment."""

import os
import subprocess
import sys
import sysconfig

import h5py
from support import conda
from support.mini_study import sources

TARGET = "results/mini/nulls/10x12.h5"


def test_jobs_run_in_the_environment_that_the_file_describes(tmp_path):
    project = sources(tmp_path / "project")
    project.configure()
    jobs = project.folder / "src/weightlaws/jobs.py"
    said = 'logger.info("done by %s with %s", __file__, sys.executable)'
    jobs.write_text(jobs.read_text().replace('logger.info("done")', said))
    # Neither Snakemake nor its jobs are told where the library is.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    env["PATH"] = f"{conda.install(tmp_path / 'conda')}:{env['PATH']}"
    env["HAS"] = sysconfig.get_path("purelib")
    command = [sys.executable, "-m", "snakemake", "--configfile", "mini.yaml", "--cores", "1"]
    done = subprocess.run(
        [*command, "--sdm", "conda", "--", TARGET],
        cwd=project.folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Creating conda environment envs/weightlaws.yaml" in done.stdout + done.stderr
    log = (project.folder / "results/mini/logs/null/10x12.log").read_text()
    assert f"done by {jobs} with {project.folder}/.snakemake/conda/" in log
    with h5py.File(project.folder / TARGET) as file:
        assert file.attrs["kind"] == b"null"
