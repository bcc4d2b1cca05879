"""Time the analysis of a wide layer against its singular value decomposition alone.

    python benchmarks/spectra.py [--quick]

The layer is 4096 x 4096, with --quick 1024 x 1024: Gaussian noise and ten planted signals. Both
runs find its singular values and vectors by the same routine with all cores. The analysis has all
statistics but the goodness of fit. The null is simulated once for a shape and timed by itself. The
matrix's own permutations are a null too, and so are its copies with random signs; one of each is
timed by itself, the latter with its part in the steps of the learned rank. With --quick the runs
take turns in three rounds, and each counts with its median. Memory is the peak of a separate
process. The last line is a JSON object.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from scipy import linalg

from weightlaws.arrays import Singles
from weightlaws.spectra.analysis import analyse
from weightlaws.spectra.null import Null, simulate_null

ROUNDS, SIGNALS = 3, 10
MATRICES, PERMUTATIONS, FLIPS = 20, 1, 1


def layer(size: int) -> Singles:
    """Return noise with planted signals at 1.2 to 3 times its edge, (size, size)."""
    rng = np.random.default_rng(1)
    strengths = np.linspace(1.2, 3.0, SIGNALS) * 2 * np.sqrt(size)
    u, v = (np.linalg.qr(rng.standard_normal((size, SIGNALS)))[0] for _ in range(2))
    return (rng.standard_normal((size, size)) + u * strengths @ v.T).astype(np.float32)


def null(size: int) -> Null:
    """Simulate a small null: its size has no part in the time of an analysis."""
    return simulate_null((size, size), 2, matrices=MATRICES)


def seconds(run: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def decompose(matrix: Singles) -> object:
    """Decompose in float64, as the analysis does."""
    return linalg.svd(matrix.astype(np.float64), full_matrices=False)


def peak_megabytes(what: str, size: int) -> float:
    """Return the most memory that a process of its own held for a decomposition or an analysis."""
    command = [sys.executable, __file__, "--peak", what, "--size", str(size)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(what: str, size: int) -> None:
    """Do what is asked for once, and print this process's peak in MB."""
    matrix = layer(size)
    if what == "decompose":
        decompose(matrix)
    else:
        # A null of another process would come from a file: a smaller one takes its place.
        analyse(matrix, np.random.default_rng(3), null=null(size), permutations=0, sign_flips=0)
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(int(kilobytes) * 1024 / 1e6)


def main() -> None:
    """Time, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 50 seconds")
    parser.add_argument("--peak", choices=["decompose", "analyse"], help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print_peak(options.peak, options.size)
        return
    size = 1024 if options.quick else 4096
    matrix = layer(size)
    found: dict[str, float] = {"size": size}
    start = time.perf_counter()
    simulated = null(size)
    found["null_seconds_per_matrix"] = (time.perf_counter() - start) / MATRICES

    def analysis(permutations: int, sign_flips: int) -> None:
        rng = np.random.default_rng(3)
        copies = {"permutations": permutations, "sign_flips": sign_flips}
        analyse(matrix, rng, null=simulated, **copies)

    runs: dict[str, Callable[[], object]] = {
        "svd_seconds": lambda: decompose(matrix),
        "analysis_seconds": lambda: analysis(0, 0),
        "analysis_and_permutation_seconds": lambda: analysis(PERMUTATIONS, 0),
        "analysis_and_flip_seconds": lambda: analysis(0, FLIPS),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(1 if size > 2048 else ROUNDS):
        for name, run in runs.items():
            times[name].append(seconds(run))
    found |= {name: median(values) for name, values in times.items()}
    svd = found["svd_seconds"]
    found["analysis_over_svd"] = found["analysis_seconds"] / svd
    permuted = found["analysis_and_permutation_seconds"] - found["analysis_seconds"]
    found["permutation_over_svd"] = permuted / PERMUTATIONS / svd
    flipped = found["analysis_and_flip_seconds"] - found["analysis_seconds"]
    found["sign_flip_and_steps_over_svd"] = flipped / FLIPS / svd
    for what in ("decompose", "analyse"):
        found[f"{what}_megabytes"] = peak_megabytes(what, size)
    found["matrix_megabytes"] = 8 * size**2 / 1e6
    for name, value in found.items():
        print(f"{name:36} {value:10.3g}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
