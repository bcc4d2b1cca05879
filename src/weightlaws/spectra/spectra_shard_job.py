"""One job of random-matrix analysis: from a shard's stored weights to its stored spectra."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from weightlaws.arrays import Singles
from weightlaws.spectra.analysis import Analysis, analyse
from weightlaws.spectra.marchenko_pastur import Bulk, edge_scale, edges
from weightlaws.spectra.null import Null, spacing_density
from weightlaws.spectra.null_job import read_nulls
from weightlaws.spectra.shards import (
    REASON_BYTES,
    LayerSpectra,
    SpectraShardSpec,
    join,
    write_layer,
)
from weightlaws.spectra.tails import VERDICTS, hill_estimates, plateau
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import NAME_BYTES, Spec, WeightsSpec
from weightlaws.storage.shards import weights_shard

log = logging.getLogger(__name__)


def analyse_shard(path: Path, stored: Spec, weights_path: Path, nulls: Sequence[Path]) -> None:
    """Analyse the matrices of a weights shard that a spec names, and store the results.

    Parameters
    ----------
    path
        The file to write.
    stored
        A ``specs.spectra_shard_spec`` of one shard.
    weights_path
        The weights shard.
    nulls
        Stored nulls, one for each shape of a layer.

    Raises
    ------
    StorageError
        If the weights shard is not the spec's, or a null is damaged.
    """
    spec, by_shape = SpectraShardSpec.parse(stored), read_nulls(nulls)
    with (
        hdf5.opened(weights_path, "weights") as reader,
        hdf5.create(path, "spectra", stored) as writer,
    ):
        wanted = {**spec.weights, "members": list(spec.members or ())}
        common = {key: value for key, value in reader.spec.items() if key in wanted}
        hdf5.check_spec(weights_path, common, wanted)
        shard, weights = weights_shard(reader, layers=()), WeightsSpec.parse(reader.spec)
        good = shard.finite[:, -1]
        layers = [*weights.snapshots]
        writer.add("finite", good)
        writer.add("layers", np.array([layer.encode() for layer in layers], f"S{NAME_BYTES}"))
        writer.add("shapes", np.array([weights.shapes[layer] for layer in layers], dtype=np.int64))
        for layer, kept in weights.snapshots.items():
            epochs = [epoch for epoch in kept if epoch in spec.epochs]
            shape = weights.shapes[layer]
            writer.add(f"epochs/{layer}", np.array(epochs, dtype=np.int64))
            found: list[list[LayerSpectra]] = [[] for _ in epochs]
            for k in np.flatnonzero(good):
                # A member at a time: all of a shard of wide layers would be gigabytes.
                matrices = reader.read(
                    f"weights/{layer}",
                    np.float32,
                    (len(good), len(kept), *shape),
                    finite=good,
                    part=(slice(k, k + 1),),
                )[0]
                # Where a network began is not known of one epoch from elsewhere.
                start = matrices[0] if weights.has_start else None
                for epoch, members in zip(epochs, found, strict=True):
                    # Seeded by the study, the layer, the member and the epoch alone.
                    member = int(shard.members[k])
                    seed = [spec.seed, member, epoch, *f"spectra/{layer}".encode()]
                    matrix = matrices[kept.index(epoch)]
                    members.append(_analyse(matrix, start, by_shape[shape], spec, seed))
            log.info("%s: %d matrices of shape %s", layer, len(epochs) * int(good.sum()), shape)
            if good.any() and epochs:
                write_layer(writer, layer, [join(members) for members in found])


def _analyse(
    matrix: Singles,
    initial: Singles | None,
    null: Null,
    spec: SpectraShardSpec,
    seed: Sequence[int],
) -> LayerSpectra:
    """Analyse one matrix: a record of one member."""
    analysis = analyse(
        matrix,
        np.random.default_rng(seed),
        null=null,
        permutations=spec.permutations,
        sign_flips=spec.sign_flips,
        bootstrap_replicates=spec.bootstrap_replicates,
        goodness_of_fit_replicates=spec.goodness_of_fit_replicates,
    )
    return one_member(analysis, _travelled(matrix, initial))


def one_member(analysis: Analysis, travelled: float = float("nan")) -> LayerSpectra:
    """Return the analysis of one matrix as the record of a layer with one member."""
    tail, vectors = analysis.tail, analysis.vectors
    sigma, upper_edge, scale, threshold = _law(analysis.bulk)
    hill = np.full(len(analysis.singular_values) - 1, np.nan)
    estimates = hill_estimates(analysis.singular_values)
    hill[: len(estimates)] = estimates
    return LayerSpectra(
        shape=analysis.shape,
        singular_values=analysis.singular_values[None],
        statistics={name: np.array([value]) for name, value in analysis.values.items()},
        permuted={name: values[None] for name, values in analysis.permuted.items()},
        sign_flipped={name: values[None] for name, values in analysis.sign_flipped.items()},
        learned_rank=np.array([analysis.learned_rank]),
        zero_rows=np.array([float(analysis.shape[0] - analysis.inner[0])]),
        zero_columns=np.array([float(analysis.shape[1] - analysis.inner[1])]),
        sigma=np.array([sigma]),
        upper_edge=np.array([upper_edge]),
        edge_scale=np.array([scale]),
        threshold=np.array([threshold]),
        informative_vectors=np.array([float(analysis.n_informative_vectors)]),
        informative_from=np.array([analysis.informative_from]),
        tail_exponent=np.array([tail.exponent]),
        tail_from=np.array([tail.x_min]),
        tail_values=np.array([float(tail.n_tail)]),
        hill_plateau=np.array([float(tail.hill_k is not None) if tail.n_tail else np.nan]),
        hill_exponent=np.array([tail.hill_exponent]),
        brody_error=np.array([analysis.brody_error]),
        brody_window_spread=np.array([analysis.brody_window_spread]),
        distance_travelled=np.array([travelled]),
        p_left=vectors.p_left[None],
        p_right=vectors.p_right[None],
        participation_left=vectors.participation_left[None],
        participation_right=vectors.participation_right[None],
        informative=vectors.informative[None],
        spacings=spacing_density(analysis.spacings)[None],
        hill=hill[None],
        plateau=np.array([_plateau(analysis)]),
        verdict=np.array([VERDICTS.index(tail.verdict)], dtype=np.int64),
        reason=np.array([tail.reason.encode()], dtype=f"S{REASON_BYTES}"),
    )


def _law(bulk: Bulk | None) -> tuple[float, float, float, float]:
    """Return sigma, upper edge, edge scale and threshold of a fitted bulk; NaN if there is none."""
    if bulk is None or not bulk.sigma > 0:
        return (np.nan,) * 4
    upper = float(edges(bulk.shape, bulk.sigma)[1])
    return bulk.sigma, upper, edge_scale(bulk.shape, bulk.sigma), bulk.threshold


def _plateau(analysis: Analysis) -> tuple[float, float, float]:
    """Return first k, last k and exponent of the Hill plot's plateau; NaN if there is none."""
    tail, flat = analysis.tail, None
    if tail.n_tail:
        flat = tail.hill_k and (*tail.hill_k, tail.hill_exponent)
    elif np.count_nonzero(analysis.singular_values > 0) > 1:
        # Too few values for a verdict may have a plateau all the same.
        flat = plateau(analysis.singular_values)
    return flat or (np.nan, np.nan, np.nan)


def _travelled(matrix: Singles, initial: Singles | None) -> float:
    if initial is None or not initial.any():
        return float("nan")
    w, start = matrix.astype(np.float64), initial.astype(np.float64)
    return float(np.linalg.norm(w - start) / np.linalg.norm(start))
