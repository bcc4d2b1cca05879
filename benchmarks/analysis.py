"""What does each stage of analysis cost at each width? In singular value decompositions.

    python benchmarks/analysis.py [--quick] [--before CHECKOUT]

Prints the microseconds of one core that each stage takes for a D x D matrix, D = 10, 40, 160, 640,
as a multiple of one singular value decomposition of the matrix (NumPy, float64), and as a multiple
of the same stage of commit 924bee1. That needs a checkout of it, by

    git worktree add /tmp/before 924bee1

whose stages are measured in the same run, in a process of their own, on the same matrices and with
the same settings. Stages that it does not have have no such number. Of those that both have, tests
of invariants were of one law, whose values for the members were at hand, and are of three that are
evaluated; and comparison divided members once, and divides them five times.

The settings are those of studies/paper.yaml for each member: as many simulated matrices and
ensembles as members, and 599 randomisations. The matrices follow a bipartite law, as hidden layers
do, so that tests of it that stop early do. Time is proportional to the members, but for what each
ensemble takes once: some fits, and at least 20,000 eigenvalues of draws. Of few members the share
of that is larger than of 1000. Eigenvalues of more than 64,000 / D members are not looked for. The
last line is a JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# Before NumPy reads them.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

Stages = dict[str, Callable[[], object]]

#: By width: members, and those of a quick run.
MEMBERS = {10: (400, 100), 40: (200, 40), 160: (64, 8), 640: (12, 3)}
RANDOMISATIONS = (599, 19)
REPLICATES, FOLDS, ORDERS = 1000, 5, 5
#: Interacting laws need ten members a coupling, and are not fitted to so few wide matrices.
INTERACTING_UP_TO = 40
#: Left out of quick runs.
SLOW = ("640", "eigenvalues")


def ensemble(size: int, members: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Draw matrices whose rows and columns have parts in common, as layers have after training."""
    rng = np.random.default_rng(size)
    matrices = rng.standard_normal((members, size, size))
    matrices += 0.5 * rng.standard_normal((members, size, 1))
    matrices += 0.5 * rng.standard_normal((members, 1, size))
    # Weights are stored in single precision.
    return (matrices / np.sqrt(size)).astype(np.float32).astype(np.float64)


def stages(size: int, members: int, randomisations: int) -> Stages:
    """Return the stages of this version, each on the whole ensemble."""
    from weightlaws.inference.bootstrap import resampling_weights
    from weightlaws.inference.comparison import compare
    from weightlaws.inference.eigenvalues import eigenvalues
    from weightlaws.inference.entries import entry_densities
    from weightlaws.inference.interacting import couplings_of
    from weightlaws.inference.layer_fit import fit_layer
    from weightlaws.inference.miss import mean_square
    from weightlaws.inference.omnibus import omnibus
    from weightlaws.inference.significance import deviations_by_law, simulated_deviations
    from weightlaws.inference.symmetry import randomisation_tests
    from weightlaws.invariants.catalogue import catalogue
    from weightlaws.invariants.evaluation import evaluate
    from weightlaws.laws.candidates import testable
    from weightlaws.laws.moments import moments
    from weightlaws.spectra.analysis import analyse
    from weightlaws.spectra.null import simulate_null

    matrices, graphs = ensemble(size, members), catalogue("complete")
    shape, rng = (size, size), np.random.default_rng(0)
    fits, invariants = testable(shape, None, members), evaluate(graphs, matrices)
    weights = resampling_weights(members, REPLICATES, rng)
    null = simulate_null(shape, 0, matrices=20)

    def significance() -> None:
        laws = {law: moments(law, shape, None, graphs) for law in fits}
        for law, found in deviations_by_law(matrices, laws).items():
            mean_square(found.deviation, found.without)
            counts = {"n_matrices": members, "n_ensembles": members}
            simulated_deviations(laws[law].fit(matrices), laws[law], members, rng, **counts)

    def omnibus_tests() -> None:
        for fit in fits.values():
            omnibus(matrices, fit, 99, rng)

    found: Stages = {
        "invariants": lambda: evaluate(graphs, matrices),
        "model": lambda: fit_layer([invariants], graphs, size, None, weights),
        "significance": significance,
        "comparison": lambda: compare(matrices, None, min(FOLDS, members), rng, ORDERS),
        "omnibus": omnibus_tests,
        "symmetry": lambda: randomisation_tests(matrices, randomisations, rng),
        "entries": lambda: entry_densities(matrices.astype(np.float32), None, REPLICATES, rng),
        "eigenvalues": lambda: eigenvalues(matrices, REPLICATES, rng),
        "spectra": lambda: [analyse(one, rng, null=null) for one in matrices[:2]],
    }
    if size <= INTERACTING_UP_TO:
        found["interacting"] = lambda: couplings_of(matrices, REPLICATES, FOLDS, rng)
    return found


def stages_before(size: int, members: int, randomisations: int) -> Stages:
    """Return the stages of commit 924bee1 under the same names."""
    from weightlaws.bootstrap import resampling_weights
    from weightlaws.catalogue import catalogue
    from weightlaws.comparison import compare
    from weightlaws.deviations import fit_layer
    from weightlaws.null_spectra import simulate_null
    from weightlaws.significance import p_values
    from weightlaws.symmetry import randomisation_tests

    from weightlaws.invariants import evaluate
    from weightlaws.spectra import analyse

    matrices, graphs = ensemble(size, members), catalogue("complete")
    rng, invariants = np.random.default_rng(0), evaluate(graphs, matrices)
    weights = resampling_weights(members, REPLICATES, rng)
    null = simulate_null((size, size), np.random.default_rng(0), matrices=20)
    counts = {"n_matrices": members, "n_ensembles": members}
    return {
        "invariants": lambda: evaluate(graphs, matrices),
        "model": lambda: fit_layer([invariants], graphs, size, None, weights),
        "significance": lambda: p_values(invariants, graphs, size, rng, **counts),
        "comparison": lambda: compare(matrices, None, min(FOLDS, members)),
        "symmetry": lambda: randomisation_tests(matrices, randomisations, rng),
        "spectra": lambda: [analyse(one, rng, null=null) for one in matrices[:2]],
    }


def seconds(run: Callable[[], object]) -> float:
    """Seconds of the processor of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def measure(version: str, quick: bool) -> dict[str, dict[str, float]]:
    """Return the microseconds for a matrix by width and stage, and those of a decomposition."""
    of_version = {"now": stages, "before": stages_before}[version]
    found = {}
    for size, members in MEMBERS.items():
        n = members[quick]
        matrices = ensemble(size, min(n, 20))
        svd = min(seconds(partial(np.linalg.svd, one)) for one in matrices for _ in range(3))
        made = of_version(size, n, RANDOMISATIONS[quick])
        counts = {name: min(n, 2) if name == "spectra" else n for name in made}
        found[str(size)] = {"svd": 1e6 * svd} | {
            name: 1e6 * seconds(run) / counts[name]
            for name, run in made.items()
            if not (quick and (str(size), name) == SLOW)
        }
    return found


def measured_before(checkout: Path, quick: bool) -> dict[str, dict[str, float]]:
    """Measure the stages of another checkout, whose library is imported in place of this one."""
    command = [sys.executable, __file__, "--measure", "before"] + ["--quick"] * quick
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure both versions, print the table and end with it as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few members, under 50 s of one core")
    parser.add_argument("--before", type=Path, help="a checkout of commit 924bee1 to compare with")
    parser.add_argument("--measure", choices=["now", "before"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.quick)))
        return
    now = measure("now", options.quick)
    before = measured_before(options.before, options.quick) if options.before else {}
    print(f"{'D':>4} {'members':>7} {'stage':>13} {'us':>12} {'of an SVD':>10} {'of before':>10}")
    figures: dict[str, float] = {}
    for size, of_stage in now.items():
        for name, microseconds in of_stage.items():
            ratios = {"in_svd": microseconds / of_stage["svd"]}
            if name != "svd" and name in before.get(size, {}):
                ratios["of_before"] = microseconds / before[size][name]
            line = f"{size:>4} {MEMBERS[int(size)][options.quick]:>7} {name:>13}"
            shown = [
                f"{ratios[key]:10.3g}" if key in ratios else " " * 9 + "-"
                for key in ("in_svd", "of_before")
            ]
            print(line, f"{microseconds:12.1f}", *shown)
            figures[f"{name}_{size}_us"] = microseconds
            figures |= {f"{name}_{size}_{key}": value for key, value in ratios.items()}
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))


if __name__ == "__main__":
    main()
