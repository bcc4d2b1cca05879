"""A small study, and a project folder of its own to run it in."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import yaml
from support.project import ROOT

SNAKEMAKE = [sys.executable, "-m", "snakemake", "--configfile", "mini.yaml"]

# Two architectures; 5 members in shards of 2, so that the last one is partial.
MINI = {
    "name": "mini",
    "members": 5,
    "shard_size": 2,
    "epochs": 2,
    "statistics": {
        "bootstrap_replicates": 50,
        "simulated_matrices": 100,
        "simulated_ensembles": 100,
        "omnibus_ensembles": 99,
        "randomisations": 599,
        "folds": 2,
        "fold_orders": 2,
        "noise_floor_draws": 20,
    },
    "spectra": {"null_matrices": 50, "permutations": 9, "sign_flips": 19},
    "sweeps": [
        {
            "dataset": "digits",
            "hidden": [[10, 10, 10]],
            "initialisations": ["gaussian"],
            "weight_decays": [0, 0.01],
        },
        {
            "dataset": "digits",
            "hidden": [[12, 12]],
            "initialisations": ["gaussian"],
            "weight_decays": [0],
        },
    ],
}

# For runs that are about other things than their tables: no laws beyond one Gaussian matrix, and
# the published invariants alone.
FEWER_LAWS = {
    "invariants": "published",
    "statistics": {**MINI["statistics"], "interacting": False},
}


@dataclass(frozen=True)
class Project:
    """A folder with the project's sources and a mini study's results."""

    folder: Path

    def configure(self, **changes):
        """Write the mini study, with changes, as the overlay that runs use."""
        (self.folder / "mini.yaml").write_text(yaml.safe_dump({**MINI, **changes}))

    def snakemake(self, *arguments):
        """Run Snakemake in the folder, with the library that stands there."""
        return subprocess.run(
            [*SNAKEMAKE, *arguments], **self._place(), capture_output=True, text=True, check=False
        )

    @contextmanager
    def started(self, *arguments):
        """Start Snakemake, which is killed if it has not ended when the block ends.

        What it says goes to the file run.out.
        """
        with (self.folder / "run.out").open("w") as out:
            run = subprocess.Popen(
                [*SNAKEMAKE, *arguments],
                **self._place(),
                stdout=out,
                stderr=subprocess.STDOUT,
                # A command that a shell starts in the background is deaf to Ctrl-C, and so would
                # this one be.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )
        try:
            yield run
        finally:
            run.kill()
            run.wait()

    def said(self):
        """What a run that was started has said so far."""
        return (self.folder / "run.out").read_text()

    def _place(self):
        return {"cwd": self.folder, "env": {**os.environ, "PYTHONPATH": str(self.folder / "src")}}

    def run(self, *arguments):
        """Run Snakemake and expect success."""
        done = self.snakemake("--cores", "2", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def refuse(self, *arguments):
        """Run Snakemake and expect failure; return what it says."""
        done = self.snakemake("--cores", "2", *arguments)
        assert done.returncode != 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def planned(self):
        """Return the number of jobs per rule that a dry run plans, but for rule all."""
        done = self.snakemake("--dry-run")
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        if "Nothing to be done" in text:
            return {}
        rows = re.findall(r"^ *(\d+)  (\w+)", text, re.MULTILINE)
        jobs = {rule: int(count) for count, rule in rows}
        assert jobs.pop("together") == sum(jobs.values())
        return jobs

    def copy(self, folder):
        """Copy the whole project, time stamps and Snakemake's own records included."""
        return Project(Path(shutil.copytree(self.folder, folder, symlinks=True)))


def results(project):
    """Files of numbers, but for what jobs cost and for states, by their place."""
    folder = project.folder / "results/mini"
    return {
        path.relative_to(folder): path
        for path in folder.rglob("*")
        if path.suffix in (".h5", ".csv") and path.name != "cost.csv" and "state" not in path.parts
    }


def assert_same_results(project, other):
    """Compare all tables of two projects byte by byte, and all arrays bit by bit."""
    found, expected = results(project), results(other)
    assert found.keys() == expected.keys()
    for name, path in found.items():
        if path.suffix == ".csv":
            assert path.read_bytes() == expected[name].read_bytes(), name
        else:
            assert_same_arrays(path, expected[name])


def assert_same_arrays(path, other):
    """Compare all arrays of two files bit by bit."""
    with h5py.File(path) as one, h5py.File(other) as two:
        found, expected = arrays(one), arrays(two)
        assert found.keys() == expected.keys()
        assert found, f"{path} holds no arrays"
        for name, array in found.items():
            assert array.dtype == expected[name].dtype
            assert array[...].tobytes() == expected[name][...].tobytes(), f"{path}: {name}"


def arrays(file):
    """All arrays of an open file, by name."""
    found = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item

    file.visititems(take)
    return found


def until(found, what, seconds=60):
    """Wait until something is found, and return it."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"no {what} after {seconds} s"
        time.sleep(0.02)
    return value


def sources(folder):
    """Copy the project's sources into a new folder, without results.

    What Python and numba have compiled of them comes along.
    """
    folder.mkdir()
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("workflow", "profiles", "envs", "src"):
        shutil.copytree(ROOT / name, folder / name)
    return Project(folder)
