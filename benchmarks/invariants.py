"""How fast are invariants and their predictions? Against one plain NumPy expression each.

    python benchmarks/invariants.py [--quick]

The workload is a depth study's: 1000 members at 51 snapshots of three 10 x 10 layers, 153,000
matrices. The baseline takes one matrix at a time and each of the 52 published invariants by itself.
All runs use one thread, take turns in each of five rounds, and count with their median. The last
line is a JSON object.
"""

import argparse
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from statistics import median

# Before NumPy reads them.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from numpy import diag, trace

from weightlaws.arrays import Floats
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.wick import PATTERNS, expectation

MEMBERS, SNAPSHOTS, LAYERS, SIZE = 1000, 51, 3, 10
LARGE = 640  # the widest layer of the width study
ROUNDS = 5

EXPRESSIONS: dict[str, Callable[[Floats], float]] = {
    "I1": lambda W: trace(W),
    "I2": lambda W: W.sum(),
    "I3": lambda W: (W**2).sum(),
    "I4": lambda W: trace(W @ W),
    "I5": lambda W: diag(W) @ W.sum(1),
    "I6": lambda W: diag(W) @ W.sum(0),
    "I7": lambda W: (W.sum(1) ** 2).sum(),
    "I8": lambda W: (W.sum(0) ** 2).sum(),
    "I9": lambda W: W.sum(0) @ W.sum(1),
    "I10": lambda W: W.sum() ** 2,
    "I11": lambda W: (diag(W) ** 2).sum(),
    "I12": lambda W: trace(W) ** 2,
    "I13": lambda W: trace(W) * W.sum(),
    "I14": lambda W: (diag(W) ** 3).sum(),
    "I15": lambda W: trace(W) * (diag(W) ** 2).sum(),
    "I16": lambda W: diag(W) @ W @ diag(W),
    "I17": lambda W: diag(W) ** 2 @ W.sum(1),
    "I18": lambda W: diag(W) ** 2 @ W.sum(0),
    "I19": lambda W: diag(W) @ (W**2).sum(1),
    "I20": lambda W: diag(W) @ (W * W.T).sum(0),
    "I21": lambda W: diag(W) @ (W**2).sum(0),
    "I22": lambda W: (W**3).sum(),
    "I23": lambda W: (W**2 * W.T).sum(),
    "I24": lambda W: trace(W) * W.sum() ** 2,
    "I25": lambda W: W.sum() * (W.sum(0) @ W.sum(1)),
    "I26": lambda W: W.sum() * (W.sum(0) ** 2).sum(),
    "I27": lambda W: W.sum() * (W.sum(1) ** 2).sum(),
    "I28": lambda W: W.sum() ** 3,
    "I29": lambda W: (diag(W) ** 4).sum(),
    "I30": lambda W: trace(W) * (diag(W) ** 3).sum(),
    "I31": lambda W: (diag(W) ** 2).sum() ** 2,
    "I32": lambda W: diag(W) ** 3 @ W.sum(1),
    "I33": lambda W: diag(W) ** 3 @ W.sum(0),
    "I34": lambda W: diag(W) ** 2 @ W @ diag(W),
    "I35": lambda W: diag(W) @ W @ diag(W) ** 2,
    "I36": lambda W: diag(W) ** 2 @ (W**2).sum(1),
    "I37": lambda W: diag(W) ** 2 @ (W * W.T).sum(0),
    "I38": lambda W: diag(W) ** 2 @ (W**2).sum(0),
    "I39": lambda W: diag(W) @ W**2 @ diag(W),
    "I40": lambda W: diag(W) @ (W * W.T) @ diag(W),
    "I41": lambda W: diag(W) @ (W**3).sum(1),
    "I42": lambda W: diag(W) @ (W * W.T**2).sum(0),
    "I43": lambda W: diag(W) @ (W**2 * W.T).sum(0),
    "I44": lambda W: diag(W) @ (W**3).sum(0),
    "I45": lambda W: (W**4).sum(),
    "I46": lambda W: (W**3 * W.T).sum(),
    "I47": lambda W: (W**2 * W.T**2).sum(),
    "I48": lambda W: trace(W) * W.sum() ** 3,
    "I49": lambda W: W.sum() ** 2 * (W.sum(0) @ W.sum(1)),
    "I50": lambda W: W.sum() ** 2 * (W.sum(0) ** 2).sum(),
    "I51": lambda W: W.sum() ** 2 * (W.sum(1) ** 2).sum(),
    "I52": lambda W: W.sum() ** 4,
}


def baseline(matrices: Floats) -> Floats:
    """Evaluate the published invariants one by one, (matrix, 52)."""
    return np.array(
        [[expression(matrix) for expression in EXPRESSIONS.values()] for matrix in matrices]
    )


def disagreement(matrices: Floats) -> float:
    """Return how far baseline and library differ, relative to the sums of absolute values."""
    published = catalogue("published")
    difference = np.abs(baseline(matrices) - evaluate(published, matrices))
    return float(np.max(difference / evaluate(published, np.abs(matrices))))


def seconds(run: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_mebibytes(run: Callable[[], object]) -> float:
    """Return the most memory that arrays and objects made by a run take at once."""
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    """Check the baseline, time all, print the figures and end with them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer matrices, under 50 s")
    n_plain, n_ours = 20_000, MEMBERS * SNAPSHOTS * LAYERS
    if parser.parse_args().quick:
        n_plain, n_ours = 3000, 40_000

    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(n_ours, SIZE, SIZE))
    published, complete = catalogue("published"), catalogue("complete")
    error = disagreement(matrices[:500])
    if error > 1e-10:
        raise SystemExit(f"expected baseline and evaluate to agree to 1e-10, found {error:.1e}")

    runs = {
        "baseline_us": (lambda: baseline(matrices[:n_plain]), n_plain),
        "ours_52_us": (lambda: evaluate(published, matrices), n_ours),
        "ours_361_us": (lambda: evaluate(complete, matrices), n_ours),
    }
    evaluate(complete, matrices[:1])  # compiled once a process
    rounds = [
        {name: 1e6 * seconds(run) / n for name, (run, n) in runs.items()} for _ in range(ROUNDS)
    ]
    times = {name: median(found[name] for found in rounds) for name in runs}

    laws = rng.normal(size=(SNAPSHOTS * LAYERS, 2 + len(PATTERNS)))
    table = seconds(lambda: expectation(complete, SIZE, laws))
    prediction = median(seconds(lambda: expectation(complete, SIZE, laws)) for _ in range(ROUNDS))
    large = rng.normal(size=(3, LARGE, LARGE))

    figures = {
        "baseline_us_per_matrix": times["baseline_us"],
        "ours_52_us": times["ours_52_us"],
        "ours_361_us": times["ours_361_us"],
        "speedup_52": times["baseline_us"] / times["ours_52_us"],
        "ratio_361_to_baseline_52": times["ours_361_us"] / times["baseline_us"],
        "table_361_s": table,
        "prediction_361_for_153_laws_s": prediction,
        "peak_mib_361_at_640": peak_mebibytes(lambda: evaluate(complete, large)),
        "disagreement": error,
    }
    print(f"{n_plain} matrices for the baseline, {n_ours} for ours, {SIZE} x {SIZE}, one thread")
    for name, value in figures.items():
        print(f"{name:>30}  {value:.4g}")
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))


if __name__ == "__main__":
    main()
