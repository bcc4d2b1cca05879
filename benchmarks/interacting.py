"""How long does a fit of an interacting law take? Does it find what was planted? Against torch.

    python benchmarks/interacting.py [--quick]

Workloads on one thread: a layer of a depth study, 1000 members of 10 x 10 with all 48
couplings; the widest layer of the width study, 640 x 640 with eight couplings; and ensembles of
1000 matrices of 6 x 5 of density exp(-w^2 / 2 + 0.03 w^3 - 0.05 w^4), whose couplings are known.
In ensembles of 100 Gaussian matrices, of independent entries or with offsets of rows, the share is
counted in which the law of few members finds a quartic.
The alternative to the equations' algebra is torch's automatic differentiation: the gradient of each
invariant of each matrix, and the diagonal of its Hessian; on few members, of which the time of all
follows. Times are of the processor, as machines are shared. The last line is a JSON object.
"""

import argparse
import json
import os
import time
from collections.abc import Callable

# Before NumPy reads them.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch

from weightlaws.arrays import Floats
from weightlaws.inference.interacting import law_graphs
from weightlaws.invariants.graphs import Graph, enumerate_graphs
from weightlaws.laws.interacting import Interacting, bipartite_graphs
from weightlaws.laws.score_equations import ScoreEquations

LETTERS = "abcdefghijklmnop"
QUARTICS = ("ia.ia.ia.ia", "ia.ib.ja.jb", "ia.ia.ja.ja")
PLANTED = {"ia.ia": -0.5, "ia.ia.ia": 0.03, "ia.ia.ia.ia": -0.05}


def seconds(run: Callable[[], object]) -> float:
    """Processor time of a call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def by_torch(graph: Graph, matrix: torch.Tensor) -> torch.Tensor:
    """Return an invariant of a matrix by contraction."""
    inputs = ",".join(LETTERS[i] + LETTERS[j] for i, j in graph.arcs)
    return torch.einsum(f"{inputs}->", *[matrix] * graph.degree)


def equations_by_torch(graphs: tuple[Graph, ...], matrix: Floats) -> tuple[Floats, Floats]:
    """A (k, k) and b (k,) of one matrix, by automatic differentiation."""
    entries = torch.tensor(matrix, requires_grad=True)
    gradients, traces = [], []
    for graph in graphs:
        (first,) = torch.autograd.grad(by_torch(graph, entries), entries, create_graph=True)
        gradients.append(first.detach().ravel())
        trace = 0.0
        if graph.degree > 1:
            for k, slope in enumerate(first.ravel()):
                (second,) = torch.autograd.grad(slope, entries, retain_graph=True)
                trace += float(second.ravel()[k])
        traces.append(trace)
    stacked = torch.stack(gradients).numpy()
    return stacked @ stacked.T, np.array(traces)


def planted(n: int, rng: np.random.Generator) -> Floats:
    """Draw n matrices of 6 x 5 with the couplings of `PLANTED`."""
    grid = np.linspace(-8, 8, 20_001)
    density = np.exp(sum(c * grid**k for k, c in enumerate(PLANTED.values(), start=2)))
    return np.interp(rng.uniform(size=(n, 6, 5)), np.cumsum(density) / density.sum(), grid)


def recovery(n_seeds: int) -> dict[str, float]:
    """Shares of ensembles in which planted couplings are within errors, and others are not found.

    Both planted interactions count together: within 2.24 standard errors, 95 % of two.
    """
    within, false, families = 0, [], 0
    for seed in range(n_seeds):
        law = Interacting.fit(planted(1000, np.random.default_rng(seed)))
        table = law.couplings.set_index("graph")
        z = {
            graph.name: (table.coupling[graph.name] - PLANTED.get(graph.name, 0) * unit)
            / table.standard_error[graph.name]
            for graph in law.graphs
            if (unit := law.scale**graph.degree)
        }
        within += max(abs(z[name]) for name in [*PLANTED][1:]) < 2.24
        others = [g.name for g in law.graphs if g.degree > 2 and g.name not in PLANTED]
        false += [abs(z[name]) > 1.96 for name in others]
        families += bool(table.p_adjusted[others].min() < 0.05)
    return {
        "planted_within_errors": within / n_seeds,
        "false_couplings_beyond_1.96": float(np.mean(false)),
        "families_with_a_false_coupling": families / n_seeds,
    }


def false_quartics(n_seeds: int) -> dict[str, float]:
    """Shares of Gaussian ensembles of 100 members in which a family of quartics finds one."""
    graphs, rng = law_graphs((10, 10), 100), np.random.default_rng(1)
    found = {}
    for name, offset in (("independent", 0.0), ("row_offsets", 0.5)):
        n = 0
        for _ in range(n_seeds):
            matrices = rng.normal(size=(100, 10, 10)) + offset * rng.normal(size=(100, 10, 1))
            table = Interacting.fit(matrices, graphs=graphs).couplings
            n += bool(table["p_adjusted"].min() <= 0.05)
        found[f"families_with_a_false_quartic_{name}"] = n / n_seeds
    return found


def main() -> None:
    """Run the workloads and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer members and seeds")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)

    matrices = rng.normal(size=(1000, 10, 10))
    graphs = bipartite_graphs(4, (10, 10))
    first = seconds(lambda: Interacting.fit(matrices).couplings)
    later = seconds(lambda: Interacting.fit(matrices).couplings)
    one: list[tuple[Floats, Floats]] = []
    torch_seconds = seconds(lambda: one.append(equations_by_torch(graphs, matrices[0])))
    A, b = ScoreEquations.of(matrices[:1], graphs).averages()
    disagreement = max(
        float(np.abs(ours / theirs - 1).max())
        for ours, theirs in zip((A, b[1:]), (one[0][0], one[0][1][1:]), strict=True)
    )
    if disagreement > 1e-6:
        raise SystemExit(f"expected the equations of torch, found them apart by {disagreement:.1e}")

    members = 2 if quick else 100
    wide = rng.normal(size=(members, 640, 640))
    eight = [g for k in (1, 2) for g in enumerate_graphs(k, bipartite=True)]
    eight += [g for g in enumerate_graphs(4, bipartite=True) if g.name in QUARTICS]
    widest = seconds(lambda: Interacting.fit(wide, graphs=eight))

    figures = {
        "fit_1000_of_10x10_48_couplings_s": first,
        "the_same_again_s": later,
        "torch_for_1000_members_s": 1000 * torch_seconds,
        "ratio_torch_to_first_fit": 1000 * torch_seconds / first,
        "disagreement_with_torch": disagreement,
        "fit_100_of_640x640_8_couplings_s": widest * 100 / members,
        **recovery(10 if quick else 100),
        **false_quartics(20 if quick else 400),
    }
    for name, value in figures.items():
        print(f"{name:>36}  {value:.4g}")
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))


if __name__ == "__main__":
    main()
