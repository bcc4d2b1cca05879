"""One job of storing networks that were trained elsewhere as a weights shard."""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from weightlaws.arrays import Bools, Bytes
from weightlaws.errors import WeightLawsError
from weightlaws.external import ensembles, networks
from weightlaws.external.ensembles import to_float32
from weightlaws.external.selection import Selection
from weightlaws.storage import hdf5
from weightlaws.storage.file_digest import file_digest
from weightlaws.storage.shard_specs import NAME_BYTES, Spec, WeightsSpec

log = logging.getLogger(__name__)


def import_shard(path: Path, stored: Spec) -> None:
    """Store members of an ensemble as a weights shard, with all epochs that there are.

    A member with weights that are not finite is stored as diverged. Beside the weights stand
    ``names`` of the members, and a ``digest`` of the weights of each, uint8 (member, 16), at
    the last epoch, by which equal members are found.

    Parameters
    ----------
    path
        The shard to write.
    stored
        A ``specs.import_spec``: ``path`` is the ensemble's, and what it has of ``include``,
        ``exclude``, ``state_dict``, ``layers``, ``epoch`` and ``layout`` says what of it is read.
        A spec without ``digests`` is one of files that nobody else writes.

    Raises
    ------
    WeightLawsError
        As `ensembles.read_members` does.
    """
    spec, ensemble = WeightsSpec.parse(stored), stored["path"]
    members, shapes = _members(spec), {layer: [*shape] for layer, shape in spec.shapes.items()}
    which = {key: stored.get(key) for key in ("epoch", "layout")}
    names = ensembles.member_names(ensemble, members[-1] + 1, **which)[members[0] :]
    digests: list[dict[str, bytes]] = [{} for _ in members]
    seen: set[int] = set()
    columns = {epoch: k for k, epoch in enumerate(spec.recorded)}
    with _shard(path, spec) as (writer, weights, finite):
        found = ensembles.read_members(
            ensemble, shapes, members[0], members[-1], selection=selection_of(stored), **which
        )
        for member, epoch, layer, matrix in found:
            k = member - members[0]
            seen.add(epoch)
            if epoch not in columns:
                break
            weights[layer][k, columns[epoch]] = matrix
            finite[k, columns[epoch] :] &= np.isfinite(matrix).all()
            digests[k][layer] = hashlib.sha256(np.ascontiguousarray(matrix).data).digest()
        if seen != {*columns}:
            raise WeightLawsError(
                f"{ensemble}: epochs",
                "others than when the run began",
                f"{[*spec.recorded]}",
                "run snakemake again",
            )
        writer.add("names", np.array([name.encode() for name in names], f"S{NAME_BYTES}"))
        writer.add("digest", np.array([_digest(layers) for layers in digests]))
    for diverged in np.flatnonzero(~finite[:, -1]):
        log.warning(
            "member %d (%s) has weights that are not finite: it is listed, and left out of every "
            "law",
            members[diverged],
            names[diverged],
        )


def _digest(layers: Mapping[str, bytes]) -> Bytes:
    """Digest a member, whatever the order of its layers."""
    whole = hashlib.sha256(b"".join(layers[layer] for layer in sorted(layers)))
    return np.frombuffer(whole.digest()[:16], np.uint8)


def selection_of(stored: Spec) -> Selection:
    """Return the layers that a spec asks for."""
    include, exclude = (tuple(stored.get(key) or ()) for key in ("include", "exclude"))
    renamed = tuple((stored.get("layers") or {}).items())
    return Selection(include, exclude, stored.get("state_dict"), renamed)


def import_network(path: Path, stored: Spec) -> None:
    """Store a single network as a weights shard of one member, with one snapshot at epoch 0.

    Parameters
    ----------
    path
        The shard to write. Its spec has the shapes and snapshots of the layers, too.
    stored
        A ``specs.import_spec``: ``source`` names the network, as in `networks.opened`.

    Raises
    ------
    WeightLawsError
        As `networks.opened` does, or if a weight is beyond the range of float32.
    """
    with networks.opened(stored["source"], selection=selection_of(stored)) as network:
        # Layers that are not finite show when they are read; the file is laid out before.
        shapes = {layer: [*matrix.shape] for layer, matrix in network.matrices()}
        found = {"shapes": shapes, "snapshots": {layer: [0] for layer in shapes}}
        for name, reason in network.skipped.items():
            log.info("%s is left out: %s", name, reason)
        log.info("layers hold %.1f %% of the network's weights", 100 * network.share)
        _store(path, WeightsSpec.parse({**stored, **found}), network)


def _store(path: Path, spec: WeightsSpec, network: networks.Network) -> None:
    told = {"skipped": network.skipped}
    with _shard(path, spec, told) as (_, weights, _):
        for layer, matrix in network.matrices():
            rounded = to_float32(matrix)
            if not np.isfinite(rounded).all():
                raise WeightLawsError(
                    f"{network.name}: layer {layer}",
                    f"a weight of size {np.abs(matrix).max():.3g}",
                    "weights in the range of float32, below 3.4e38",
                    "scale the layer",
                )
            weights[layer][0, 0] = rounded
            notes = "".join(f"; {note}" for note in network.layers[layer].notes)
            log.info("%s is a layer of shape %s%s", layer, matrix.shape, notes)


def _members(spec: WeightsSpec) -> range:
    if spec.members is None:
        raise ValueError("spec: expected the members of a shard, found none")
    return spec.members


@contextmanager
def _shard(
    path: Path, spec: WeightsSpec, told: Mapping[str, Any] | None = None
) -> Iterator[tuple[hdf5.Writer, dict[str, h5py.Dataset], Bools]]:
    """Open a weights shard: its weights, and flags for finite members, (member, epoch).

    ``told`` is provenance.
    """
    n_members, n_epochs = len(_members(spec)), len(spec.recorded)
    finite = np.ones((n_members, n_epochs), np.bool_)
    own = {**spec.stored}
    digests = own.pop("digests", {})
    with hdf5.create(path, "weights", own, {"digests": digests, **(told or {})}) as writer:
        yield (
            writer,
            {
                layer: writer.create(f"weights/{layer}", (n_members, n_epochs, *shape), np.float32)
                for layer, shape in spec.shapes.items()
            },
            finite,
        )
        for layer in spec.shapes:
            writer.add(f"epochs/{layer}", np.array(spec.recorded, np.int64))
        writer.add("loss", np.full((n_members, n_epochs - 1), np.nan))
        writer.add("accuracy", np.full((n_members, n_epochs), np.nan))
        writer.add("dead_output", np.zeros((n_members, n_epochs), np.bool_))
        writer.add("finite", finite)
        _check_unchanged(digests)


def _check_unchanged(digests: Mapping[str, str]) -> None:
    """Refuse files that are not, or no longer, those that the run was planned with."""
    for path, expected in digests.items():
        if (found := file_digest(Path(path))) != expected:
            raise WeightLawsError(
                f"{path}: SHA-256",
                f"{found}...",
                f"{expected}..., as when the run began",
                "run snakemake again once the file is whole",
            )
