"""How much memory a training job takes at its peak."""

from math import ceil, prod

from weightlaws.conditions import Condition, Shard
from weightlaws.datasets import DATASETS
from weightlaws.study import Study

# MB of the interpreter and libraries, measured, numba's as it compiles; for CUDA's on the host an
# allowance.
_LIBRARIES = {"numba": 265, "torch": 380, "cuda": 4300}
# Share on top for what allocators hold.
_MARGIN = 0.1
# Bytes of a chunk of torch's on the processor, see torch_engine.
_CHUNK = 2**25


def training_memory(study: Study, condition: Condition, shard: Shard, threads: int) -> int:
    """Return what a job that trains a shard takes at most, in MB (Snakemake's ``mem_mb``).

    Where the study leaves the engine open it is taken to be numba's; a study that is to train on
    CUDA should say ``device: cuda``, for CUDA's libraries take more of the host's memory.
    """
    n_members = shard.last - shard.first + 1
    engine = "cuda" if study.device == "cuda" else study.engine.replace("auto", "numba")
    entries = {layer: prod(shape) for layer, shape in condition.shapes.items()}
    data = DATASETS[condition.dataset]
    images = sum(data.images) * (data.inputs + 1)
    # The engine's weights and two moments, and as many that are drawn, read or stored.
    networks = 6 * 4 * n_members * sum(entries.values())
    centre = 0
    if condition.output_scale is not None:
        # The weights at the start, and their logits on all images.
        centre = 4 * n_members * (sum(entries.values()) + sum(data.images) * data.classes)
    kept = [
        4 * n_members * len(epochs) * entries[layer]
        for layer, epochs in study.layer_snapshots(condition).items()
    ]
    # A layer's snapshots are copied to be written.
    history = sum(kept) + max(kept) + n_members * 18 * (study.epochs + 1)
    working = _numba_working if engine == "numba" else _torch_working
    of_arrays = images + networks + centre + history
    of_arrays += working(study, condition, n_members, threads)
    return ceil(_LIBRARIES[engine] + (1 + _MARGIN) * of_arrays / 1e6)


def _numba_working(study: Study, condition: Condition, n_members: int, threads: int) -> int:
    """Bytes for the networks that train at the same time: batch, units, gradient, order."""
    batch = min(study.batch_size, DATASETS[condition.dataset].images[0])
    inputs, units = DATASETS[condition.dataset].inputs, sum(o for o, _ in condition.shapes.values())
    gradient = sum(map(prod, condition.shapes.values()))
    order = 2 * DATASETS[condition.dataset].images[0]
    each = 4 * (batch * (inputs + 2 * units) + gradient + order)
    return min(threads, n_members) * each


def _torch_working(study: Study, condition: Condition, n_members: int, threads: int) -> int:
    """Bytes for a copy of the images, two epochs' orders, and a chunk, of a member at least."""
    data = DATASETS[condition.dataset]
    chunk = max(_CHUNK, 2 * _numba_working(study, condition, 1, 1))
    orders = 2 * 4 * n_members * data.images[0] + threads * 8 * data.images[0]
    return sum(data.images) * (data.inputs + 8) + orders + chunk
