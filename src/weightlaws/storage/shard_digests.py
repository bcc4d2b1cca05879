"""Digests of the networks in weights shards, by which networks that are trained anew are compared.

They are of arrays and not of files: the bytes of a file also depend on the version of HDF5, and it
tells who trained the networks, and with how many threads.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from weightlaws.storage.shards import WeightsShard


def member_digests(shard: WeightsShard) -> list[str]:
    """Digest each member by itself: it has the same digest in a shard of any size.

    Returns
    -------
    list of str
        By member the SHA-256, in hexadecimal, of its weights, layer by layer at all kept epochs,
        its training losses and its test accuracies: the bytes of these arrays, one after another.
    """
    arrays: list[npt.NDArray[Any]] = [*shard.weights.values(), shard.loss, shard.accuracy]
    return [_sha256(values[k].tobytes() for values in arrays) for k in range(len(shard.members))]


def joint_digest(digests: Iterable[str]) -> str:
    """SHA-256 of digests in hexadecimal, one after another: that of a shard from its members'."""
    return _sha256(digest.encode() for digest in digests)


def _sha256(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()
