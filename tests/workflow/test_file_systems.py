"""Runs on file systems as users have them: odd names, several disks, late files, other clocks."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file
from support.mini_study import MINI, sources

# Files of jobs come late, as on network file systems, from a node whose clock is an hour behind.
NODE = """
import os, pathlib, subprocess, time
rename = pathlib.Path.replace
def replace(self, target):
    if not str(target).endswith(".h5"):
        return rename(self, target)
    hidden = rename(self, f"{self}.late")
    os.utime(hidden, (time.time() - 3600,) * 2)
    subprocess.Popen(["sh", "-c", 'sleep 2; mv "$0" "$1"', str(hidden), str(target)])
pathlib.Path.replace = replace
"""
NAME = "mein prøjekt, мир (1)"


@pytest.fixture
def other_disk(tmp_path):
    """A folder on another file system, to be removed in the end."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    folder = memory / f"weightlaws tests {os.getpid()}"
    folder.mkdir()
    yield folder
    subprocess.run(["rm", "-r", folder], check=True)


def test_a_study_elsewhere_with_late_files_of_another_clock(tmp_path, other_disk):
    project = sources(tmp_path / NAME)
    elsewhere = tmp_path / "a b ü"
    (elsewhere / "nets").mkdir(parents=True)
    (elsewhere / "results").symlink_to(other_disk)
    (tmp_path / "node").mkdir()
    (tmp_path / "node/sitecustomize.py").write_text(NODE)
    weights = np.random.default_rng(0).normal(size=(6, 9)).astype(np.float32)
    save_file({"слой 1.weight": weights}, elsewhere / "nets/сеть 1.safetensors")
    networks = [{"source": "nets/сеть 1.safetensors", "name": "net"}]
    study = {**MINI, "sweeps": [], "checkpoints": networks}
    (elsewhere / "my study.yaml").write_text(yaml.safe_dump(study, allow_unicode=True))

    def snakemake(*arguments):
        files = ("--configfile", project.folder / "config.yaml", "my study.yaml")
        command = [sys.executable, "-m", "snakemake", "-s", project.folder / "Snakefile", *files]
        env = {**os.environ, "PYTHONPATH": str(tmp_path / "node")}
        done = subprocess.run(
            [*command, "--cores", "1", *arguments, "--", "results/mini/spectra/net.csv"],
            cwd=elsewhere,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    snakemake()
    assert "Nothing to be done" in snakemake("--dry-run")
    assert "слой 1" in (other_disk / "mini/spectra/net.csv").read_text()
