"""What a job asks of a cluster: memory and time, computed from the study.

Memory counts arrays at their peak, beside what was measured of the interpreter and libraries. Time
is a formula for each job in what it grows with, with rates that were measured on one core of a Xeon
with AVX-512 (`python benchmarks/jobs.py` prints how far they hold). Where members may be dead the
tables of all and of the others are both counted.
"""

from math import prod, sqrt

from weightlaws.planning.disk_space import INVARIANTS
from weightlaws.planning.resources.request import (
    NUMPY,
    PANDAS,
    SCIPY,
    STATS,
    TORCH,
    Request,
    members,
    request,
    tested,
)
from weightlaws.planning.resources.spectra import null, spectra, spectra_shard
from weightlaws.planning.resources.training import training
from weightlaws.study.conditions import Condition, Ensemble, Shard
from weightlaws.study.study import Study
from weightlaws.training.networks import Shapes

__all__ = [
    "Request",
    "comparison",
    "distance",
    "imported",
    "invariants",
    "members_tables",
    "model",
    "null",
    "significance",
    "spectra",
    "spectra_shard",
    "study_hours",
    "symmetry",
    "training",
]

# Doubles that others hold at once, from modules that are slow to import: `invariants.CHUNK`,
# `symmetry.CHUNK`, and of invariants_job and significance.
EVALUATED, RANDOMISED, READ, SIMULATED = 2**16, 2**18, 2**24, 2**21

# Ensembles after which `significance` simulates on those invariants only that deviate.
FIRST = 4000
# Invariants that the 13-parameter law fits, and bipartite ones of degree 2.
_FITTED, _BIPARTITE = 13, 4


def imported(shapes: Shapes, shard: Shard) -> Request:
    """Return what a job takes that stores networks which were trained elsewhere.

    Parameters
    ----------
    shapes
        Of their layers, (out, in).
    """
    n, entries = members(shard), [prod(shape) for shape in shapes.values()]
    # Float64 at the most: a layer of all members, or a whole network; and copies of one matrix.
    of_arrays = 8 * (max(n * max(entries), sum(entries)) + 3 * max(entries))
    return request(TORCH, of_arrays, 1e-8 * n * sum(entries))


def invariants(study: Study, condition: Ensemble, shard: Shard) -> Request:
    """Return what a job takes that evaluates a shard's invariants."""
    n, count = members(shard), INVARIANTS[study.invariants]
    squares, snapshots = condition.square_layers, study.layer_snapshots(condition)
    seconds = n * sum(
        len(snapshots[layer]) * _evaluation(count, size) for layer, (size, _) in squares.items()
    )
    of_arrays = 0
    for layer, shape in squares.items():
        entries = len(snapshots[layer]) * prod(shape)
        # Weights with their copy, and what is not finite; what is evaluated; values.
        read = 10 * min(n * entries, max(READ, entries))
        working = 10 * 8 * max(EVALUATED, prod(shape))
        values = 3 * 8 * n * len(snapshots[layer]) * count
        of_arrays = max(of_arrays, read + working + values)
    return request(NUMPY, of_arrays, seconds)


def model(study: Study, condition: Ensemble) -> Request:
    """Return what a job takes that fits a condition's ensembles."""
    n, count = condition.members, INVARIANTS[study.invariants]
    replicates = study.statistics.bootstrap_replicates
    snapshots = study.layer_snapshots(condition)
    fits = sum(len(snapshots[layer]) for layer in condition.square_layers)
    # Resampled moments and their predictions; a line of the table for each invariant.
    seconds = fits * (0.03 + count * (replicates * (5e-8 + 8.5e-11 * n) + 2e-5))
    # Resampling weights, a snapshot's invariants, what each replicate makes of them; fits.
    of_arrays = 8 * (3 * n * replicates + 4 * n * count + 8 * replicates * count)
    of_arrays += fits * (8 * _FITTED * replicates + 600 * count)
    return request(STATS, of_arrays, seconds)


def significance(study: Study, condition: Ensemble) -> Request:
    """Return what a job takes that tests a condition's fitted laws, if half of them deviate."""
    n, count = condition.members, INVARIANTS[study.invariants]
    matrices = study.statistics.simulated_matrices
    tests = 2 * len(study.tested_epochs(condition))
    # Of an ensemble, its members' values and squares are added up, and predicted.
    ensemble = n * (1e-8 + 2.2e-10 * (2 * count - _FITTED)) + 1e-7 * count
    ensembles = study.statistics.simulated_ensembles
    first = min(FIRST, ensembles)
    simulated = (first + (ensembles - first) / 2) * ensemble
    seconds = tests * sum(
        matrices * (5e-8 * size**2 + _evaluation(count, size)) + simulated
        for size, _ in condition.square_layers.values()
    )
    # Pools in double and single precision, and the members' invariants.
    of_arrays = 8 * (3.5 * matrices * count + 4 * n * count + 11 * SIMULATED)
    return request(SCIPY, of_arrays, seconds)


def comparison(study: Study, condition: Ensemble) -> Request:
    """Return what a job takes that compares laws, as though each layer had a labelled side."""
    n, folds = condition.members, study.statistics.folds
    of_arrays = seconds = 0.0
    for layer, epochs in study.layer_snapshots(condition).items():
        shape = condition.shapes[layer]
        entries, labels = prod(shape), max(shape)
        fitted = _evaluation(_FITTED, labels) if layer in condition.square_layers else 0
        member = entries * (3e-8 + 1e-11 * labels) + fitted
        # The last is what one law of labels takes to be inverted.
        seconds += 2 * len(epochs) * (0.01 + folds * (n * member + 5e-11 * labels**3))
        # Single precision of all and of those that are not dead, double precision, and of all but
        # a fold a copy and its offsets from the mean.
        held = 4 + 4 + 8 + 16 * (1 - 1 / folds)
        of_arrays = max(of_arrays, n * entries * held + 80 * labels**2)
    return request(PANDAS, of_arrays, seconds)


def symmetry(study: Study, condition: Ensemble) -> Request:
    """Return what a job takes that tests a condition's symmetries."""
    n, copies = condition.members, study.statistics.randomisations
    together = min(n, study.shard_size)
    of_arrays = seconds = 0.0
    for layer, epochs in tested(study, condition).items():
        shape = condition.shapes[layer]
        entries, size = prod(shape), sqrt(prod(shape))
        copy = 1e-6 + 3.5e-8 * sum(shape)
        if layer in condition.square_layers:
            copy += _evaluation(_FITTED, size)
        if not layer.startswith("input-"):
            copy += 2.5e-8 * entries + _evaluation(_BIPARTITE, size)
        seconds += 2 * epochs * n * (copies * copy + 2e-8 * entries)
        # Shards and what they are joined to, or all members, those that are not dead, and a flag of
        # each entry; a member in work; features of all copies, and those in work.
        held = entries * max(8 * n + 4 * together, 9 * n) + 48 * entries
        of_arrays = max(of_arrays, held + 48 * copies * max(shape) + 64 * RANDOMISED)
    return request(SCIPY, of_arrays, seconds)


def distance(study: Study) -> Request:
    """Return what the job takes that measures all distances of a study."""
    statistics, count = study.statistics, INVARIANTS[study.invariants]
    replicates, draws = statistics.bootstrap_replicates, statistics.noise_floor_draws
    laws = floors = fits = most = 0
    layers: dict[tuple[str, int], int] = {}
    for condition in study.modelled.values():
        for layer, (size, _) in condition.square_layers.items():
            snapshots = len(study.layer_snapshots(condition)[layer])
            # From the initial law and from the start.
            laws, floors, fits = laws + 2 * snapshots, floors + 2, fits + snapshots
            most = max(most, snapshots)
            layers[layer, size] = layers.get((layer, size), 0) + 1
    pairs = sum(n * (n - 1) // 2 for n in layers.values())
    seconds = 5.5e-6 * replicates * (laws + pairs) + 9e-6 * draws * (floors + 2 * pairs)
    of_arrays = 8 * (fits * (_FITTED * replicates + 12 * count) + 100 * most * replicates)
    return request(PANDAS, of_arrays, seconds + 0.02 * pairs)


def members_tables(study: Study) -> Request:
    """Return what the job takes that lists all members and how they learned."""
    lines = [
        condition.members * (study.epochs + 1 if isinstance(condition, Condition) else 1)
        for condition in study.conditions.values()
    ]
    of_arrays = 250 * max(lines, default=0)
    return request(PANDAS, of_arrays, 0.01 * len(lines) + 1e-5 * sum(lines))


def study_hours(study: Study) -> dict[str, tuple[int, float]]:
    """Return the number of jobs and the core-hours that are expected of them, by rule.

    Single networks that were trained elsewhere are left out: their layers are not known.
    """
    jobs: dict[str, list[Request]] = {}

    def add(rule: str, *requests: Request) -> None:
        jobs.setdefault(rule, []).extend(requests)

    for condition in study.conditions.values():
        for shard in study.shards(condition):
            if isinstance(condition, Condition):
                add("train", training(study, condition, shard, 1))
            else:
                add("import_ensemble", imported(condition.shapes, shard))
            if "models" in condition.analyses:
                add("invariants", invariants(study, condition, shard))
            if "spectra" in condition.analyses:
                add("spectra_shard", spectra_shard(study, condition, condition.shapes, shard))
        if "models" in condition.analyses:
            for rule in (model, significance, comparison, symmetry):
                add(rule.__name__, rule(study, condition))
        if "spectra" in condition.analyses:
            add("spectra", spectra(study, condition, condition.shapes))
    analysed = [c for c in study.conditions.values() if "spectra" in c.analyses]
    for shape in dict.fromkeys(shape for c in analysed for shape in c.shapes.values()):
        add("null", null(study, shape))
    add("members", members_tables(study))
    if study.modelled:
        add("distance", distance(study))
    return {
        rule: (len(asked), sum(request.seconds for request in asked) / 3600)
        for rule, asked in jobs.items()
    }


def _evaluation(count: int, size: float) -> float:
    """Seconds to evaluate so many invariants of one matrix: sums, and some matrix products."""
    return count * (5e-8 + 2.4e-10 * size**2 + 1.1e-12 * size**3)
