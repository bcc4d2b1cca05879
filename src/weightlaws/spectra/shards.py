"""The record of one layer's spectra, its files, and the spec that fixes its numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Bools, Floats, Integers, Shape
from weightlaws.spectra.marchenko_pastur import deflated
from weightlaws.spectra.null import SPACING_EDGES
from weightlaws.spectra.statistics import DECOMPOSED, OF_COPIES, STATISTICS
from weightlaws.storage.hdf5 import Reader, Writer
from weightlaws.storage.shard_specs import NAME_BYTES, Spec
from weightlaws.storage.shards import opened_shards, too_few_finite

#: Bytes that are kept of the reason for a tail's verdict.
REASON_BYTES = 300


@dataclass(frozen=True)
class SpectraShardSpec:
    """Everything that fixes the numbers of a spectra shard, or of all shards of a condition.

    Attributes
    ----------
    stored
        The plain dict, by which files are compared.
    weights
        The spec that the condition's weights shards share, as a plain dict. The layers of a network
        that was trained elsewhere are not in it.
    seed
        The study's seed.
    epochs
        The epochs to analyse, where a layer has them.
    permutations, sign_flips, bootstrap_replicates, goodness_of_fit_replicates
        See `analysis.analyse`.
    members
        Numbers of the shard's first and last member; None where the spec is shared by all shards.
    """

    stored: Spec
    weights: Spec
    seed: int
    epochs: tuple[int, ...]
    permutations: int
    sign_flips: int
    bootstrap_replicates: int
    goodness_of_fit_replicates: int
    members: tuple[int, int] | None

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.spectra_shard_spec``; a KeyError or TypeError says which key is wrong."""
        first_and_last = stored.get("members")
        return cls(
            stored=stored,
            weights=stored["weights"],
            seed=stored["seed"],
            epochs=tuple(stored["epochs"]),
            permutations=stored["permutations"],
            sign_flips=stored["sign_flips"],
            bootstrap_replicates=stored["bootstrap_replicates"],
            goodness_of_fit_replicates=stored["goodness_of_fit_replicates"],
            members=None if first_and_last is None else (first_and_last[0], first_and_last[1]),
        )


def _axes(
    *axes: str, dtype: type | str = np.float64, names: Sequence[str] = ()
) -> dict[str, object]:
    """Describe a stored field: axes after the member's, dtype, and, of a dict, its names."""
    return {"axes": axes, "dtype": dtype, "names": tuple(names)}


@dataclass(frozen=True)
class LayerSpectra:
    """Spectra of one layer after one epoch, of all members that are finite.

    A file holds each array under its field's name. NaN stands for what is not determined.

    Attributes
    ----------
    shape
        (out, in); n is the smaller of the two.
    singular_values
        Descending, (member, n).
    statistics
        By the names of `STATISTICS`, (member,) each.
    permuted, sign_flipped
        By the names of `OF_COPIES`, with the entries permuted and with random signs, (member, copy)
        each.
    learned_rank
        See `sign_flips.learned_rank`, (member,).
    zero_rows, zero_columns
        How many rows and columns are 0 and left out, (member,).
    sigma, upper_edge, edge_scale, threshold
        Of the bulk's law: see `marchenko_pastur.Bulk`, (member,).
    informative_vectors, informative_from
        See `analysis.Analysis`, (member,).
    tail_exponent, tail_from, tail_values
        Exponent, first value and number of values of the tail, (member,).
    hill_plateau, hill_exponent
        Whether the tail's Hill plot has a plateau, as 0 or 1, and its exponent, (member,).
    brody_error
        Standard error of the Brody parameter, (member,).
    brody_window_spread
        See `statistics.brody_window_spread`, (member,).
    distance_travelled
        Norm of the change of the matrix since epoch 0 over its norm then, (member,).
    p_left, p_right, participation_left, participation_right, informative
        Of the singular vectors: see `analysis.Vectors`, (member, n).
    spacings
        Histogram of level spacings over `SPACING_EDGES`, as a density, (member, bin).
    hill
        The Hill estimator gamma_k for k from 1 on, (member, n - 1); NaN from the number of positive
        values on.
    plateau
        First k, last k and exponent of the Hill plot's plateau, at any n, (member, 3).
    verdict
        On the tail: positions in `tails.VERDICTS`, (member,).
    reason
        For the verdicts, bytes (member,).
    """

    shape: Shape
    singular_values: Floats = field(metadata=_axes("rank"))
    statistics: Mapping[str, Floats] = field(metadata=_axes(names=[*STATISTICS]))
    permuted: Mapping[str, Floats] = field(metadata=_axes("permutation", names=OF_COPIES))
    sign_flipped: Mapping[str, Floats] = field(metadata=_axes("flip", names=OF_COPIES))
    learned_rank: Floats = field(metadata=_axes())
    zero_rows: Floats = field(metadata=_axes())
    zero_columns: Floats = field(metadata=_axes())
    sigma: Floats = field(metadata=_axes())
    upper_edge: Floats = field(metadata=_axes())
    edge_scale: Floats = field(metadata=_axes())
    threshold: Floats = field(metadata=_axes())
    informative_vectors: Floats = field(metadata=_axes())
    informative_from: Floats = field(metadata=_axes())
    tail_exponent: Floats = field(metadata=_axes())
    tail_from: Floats = field(metadata=_axes())
    tail_values: Floats = field(metadata=_axes())
    hill_plateau: Floats = field(metadata=_axes())
    hill_exponent: Floats = field(metadata=_axes())
    brody_error: Floats = field(metadata=_axes())
    brody_window_spread: Floats = field(metadata=_axes())
    distance_travelled: Floats = field(metadata=_axes())
    p_left: Floats = field(metadata=_axes("rank"))
    p_right: Floats = field(metadata=_axes("rank"))
    participation_left: Floats = field(metadata=_axes("rank"))
    participation_right: Floats = field(metadata=_axes("rank"))
    informative: Bools = field(metadata=_axes("rank", dtype=np.bool_))
    spacings: Floats = field(metadata=_axes("bin"))
    hill: Floats = field(metadata=_axes("k"))
    plateau: Floats = field(metadata=_axes("of_plateau"))
    verdict: Integers = field(metadata=_axes(dtype=np.int64))
    reason: npt.NDArray[np.bytes_] = field(metadata=_axes(dtype=f"S{REASON_BYTES}"))

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.singular_values)

    def inner_shapes(self) -> list[Shape]:
        """Return by member the shape without rows and columns of zeros, of which nulls are."""
        rows, columns = self.shape
        zeros = zip(self.zero_rows.astype(int), self.zero_columns.astype(int), strict=True)
        return [(rows - int(over), columns - int(across)) for over, across in zeros]

    def bulk_shapes(self) -> list[Shape]:
        """Return by member the shape of its bulk: see `marchenko_pastur.Bulk`.

        That of members without a bulk is the shape without zeros.
        """
        outside = zip(
            *(np.nan_to_num(self.statistics[f"outliers_{side}"]) for side in ("above", "below")),
            strict=True,
        )
        return [
            deflated(shape, int(above), int(below))
            for shape, (above, below) in zip(self.inner_shapes(), outside, strict=True)
        ]

    @classmethod
    def of_arrays(cls, shape: Shape, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Make a record of arrays by name, as `arrays` has them."""
        found: dict[str, Any] = {
            group: {name: arrays[f"{group}/{name}"] for name in names} if names else arrays[group]
            for group, names in _groups().items()
        }
        return cls(shape, **found)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays by the names that a file has for them, (member, ...) each."""
        found: dict[str, npt.NDArray[Any]] = {}
        for group, names in _groups().items():
            value = getattr(self, group)
            found |= {f"{group}/{name}": value[name] for name in names} or {group: value}
        return found


def _groups() -> dict[str, tuple[str, ...]]:
    """Return the fields that are stored, each with the names of its arrays if it is a dict."""
    return {one.name: one.metadata["names"] for one in fields(LayerSpectra) if one.metadata}


def join(parts: Sequence[LayerSpectra]) -> LayerSpectra:
    """Join records of one layer and epoch, of different members; at least one."""
    arrays = [part.arrays() for part in parts]
    joined = {name: np.concatenate([one[name] for one in arrays]) for name in arrays[0]}
    return LayerSpectra.of_arrays(parts[0].shape, joined)


def write_layer(writer: Writer, layer: str, by_epoch: Sequence[LayerSpectra]) -> None:
    """Store a layer's records, one an epoch, under ``{name}/{layer}``, (member, epoch, ...)."""
    arrays = [spectra.arrays() for spectra in by_epoch]
    for name in arrays[0]:
        writer.add(f"{name}/{layer}", np.stack([one[name] for one in arrays], axis=1))


def read_spectra(
    paths: Sequence[Path], spec: SpectraShardSpec, n_members: int
) -> Iterator[tuple[str, int, LayerSpectra]]:
    """Read a condition's spectra: layer, epoch and record, one after another.

    Parameters
    ----------
    paths
        All spectra shards of the condition, in the order of their members.
    spec
        The spec that the shards share, without ``members``.
    n_members
        How many members there should be.

    Raises
    ------
    StorageError
        If a shard is not of this spec, or the shards are not all members, each once.
    WeightLawsError
        If no member is finite.
    """
    layers: dict[str, tuple[Shape, list[int]]] = {}
    for reader in opened_shards(paths, "spectra", spec.stored, n_members):
        layers = _layers(reader)
    for layer, (shape, epochs) in layers.items():
        if not epochs:
            continue  # none of its snapshots is analysed, and so nothing is stored of it
        parts = [
            _read(reader, layer, shape, len(epochs), spec)
            for reader in opened_shards(paths, "spectra", spec.stored, n_members)
            if reader.read("finite", np.bool_, (None,)).any()
        ]
        if not parts:
            raise too_few_finite(paths[0], 0, n_members, 1)
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for k, epoch in enumerate(epochs):
            # Contiguous arrays, so that sums over them are added in one order.
            found = {name: np.ascontiguousarray(values[:, k]) for name, values in joined.items()}
            yield layer, epoch, LayerSpectra.of_arrays(shape, found)


def _layers(reader: Reader) -> dict[str, tuple[Shape, list[int]]]:
    """Return the shape and the analysed epochs of each layer in a shard, in their order."""
    names = reader.read("layers", f"S{NAME_BYTES}", (None,)).tolist()
    shapes = reader.read("shapes", np.int64, (len(names), 2)).tolist()
    layers = {}
    for name, (rows, columns) in zip((name.decode() for name in names), shapes, strict=True):
        epochs = reader.read(f"epochs/{name}", np.int64, (None,)).tolist()
        layers[name] = ((rows, columns), epochs)
    return layers


def _read(
    reader: Reader, layer: str, shape: Shape, n_epochs: int, spec: SpectraShardSpec
) -> dict[str, npt.NDArray[Any]]:
    """Read one layer's arrays of a shard by name, (member, epoch, ...)."""
    n_members = int(reader.read("finite", np.bool_, (None,)).sum())
    n, bins = min(shape), len(SPACING_EDGES) - 1
    lengths = {"rank": n, "k": n - 1, "of_plateau": 3, "bin": bins}
    lengths |= {"permutation": spec.permutations, "flip": min(spec.sign_flips, DECOMPOSED)}
    arrays = {}
    for one in fields(LayerSpectra):
        if not one.metadata:
            continue  # the shape
        dtype, finite = one.metadata["dtype"], one.name == "singular_values"
        sizes = (n_members, n_epochs, *(lengths[axis] for axis in one.metadata["axes"]))
        for name in [f"{one.name}/{key}" for key in one.metadata["names"]] or [one.name]:
            arrays[name] = reader.read(f"{name}/{layer}", dtype, sizes, finite=finite)
    return arrays
