"""Bytes of the files of a condition, by folder of the results.

Arrays are counted by their shapes. Tables are counted where they are large.
"""

from math import prod

from weightlaws.study.conditions import Condition, Ensemble
from weightlaws.study.study import Study

#: Number of invariants in a catalogue.
INVARIANTS = {"published": 52, "complete": 361}
# Bytes of a fit to one snapshot, measured: ten numbers and a line of text for an invariant; numbers
# beside the members' statistics for a parameter.
_PER_INVARIANT, _PER_PARAMETER = 305, 410
# Bytes of a shard's file beside its arrays, measured.
_PER_FILE = 6_000


def images(condition: Condition) -> int:
    """Return the bytes of the stored images that a condition's networks learn."""
    info = condition.info
    return sum(info.images) * (condition.data.pixel_bytes * info.inputs + 1)


def entries(condition: Ensemble) -> dict[str, int]:
    """Return the stored numbers of a network by layer: its weights, and biases if it has them."""
    biases = isinstance(condition, Condition) and condition.biases
    return {layer: prod(shape) + biases * shape[0] for layer, shape in condition.shapes.items()}


def weights(study: Study, condition: Ensemble) -> dict[str, int]:
    """Return the bytes of a condition's weights, and of the states of its training."""
    stored = entries(condition)
    snapshots = {layer: len(kept) for layer, kept in study.layer_snapshots(condition).items()}
    trained = isinstance(condition, Condition)
    # Weights are float32. Loss and accuracy are float64, and there are two flags, for each epoch.
    member = 4 * sum(snapshots[layer] * stored[layer] for layer in stored)
    member += (8 + 8 + 1 + 1) * (study.epochs + 1 if trained else max(snapshots.values()))
    # A state holds the arrays of a shard, and each entry as it is now with its two moments.
    state = member + 3 * 4 * sum(stored.values())
    files, n = len(study.shards(condition)) * _PER_FILE, condition.members
    sizes = {"weights": files + n * member}
    return {**sizes, "state": files + n * state} if trained and study.keep_state else sizes


def invariants(study: Study, condition: Ensemble) -> dict[str, int]:
    """Return the bytes of a condition's invariants."""
    values = 8 * INVARIANTS[study.invariants] * condition.members * _fits(study, condition)
    return {"invariants": len(study.shards(condition)) * _PER_FILE + values}


def models(study: Study, condition: Ensemble) -> dict[str, int]:
    """Return the bytes of a condition's fits and their tables."""
    parameters = 13 * (_PER_PARAMETER + 8 * condition.members)
    each = parameters + _PER_INVARIANT * INVARIANTS[study.invariants]
    return {"models": _fits(study, condition) * each}


def _fits(study: Study, condition: Ensemble) -> int:
    """Return the number of snapshots of square layers."""
    snapshots = study.layer_snapshots(condition)
    return sum(len(snapshots[layer]) for layer in condition.square_layers)
