"""A small study, and a project folder of its own to run it in."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]

# Two architectures; 5 members in shards of 2, so that the last one is partial.
MINI = {
    "name": "mini",
    "members": 5,
    "shard_size": 2,
    "epochs": 2,
    "statistics": {
        "bootstrap_replicates": 50,
        "simulated_matrices": 300,
        "simulated_ensembles": 200,
        "randomisations": 99,
        "folds": 2,
        "noise_floor_draws": 50,
    },
    "spectra": {"null_matrices": 50, "null_vectors": 1000, "permutations": 9},
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
            [sys.executable, "-m", "snakemake", "--configfile", "mini.yaml", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder / "src")},
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *arguments):
        """Run Snakemake and expect success."""
        done = self.snakemake("--cores", "2", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def planned(self):
        """Return the number of jobs per rule that a dry run plans, but for rule all."""
        done = self.snakemake("--dry-run")
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        if "Nothing to be done" in text:
            return {}
        lines = text.split("Job stats:")[1].split("\n\n")[0].strip().splitlines()[2:]
        jobs = {rule: int(count) for rule, count in map(str.split, lines)}
        assert jobs.pop("total") == sum(jobs.values())
        jobs.pop("all", None)
        return jobs

    def copy(self, folder):
        """Copy the whole project, time stamps and Snakemake's own records included."""
        return Project(Path(shutil.copytree(self.folder, folder, symlinks=True)))


def sources(folder):
    """Copy the project's sources into a new folder, without results."""
    folder.mkdir()
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("workflow", "profiles", "envs", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Project(folder)
