"""Memory and time that jobs ask of a cluster, estimated from the study.

Memory counts the largest arrays beside the interpreter and libraries. Time is a formula in the
numbers that a job grows with; its rates were measured on one core of a Xeon with AVX-512, those
of symmetries on one of an EPYC. A job asks for `SAFETY` times the time, and `START`. `python
benchmarks/jobs.py` prints how far the estimates hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, gcd, prod

from weightlaws.arrays import Shape, Shapes
from weightlaws.planning import file_sizes
from weightlaws.storage.matrices import TOGETHER
from weightlaws.study.conditions import Checkpoint, Condition, Ensemble, Shard
from weightlaws.study.study import Study
from weightlaws.training.networks import labelled_side

#: Factor on expected times: the nodes of a cluster differ.
SAFETY = 3
#: Minutes to start Snakemake, to import and to compile.
START = 5
# MB of two Snakemakes above the job, its interpreter, its libraries and the pieces that it reads.
_BASE = 800
# Bytes of the matrices that are in memory together, as they are read and in double precision.
_PART = 50 * TOGETHER


@dataclass(frozen=True)
class Resources:
    """Resources of one job: memory to ask for in MB, and the expected time in seconds.

    The time is that of one core; a training job uses all of its threads.
    """

    mem_mb: int
    seconds: float

    @property
    def minutes(self) -> int:
        """Time to ask for."""
        return ceil(START + SAFETY * self.seconds / 60)


def _resources(array_bytes: float, seconds: float) -> Resources:
    return Resources(ceil(_BASE + 1.1 * array_bytes / 1e6), seconds)


def dataset(_: Study, condition: Condition) -> Resources:
    """Estimate a job that stores images: those of a file, as double precision at most, and copies.

    Images of torchvision are counted alike.
    """
    data = condition.data.whole
    values = sum(data.images) * data.inputs
    return _resources(18 * values, 1e-7 * values)


def seconds_per_network_epoch(study: Study, condition: Condition) -> float:
    """Return the time to train one network for an epoch and to test it, on one core with numba."""
    data, weights = condition.info, sum(map(prod, condition.shapes.values()))
    to_train, to_test = data.images
    steps = ceil(to_train / study.batch_size_of(condition))
    # An input of an image; an image and a weight, forwards and back; a step of Adam and a weight.
    inputs, products = 4e-10 * data.inputs, 4.5e-11 * weights
    published = (
        to_train * (inputs + products)
        + to_test * (inputs + 0.4 * products)
        + 1e-9 * steps * weights
    )
    # Smooth activations take 1.4 to 1.7 times as long in all.
    return published if condition.activation == "relu" else 1.7 * published


def train(study: Study, condition: Condition, shard: Shard, threads: int = 1) -> Resources:
    """Estimate a job that trains a shard on the processor.

    With ``device: cuda`` set memory and time in the profile: no CUDA device was measured.
    """
    n, data = len(shard), condition.info
    entries = file_sizes.entries(condition)
    kept = [4 * len(e) * entries[layer] for layer, e in study.layer_snapshots(condition).items()]
    # Weights and two moments in the engine, and once more where they are drawn, read or stored.
    member = 24 * sum(entries.values()) + sum(kept) + max(kept)
    if condition.output_scale is not None:
        # The weights at the start, and their logits on all images.
        member += 4 * (sum(entries.values()) + sum(data.images) * data.classes)
    images = sum(data.images) * (condition.data.pixel_bytes * data.inputs + 9)
    batch = 3 * data.inputs * study.batch_size_of(condition)
    at_work = 4 * (sum(entries.values()) + batch + 2 * data.images[0])
    each = study.epochs * seconds_per_network_epoch(study, condition)
    # Torch on the processor takes up to four times as long as numba.
    slower = 4.0 if study.engine == "torch" else 1.0
    return _resources(images + n * member + threads * at_work, slower * each * ceil(n / threads))


def invariants(study: Study, condition: Ensemble, shard: Shard) -> Resources:
    """Estimate a job that evaluates a shard's invariants."""
    count, snapshots = file_sizes.INVARIANTS[study.invariants], study.layer_snapshots(condition)
    matrices = {layer: len(shard) * len(snapshots[layer]) for layer in condition.square_layers}
    sizes = {layer: size for layer, (size, _) in condition.square_layers.items()}
    held = max(24 * count * matrices[layer] + 90 * size**2 for layer, size in sizes.items())
    seconds = sum(matrices[layer] * _evaluation(count, size) for layer, size in sizes.items())
    return _resources(held, seconds)


def model(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that fits a condition's ensembles."""
    n, count = condition.members, file_sizes.INVARIANTS[study.invariants]
    replicates, snapshots = study.statistics.bootstrap_replicates, study.layer_snapshots(condition)
    fits = sum(len(snapshots[layer]) for layer in condition.square_layers)
    held = 8 * (3 * n * replicates + 4 * n * count + 8 * replicates * count)
    held += fits * (104 * n + 600 * count)
    return _resources(held, fits * (0.03 + count * replicates * (5e-8 + 8.5e-11 * n)))


def significance(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that tests a condition's invariants, with a 13-parameter law in each layer."""
    from weightlaws.inference.significance import WIDE
    from weightlaws.laws.candidates import MOST_LABELS

    n, statistics = condition.members, study.statistics
    matrices, ensembles = statistics.simulated_matrices, statistics.simulated_ensembles
    n_epochs, held, seconds = len(study.tested_epochs(condition)), 0.0, 0.0
    for layer, shape in condition.shapes.items():
        entries, labels = prod(shape), _labels(condition, layer)
        # Two laws predict 46 or 43 invariants, by 2 and 5 statistics; and one by many more.
        counts, statistics_of = [48, 48], [5]
        if 0 < labels <= MOST_LABELS:
            counts.append(150)
            statistics_of.append(labels * (labels + 2))
        if layer in condition.square_layers:
            counts.append(file_sizes.INVARIANTS[study.invariants])
        # Wide simulated matrices are evaluated in single precision.
        rough = 0.55 if entries >= WIDE else 1.0
        for count in counts:
            matrix = 5e-8 * entries + rough * _evaluation(count, entries**0.5)
            ensemble = n * (1e-8 + 9e-10 * count) + 4e-7 * count
            seconds += n_epochs * (matrices * matrix + ensembles * ensemble)
        # Members are evaluated once for all laws.
        seconds += n_epochs * n * _evaluation(counts[-1], entries**0.5)
        family = counts[-1] * n_epochs
        numbers = (4 * n + 3 * matrices) * (counts[-1] + max(statistics_of))
        held = max(held, 8 * (family * (2 * ensembles + 2 * n) + numbers) + 100 * entries)
    return _resources(held + _PART, _selections(condition) * seconds)


def omnibus(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that tests a condition's laws as a whole."""
    # Laws take time to import, and other jobs do without them.
    from weightlaws.inference.omnibus import SIDE

    n, copies = condition.members, study.statistics.omnibus_ensembles
    shapes = condition.shapes.values()
    blocks = [min(rows, SIDE) * min(columns, SIDE) for rows, columns in shapes]
    # Three laws a layer; draws, a fit and projections of each entry.
    each = 3 * copies * (1e-3 + n * 6e-8 * sum(blocks))
    seconds = _selections(condition) * len(study.tested_epochs(condition)) * each
    return _resources(50 * n * max(blocks) + 100 * max(map(prod, shapes)) + _PART, seconds)


def comparison(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that compares laws."""
    n, folds, tested = condition.members, study.statistics.folds, study.tested_epochs(condition)
    held = seconds = 0.0
    for layer, epochs in study.layer_snapshots(condition).items():
        entries, labels = prod(condition.shapes[layer]), _labels(condition, layer)
        if n * (folds - 1) / folds <= labels:  # too few for a law of so many labels
            labels = 0
        orders = study.statistics.fold_orders
        divisions = len(epochs) + (orders - 1) * len({*epochs} & {*tested})
        # All laws but the one-sided one are fitted to a few numbers of each member.
        seconds += len(epochs) * n * (8e-8 * entries + _fitted(condition, layer))
        seconds += divisions * folds * 0.005
        if labels:
            seconds += divisions * (6e-11 * n * entries * labels + folds * 2e-10 * labels**3)
        # Sums, covariances and their roots for each fold.
        held = max(held, 8 * n * (30 + labels) + 64 * orders * folds * labels**2 + 50 * entries)
    return _resources(held + _PART, _selections(condition) * seconds)


def symmetry(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that tests a condition's symmetries, as though no test stopped early."""
    from weightlaws.inference.symmetry import LEAST_TORUS

    n, copies = condition.members, study.statistics.randomisations
    held = seconds = 0.0
    for layer, kept in study.layer_snapshots(condition).items():
        shape, epochs = condition.shapes[layer], {*kept} & {*study.tested_epochs(condition)}
        entries, numbers = prod(shape), 6 * sum(shape)
        member = 1e-4 + 2e-8 * entries + 8e-9 * copies * sum(shape)
        if layer in condition.square_layers:  # all permutations of rows at once
            member += 5e-5 + 5e-8 * entries + 1e-7 * copies
            numbers += 13 * shape[0]
        if labelled_side(layer, condition.sides) != "columns":  # else entries are not permuted
            torus = gcd(*shape) >= LEAST_TORUS
            member += 4e-8 * entries if torus else 2e-4 + 4e-9 * copies * entries
        seconds += len(epochs) * n * member
        held = max(held, 16 * n * numbers + 8 * 512 * n + 100 * entries)
    return _resources(held + _PART, _selections(condition) * seconds)


def interacting(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that fits interacting laws, as though all layers had many members."""
    n, folds, replicates = (
        condition.members,
        study.statistics.folds,
        study.statistics.bootstrap_replicates,
    )
    # Couplings of degree up to 4, and the invariants that their equations are made of.
    couplings, graphs = (48, 437) if n >= 480 else (9, 50)
    held, seconds = 0.0, 2.0
    for layer, shape in condition.shapes.items():
        if labelled_side(layer, condition.sides) == "columns":
            continue
        evaluations = n * (4 + 3 * folds) * _evaluation(graphs, prod(shape) ** 0.5)
        solutions = replicates * (1e-5 + 2e-10 * couplings**2 * graphs + 5e-9 * couplings**3)
        # Fits of densities, and draws from two of them: 20,000 if 4000 have not mixed.
        drawn = prod(shape) if prod(shape) <= 64 * 64 else 0
        densities = 2.0 * (folds + 2) + 4e-4 * drawn**1.5
        each = 0.1 + evaluations + solutions + densities
        seconds += 2 * len(study.tested_epochs(condition)) * each
        held = max(held, 32 * n * prod(shape), 16 * 20_000 * drawn)
    held += 8 * (3 * replicates * couplings**2 + n * replicates + 4 * n * graphs)
    return _resources(held, seconds)


def network_law(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that tests whether a condition's layers know of each other."""
    n, statistics = condition.members, study.statistics
    entries, copies = sum(map(prod, condition.shapes.values())), statistics.randomisations
    neurons = sum(rows for rows, _ in condition.shapes.values())
    labels = max(map(max, condition.shapes.values()))
    permuted = copies * n * neurons * (2e-8 + 1e-10 * labels)
    fits = statistics.folds * n * entries * 3e-8
    held = 8 * n * (4 * entries + copies * max(min(s) for s in condition.shapes.values())) + 2e8
    return _resources(held, 2 * len(study.network_epochs(condition)) * (permuted + fits))


def drawn_networks(_: Study, condition: Condition) -> Resources:
    """Estimate a job that measures networks drawn from a condition's laws."""
    n, info = condition.members, condition.info
    (hidden, inputs), *others = condition.shapes.values()
    images, variants = info.images[1], 8 * (len(condition.shapes) + 1)
    # The first layers of all laws, and what follows in each of the networks.
    network = 5e-10 * inputs * hidden + variants * sum(
        2e-9 * rows + 5e-11 * rows * columns for rows, columns in others
    )
    # Samples of the interacting law, and matrices of all inputs by all inputs.
    seconds = 2 * (n * images * network + 2.0 * len(condition.shapes) + 4e-9 * inputs**3)
    pixels = (4 + condition.data.pixel_bytes) * images * inputs
    held = 40 * n * (inputs * hidden + sum(map(prod, others))) + pixels + 2e8
    return _resources(held, seconds)


def noise_scale(study: Study, conditions: Sequence[str]) -> Resources:
    """Estimate a job that compares conditions of different learning rates and batch sizes."""
    trained = [study.trained[name] for name in conditions]
    n, copies = max(each.members for each in trained), study.statistics.randomisations
    snapshots, matrices, largest = 0, 0.0, 0
    for condition in trained:
        kept = study.layer_snapshots(condition)
        for layer, shape in condition.square_layers.items():
            snapshots += len(kept[layer])
            matrices += n * len(kept[layer]) * _evaluation(5, shape[0])
            largest = max(largest, prod(shape))
    # Replicates of five averages a snapshot, and copies of those that are compared.
    resampled = 5 * snapshots * n * study.statistics.bootstrap_replicates * 1e-9
    copied = 4e-8 * 5 * n * copies * len(trained) * len(study.headline_epochs)
    held = 8 * 5 * snapshots * (n + study.statistics.bootstrap_replicates) + 12 * n * largest
    return _resources(held, matrices + resampled + len(trained) * copied)


def entries(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that counts a condition's entries in bins."""
    n, replicates = condition.members, study.statistics.bootstrap_replicates
    sizes = [prod(shape) for shape in condition.shapes.values()]
    # Resampled shares of up to 64 bins.
    each = sum(n * (2e-5 + 8e-8 * size) + 64 * n * replicates * 1e-9 + 0.02 for size in sizes)
    held = 50 * max(sizes) + 8 * replicates * (n + 128) + _PART
    return _resources(held, len(study.tested_epochs(condition)) * each)


def eigenvalues(study: Study, condition: Ensemble) -> Resources:
    """Estimate a job that finds eigenvalues of a condition's square matrices and of its laws."""
    from weightlaws.inference.eigenvalues import DRAWN, MOST

    n, replicates = condition.members, study.statistics.bootstrap_replicates
    seconds = held = 0.0
    for size, _ in condition.square_layers.values():
        measured = min(n, max(2, MOST // size))
        matrices = measured + max(measured, DRAWN // size)
        # At two epochs, of members and of draws; all members are read for the law.
        seconds += matrices * (3e-5 + 1e-6 * size**2 + 4e-9 * size**3) + 3e-8 * n * size**2
        held = max(held, 100 * size**2 + 60 * matrices * size)
    return _resources(held + _PART + 8 * replicates * n, 2 * (seconds + 2e-8 * n * replicates))


def null(study: Study, shape: Shape) -> Resources:
    """Estimate a job that simulates the spectra of random matrices of a shape."""
    matrices, n = study.spectra.null_matrices, min(shape)
    return _resources(64 * matrices * n, matrices * _levels(n))


def spectra_shard(
    study: Study, networks: Ensemble | Checkpoint, shard: Shard, shapes: Shapes
) -> Resources:
    """Estimate a job that analyses the spectra of a shard, whose layers have these shapes."""
    spectra, replicates = study.spectra, study.statistics.bootstrap_replicates
    each = 0.0
    for shape in shapes.values():
        (n, m), entries = sorted(shape), prod(shape)
        permuted = 2e-4 + 2.5e-8 * entries + 1e-10 * n**2 * m
        each += 3e-4 + n * (4e-5 + 2e-8 * replicates) + 5e-10 * n**2 * m + 5e-8 * n * (n + m)
        each += spectra.permutations * permuted
        # Sign-flipped copies with their vectors, and a step of the learned rank for n / 8 values.
        vectors = 1.5e-4 + 5e-8 * entries * (1 + n / 40) + 2e-9 * n**3 + 3e-10 * n**2 * m
        step = 1e-5 + 5e-9 * entries + 6e-11 * n**2 * m
        each += spectra.sign_flips * (vectors + n / 8 * step)
        each += spectra.goodness_of_fit_replicates * (5e-4 + 1e-6 * n)
    held = 150 * max(map(prod, shapes.values()), default=0) + _nulls(study, shapes)
    return _resources(held, len(shard) * len(study.tested_epochs(networks)) * each)


def spectra(study: Study, networks: Ensemble | Checkpoint, shapes: Shapes) -> Resources:
    """Estimate a job that makes the tables of spectra, of layers of these shapes."""
    n, ranks = networks.members, [min(shape) for shape in shapes.values()]
    each = sum(1.2e-5 * (n + study.spectra.null_matrices) + 2 * n * _levels(k) for k in ranks)
    epochs = len(study.tested_epochs(networks))
    # A layer's spectra at all epochs.
    held = 8 * n * epochs * (25 * max(ranks, default=0) + 100) + _nulls(study, shapes)
    return _resources(held, epochs * each)


def _selections(condition: Ensemble) -> int:
    """Return how many selections of members there are: those without a dead output may differ.

    Networks die where a hidden layer has few neurons.
    """
    return 2 if min(columns for _, columns in condition.shapes.values()) <= 32 else 1


def _labels(condition: Ensemble, layer: str) -> int:
    """Return the length of a layer's labelled side, 0 if there is none."""
    side, (rows, columns) = labelled_side(layer, condition.sides), condition.shapes[layer]
    return {"rows": rows, "columns": columns, None: 0}[side]


def _evaluation(count: int, size: float) -> float:
    """Seconds to evaluate so many invariants of one matrix: sums, and some matrix products."""
    return count * (5e-8 + 2.4e-10 * size**2 + 1.1e-12 * size**3)


def _fitted(condition: Ensemble, layer: str) -> float:
    """Seconds to evaluate the invariants that the 13-parameter law fits, where there is one."""
    squares = condition.square_layers
    return _evaluation(13, squares[layer][0]) if layer in squares else 0.0


def _levels(n: int) -> float:
    """Seconds to find, unfold and measure n singular values of a random matrix."""
    return 3e-4 + 7e-6 * n + 1.8e-8 * n**2


def _nulls(study: Study, shapes: Shapes) -> float:
    """Bytes of the nulls of all shapes."""
    matrices = study.spectra.null_matrices
    return sum(8 * matrices * (min(shape) + 45) for shape in {*shapes.values()})
