"""Do jobs stay within the memory and the time that they ask for? A run against its estimates.

    python benchmarks/jobs.py [--quick]

Runs a study of 784-n-n-10 on the digits in a folder of its own, by Snakemake, and compares the time
and the memory that Snakemake measures of each job with those that the job asks a cluster for. The
largest ratio of each rule is printed: below 1 a job stays within its request. The last line is a
JSON object.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import yaml

from weightlaws.planning.stages import STAGES
from weightlaws.study.layout import benchmark_file
from weightlaws.study.study import recorded_study

ROOT = Path(__file__).parents[1]


def configuration(widths: list[int]) -> dict[str, Any]:
    """Return a study of networks of these widths, fewer members the wider they are."""
    return {
        "name": "jobs",
        "epochs": 5,
        "shard_size": 100,
        "rectangular_snapshots": [0],
        "statistics": {"headline_epochs": [], "randomisations": 99, "simulated_ensembles": 5000},
        "sweeps": [
            {
                "dataset": "digits",
                "hidden": [[width, width]],
                "initialisations": ["gaussian"],
                "weight_decays": [0],
                "members": max(6, 2000 // width),
            }
            for width in widths
        ],
    }


def run(folder: Path, widths: list[int]) -> None:
    """Run the study in a folder with the project's sources."""
    for part in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / part, folder)
    for part in ("workflow", "profiles", "envs", "src"):
        shutil.copytree(ROOT / part, folder / part)
    (folder / "jobs.yaml").write_text(yaml.safe_dump(configuration(widths)))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "jobs.yaml"]
    subprocess.run([*command, "--quiet", "all"], cwd=folder, check=True)


def ratios(results: Path) -> dict[str, dict[str, float]]:
    """Return by rule the largest ratio of measured to asked time and memory over its jobs."""
    study = recorded_study(results)
    found: dict[str, dict[str, float]] = defaultdict(lambda: {"time": 0.0, "memory": 0.0})
    for rule, stage in STAGES.items():
        if stage.resources is None:
            continue
        for job in stage.jobs(study):
            scope = [f"{job['rows']}x{job['columns']}"] if "rows" in job else list(job.values())
            measured = pd.read_csv(results / benchmark_file(rule, *scope), sep="\t").iloc[0]
            known = {}
            if "spectra" in rule:
                known["shapes"] = study.conditions[job["condition"]].shapes
            asked = stage.resources_of(study, job, **known)
            pair = measured["s"] / (60 * asked.minutes), measured["max_rss"] / asked.mem_mb
            for name, ratio in zip(("time", "memory"), pair, strict=True):
                found[rule][name] = max(found[rule][name], round(float(ratio), 3))
    return found


def main() -> None:
    """Run the study, and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one width, under 50 s")
    widths = [10] if parser.parse_args().quick else [10, 40, 160, 640]
    with TemporaryDirectory() as folder:
        run(Path(folder), widths)
        found = ratios(Path(folder, "results/jobs"))
    print("largest ratio of measured to asked")
    for rule, pair in found.items():
        print(f"{rule:<14} time {pair['time']:.3f}  memory {pair['memory']:.3f}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
