"""What does it take Snakemake to plan a study? Ten times as many networks against as many.

    python benchmarks/planning.py [--quick]

Plans the published study of 20,000 networks (studies/paper.yaml), and the same with 10,000 members
of each condition in place of 1000, in an empty folder: nothing is trained. Each plan is a process
of its own, `snakemake --dry-run`; the median of three counts, with --quick one alone. Memory is the
most that the process held. The last line is a JSON object.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
MEMBERS = (1_000, 10_000)

# Runs a plan and says what it took; a process of its own, so that the peak is the plan's alone.
PLAN = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
print(done.stdout + done.stderr)
print("PEAK", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def plan(folder: Path, members: int) -> dict[str, float]:
    """Plan the study with so many members of each condition, in seconds, MB and jobs."""
    command = ["--dry-run", "--quiet", "rules", "--configfile", "studies/paper.yaml"]
    command = [sys.executable, "-m", "snakemake", *command, "--config", f"members={members}"]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PLAN, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    jobs = int(re.findall(r"^ *(\d+)  together", done.stdout, re.MULTILINE)[-1])
    peak = int(re.findall(r"^PEAK (\d+)", done.stdout, re.MULTILINE)[-1])
    return {"seconds": seconds, "megabytes": peak * 1024 / 1e6, "jobs": jobs}


def main() -> None:
    """Plan both and print what they take."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round, in half a minute")
    rounds = 1 if parser.parse_args().quick else 3
    with tempfile.TemporaryDirectory() as name:
        for part in ("Snakefile", "config.yaml"):
            shutil.copy(ROOT / part, name)
        for part in ("workflow", "profiles", "envs", "studies", "src"):
            shutil.copytree(ROOT / part, Path(name, part))
        found = {n: [plan(Path(name), n) for _ in range(rounds)] for n in MEMBERS}
    figures: dict[str, float] = {}
    for members, plans in found.items():
        networks = 20 * members
        for key in plans[0]:
            figures[f"{key}_{networks}"] = round(median(each[key] for each in plans), 2)
        print(
            f"{networks:>9,} networks: {figures[f'jobs_{networks}']:.0f} jobs planned in "
            f"{figures[f'seconds_{networks}']:.1f} s, {figures[f'megabytes_{networks}']:.0f} MB"
        )
    figures["ratio"] = round(figures["seconds_200000"] / figures["seconds_20000"], 2)
    print(f"ten times as many networks take {figures['ratio']} times as long")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
