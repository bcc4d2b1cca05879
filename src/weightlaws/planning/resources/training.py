"""What a training job asks for: memory by counting arrays, time by rates that were measured."""

from math import prod

from weightlaws.planning.resources.request import Request, members, request
from weightlaws.study.conditions import Condition, Shard
from weightlaws.study.study import Study
from weightlaws.training.datasets import DATASETS

# MB of the interpreter and libraries, measured, numba's as it compiles; for CUDA's on the host an
# allowance.
_LIBRARIES = {"numba": 265, "torch": 380, "cuda": 4300}
# Bytes of a chunk of torch's on the processor, see torch_engine.
_CHUNK = 2**25

# Seconds of one core, measured of 784-n-n-10 on MNIST and of 3072-n-n-10: of an image's input, read
# and scaled; of an image and a weight, forwards and back; of a step and a weight, Adam's.
_PER_INPUT, _PER_WEIGHT, _PER_UPDATE = 4e-10, 4.5e-11, 1e-9
# Forwards alone, as a share.
_FORWARDS = 0.4
# How many times as long as numba's an engine's epoch takes: torch's on the processor at most, see
# docs/training.md. CUDA's is not known: a core's time stands for the device's.
_SLOWER = {"numba": 1.0, "torch": 4.0, "cuda": 1.0}


def _engine(study: Study) -> str:
    """Return ``numba``, also where the engine is left open, ``torch`` or ``cuda``."""
    return "cuda" if study.device == "cuda" else study.engine.replace("auto", "numba")


def training(study: Study, condition: Condition, shard: Shard, threads: int) -> Request:
    """Return what a job takes that trains a shard.

    Where the study leaves the engine open it is taken to be numba's; a study that is to train on
    CUDA should say ``device: cuda``, for CUDA's libraries take more of the host's memory.
    """
    of_arrays = _bytes(study, condition, shard, threads)
    seconds = _seconds(study, condition, shard, threads)
    return request(_LIBRARIES[_engine(study)], of_arrays, seconds)


def seconds_per_network_epoch(study: Study, condition: Condition, engine: str = "numba") -> float:
    """Return what one core takes to train a network for an epoch and to test it, in seconds.

    Parameters
    ----------
    engine
        ``numba``, ``torch`` or ``cuda``.
    """
    data = DATASETS[condition.dataset]
    to_train, to_test = data.images
    weights = sum(map(prod, condition.shapes.values()))
    images = to_train * (_PER_INPUT * data.inputs + _PER_WEIGHT * weights)
    steps = -(-to_train // study.batch_size) * _PER_UPDATE * weights
    test = to_test * (_PER_INPUT * data.inputs + _FORWARDS * _PER_WEIGHT * weights)
    return _SLOWER[engine] * (images + steps + test)


def _seconds(study: Study, condition: Condition, shard: Shard, threads: int) -> float:
    """Return what a job that trains a shard takes; threads beyond its members are of no use.

    On CUDA it is a core's time, whatever the threads.
    """
    engine, n_members = _engine(study), members(shard)
    at_once = 1 if engine == "cuda" else min(threads, n_members)
    each = study.epochs * seconds_per_network_epoch(study, condition, engine)
    return each * -(-n_members // at_once)


def _bytes(study: Study, condition: Condition, shard: Shard, threads: int) -> int:
    """Return what the arrays of a job that trains a shard take at their peak."""
    n_members = members(shard)
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
    working = _numba_working if _engine(study) == "numba" else _torch_working
    return images + networks + centre + history + working(study, condition, n_members, threads)


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
