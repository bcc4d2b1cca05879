"""What the jobs ask for that analyse spectra."""

from collections.abc import Mapping
from math import prod

from weightlaws.planning.resources.request import SCIPY, STATS, Request, members, request, tested
from weightlaws.study.conditions import Checkpoint, Ensemble, Shard
from weightlaws.study.study import Study
from weightlaws.training.networks import Shapes

# Values that singular_vectors sorts at once.
SORTED = 2**22
# Statistics that members' means are compared of, and random assignments behind a p-value, see
# spectra_tables.
_STATISTICS, _ASSIGNMENTS = 12, 999


def null(study: Study, shape: tuple[int, int]) -> Request:
    """Return what a job takes that simulates the spectra of random matrices of a shape."""
    matrices, draws = study.spectra.null_matrices, study.spectra.null_vectors
    vectors = draws * min(study.spectra.pooled_ranks, min(shape))
    seconds = matrices * _levels(min(shape)) + 5e-8 * vectors * sum(shape)
    sorted_together = 3.5 * min(SORTED, vectors * max(shape))
    return request(STATS, 8 * (8 * matrices * min(shape) + sorted_together), seconds)


def spectra_shard(
    study: Study, networks: Ensemble | Checkpoint, shapes: Shapes, shard: Shard
) -> Request:
    """Return what a job takes that analyses the spectra of a shard.

    Parameters
    ----------
    shapes
        Of the networks' layers, (out, in): those of single networks are known once they are read.
    """
    replicates = study.statistics.bootstrap_replicates
    seconds = of_arrays = 0.0
    for layer, epochs in _analysed(study, networks, shapes).items():
        (n, m), entries = sorted(shapes[layer]), prod(shapes[layer])
        once = 3e-4 + n * (4e-5 + 2e-8 * replicates) + 5e-10 * n**2 * m + 5e-8 * n * (n + m)
        permuted = 2e-4 + 2.5e-8 * entries + 1e-10 * n**2 * m
        goodness = 5e-4 + 1e-6 * n
        seconds += (
            members(shard)
            * epochs
            * (
                once
                + study.spectra.permutations * permuted
                + study.spectra.goodness_of_fit_replicates * goodness
            )
        )
        # A member's snapshots, and a matrix, its decomposition and what is made of it.
        kept = (
            1 if isinstance(networks, Checkpoint) else len(study.layer_snapshots(networks)[layer])
        )
        of_arrays = max(of_arrays, entries * (5 * kept + 80))
    return request(SCIPY, of_arrays + _nulls(study, shapes), seconds)


def spectra(study: Study, networks: Ensemble | Checkpoint, shapes: Shapes) -> Request:
    """Return what a job takes that makes the tables of a condition's or network's spectra.

    Parameters
    ----------
    shapes
        As for `spectra_shard`.
    """
    n, matrices = networks.members, study.spectra.null_matrices
    seconds = of_arrays = 0.0
    for layer, epochs in _analysed(study, networks, shapes).items():
        ranks = min(shapes[layer])
        assigned = 1e-8 * _STATISTICS * _ASSIGNMENTS * (n + matrices)
        seconds += epochs * (assigned + 2 * n * _levels(ranks))
        # Values and vectors, joined; assignments.
        of_arrays = max(of_arrays, 8 * n * (15 * ranks + 100) + 8 * 500 * (n + matrices))
    return request(SCIPY, of_arrays + _nulls(study, shapes), seconds)


def _analysed(study: Study, networks: Ensemble | Checkpoint, shapes: Shapes) -> Mapping[str, int]:
    """Number of epochs whose spectra are analysed, by layer."""
    if isinstance(networks, Checkpoint):
        return dict.fromkeys(shapes, 1)
    return tested(study, networks)


def _levels(n: int) -> float:
    """Seconds to find or unfold n singular values of a random matrix, and to measure them."""
    return 3e-4 + 7e-6 * n + 1.8e-8 * n**2


def _nulls(study: Study, shapes: Shapes) -> float:
    """Bytes of the nulls of all shapes."""
    matrices, vectors = study.spectra.null_matrices, study.spectra.null_vectors
    return sum(8 * (matrices * (min(shape) + 45) + 2 * vectors) for shape in {*shapes.values()})
