"""One job of random-matrix analysis: from a shard's stored weights to its stored spectra."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weightlaws.spectra.analysis import Analysis, analyse
from weightlaws.spectra.null import Null
from weightlaws.spectra.null_job import read_nulls
from weightlaws.spectra.shards import (
    NAME_BYTES,
    PARAMETERS,
    REASON_BYTES,
    VECTORS,
)
from weightlaws.spectra.statistics import PERMUTED, STATISTICS
from weightlaws.spectra.tails import VERDICTS
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import weights_shard

log = logging.getLogger(__name__)


def analyse_shard(path: Path, spec: Spec, weights_path: Path, nulls: Sequence[Path]) -> None:
    """Analyse the matrices of a weights shard that a spec names, and store what was found.

    Parameters
    ----------
    path
        The file to write.
    spec
        A ``specs.spectra_spec`` of one shard.
    weights_path
        The weights shard.
    nulls
        Stored nulls, one for each shape of a layer.

    Raises
    ------
    StorageError
        If the weights shard is not the spec's, or a null is damaged.
    """
    by_shape = read_nulls(nulls)
    with (
        hdf5.opened(weights_path, "weights") as reader,
        hdf5.create(path, "spectra", spec) as writer,
    ):
        stored, wanted = reader.spec, {**spec["weights"], "members": spec["members"]}
        hdf5.check_spec(weights_path, {k: v for k, v in stored.items() if k in wanted}, wanted)
        shard = weights_shard(reader, layers=())
        good = shard.finite[:, -1]
        writer.add("finite", good)
        layers, shapes = [*stored["snapshots"]], stored["shapes"]
        writer.add("layers", np.array([layer.encode() for layer in layers], f"S{NAME_BYTES}"))
        writer.add("shapes", np.array([shapes[layer] for layer in layers], dtype=np.int64))
        for layer, kept in stored["snapshots"].items():
            epochs = [epoch for epoch in kept if epoch in spec["epochs"]]
            shape = tuple(shapes[layer])
            writer.add(f"epochs/{layer}", np.array(epochs, dtype=np.int64))
            found: dict[str, list[Any]] = {}
            for k in np.flatnonzero(good):
                # A member at a time: all of a shard of wide layers would be gigabytes.
                weights = reader.read(
                    f"weights/{layer}",
                    np.float32,
                    (len(good), len(kept), *shape),
                    finite=good,
                    part=(slice(k, k + 1),),
                )[0]
                # Where networks that were trained elsewhere began is not known.
                start = weights[0] if "dataset" in stored else None
                for epoch in epochs:
                    # Seeded by the study, the layer, the member and the epoch alone.
                    member = int(shard.members[k])
                    seed = [spec["seed"], member, epoch, *f"spectra/{layer}".encode()]
                    one = _analyse(weights[kept.index(epoch)], start, by_shape[shape], spec, seed)
                    for name, value in one.items():
                        found.setdefault(name, []).append(value)
            log.info("%s: %d matrices of shape %s", layer, len(epochs) * int(good.sum()), shape)
            for name, values in found.items():
                array = np.array(values)
                shape_of = (int(good.sum()), len(epochs), *array.shape[1:])
                writer.add(f"{name}/{layer}", array.reshape(shape_of))


def _analyse(
    matrix: npt.NDArray[np.float32],
    initial: npt.NDArray[np.float32] | None,
    null: Null,
    spec: Mapping[str, Any],
    seed: Sequence[int],
) -> dict[str, Any]:
    """Analyse one matrix: what is stored of it, by the name of its dataset."""
    analysis = analyse(
        matrix,
        np.random.default_rng(seed),
        null=null,
        false_discovery_rate=spec["false_discovery_rate"],
        permutations=spec["permutations"],
        bootstrap_replicates=spec["bootstrap_replicates"],
        goodness_of_fit_replicates=spec["goodness_of_fit_replicates"],
    )
    return {
        "singular_values": analysis.singular_values,
        "statistics": [analysis.values[name] for name in STATISTICS],
        "parameters": _parameters(analysis, _travelled(matrix, initial)),
        "permuted": [analysis.permuted[name] for name in PERMUTED],
        "vectors": [getattr(analysis.vectors, name).astype(np.float64) for name in VECTORS],
        "verdicts": VERDICTS.index(analysis.tail.verdict),
        "reasons": np.array(analysis.tail.reason.encode(), dtype=f"S{REASON_BYTES}"),
    }


def _travelled(matrix: npt.NDArray[np.float32], initial: npt.NDArray[np.float32] | None) -> float:
    if initial is None or not initial.any():
        return float("nan")
    w, start = matrix.astype(np.float64), initial.astype(np.float64)
    return float(np.linalg.norm(w - start) / np.linalg.norm(start))


def _parameters(analysis: Analysis, travelled: float) -> list[float]:
    found = {
        **analysis.parameters(),
        "brody_error": analysis.brody_error,
        "distance_travelled": travelled,
    }
    return [found[name] for name in PARAMETERS]
