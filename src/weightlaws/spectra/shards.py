"""What spectra shards hold, and how all of a condition's are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from weightlaws.spectra.statistics import PERMUTED, STATISTICS
from weightlaws.storage.hdf5 import Reader, StorageError
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import opened_shards

#: What is measured and has no null; see `spectra.Analysis.parameters`.
PARAMETERS = (
    "sigma",
    "upper_edge",
    "edge_scale",
    "threshold",
    "informative_vectors",
    "informative_from",
    "tail_exponent",
    "tail_from",
    "tail_values",
    "hill_plateau",
    "hill_exponent",
    "brody_error",
    "distance_travelled",
)
#: What is known of the singular vectors of each rank; see `spectra.Vectors`.
VECTORS = ("p_left", "p_right", "participation_left", "participation_right", "informative")
#: Bytes for the name of a layer, and those that are kept of the reason for a tail's verdict.
NAME_BYTES, REASON_BYTES = 500, 300


@dataclass(frozen=True)
class LayerSpectra:
    """The analyses of one layer after one epoch, of all members that are finite.

    Attributes
    ----------
    shape
        (out, in).
    singular_values
        Descending, (member, n).
    statistics, parameters
        `STATISTICS` and `PARAMETERS`, (member, statistic).
    permuted
        `PERMUTED` with the entries permuted, (member, statistic, permutation).
    vectors
        `VECTORS`, (member, quantity, rank).
    verdicts
        Of the tail, positions in `tails.VERDICTS`, (member,).
    reasons
        For the verdicts, (member,).
    """

    shape: tuple[int, int]
    singular_values: npt.NDArray[np.float64]
    statistics: npt.NDArray[np.float64]
    parameters: npt.NDArray[np.float64]
    permuted: npt.NDArray[np.float64]
    vectors: npt.NDArray[np.float64]
    verdicts: npt.NDArray[np.int64]
    reasons: list[str]

    def statistic(self, name: str) -> npt.NDArray[np.float64]:
        """Return one of `STATISTICS`, (member,)."""
        return self.statistics[:, [*STATISTICS].index(name)]

    def parameter(self, name: str) -> npt.NDArray[np.float64]:
        """Return one of `PARAMETERS`, (member,)."""
        return self.parameters[:, PARAMETERS.index(name)]


def read_spectra(
    paths: Sequence[Path], spec: Spec, n_members: int
) -> Iterator[tuple[str, int, LayerSpectra]]:
    """Read a condition's spectra: layer, epoch and analyses, one after another.

    Parameters
    ----------
    paths
        All spectra shards of the condition, in the order of their members.
    spec
        What the shards share: their spec without ``members``.
    n_members
        How many members there should be.

    Raises
    ------
    StorageError
        If a shard is not of this spec, the shards are not all members, each once, or no member is
        finite.
    """
    layers: dict[str, tuple[tuple[int, int], list[int]]] = {}
    for reader in opened_shards(paths, "spectra", spec, n_members):
        layers = _layers(reader)
    for layer, (shape, epochs) in layers.items():
        for k, epoch in enumerate(epochs):
            parts = [
                _read(reader, layer, shape, len(epochs), k)
                for reader in opened_shards(paths, "spectra", spec, n_members)
            ]
            values, statistics, parameters, permuted, vectors, verdicts, reasons = (
                np.concatenate(arrays) for arrays in zip(*parts, strict=True)
            )
            if not len(values):
                raise StorageError(paths[0], "finite", "no member", "at least one")
            texts = [text.decode(errors="replace") for text in reasons]
            yield (
                layer,
                epoch,
                LayerSpectra(
                    shape, values, statistics, parameters, permuted, vectors, verdicts, texts
                ),
            )


def _layers(reader: Reader) -> dict[str, tuple[tuple[int, int], list[int]]]:
    """Return the shape and the analysed epochs of each layer in a shard, in their order."""
    names = reader.read("layers", f"S{NAME_BYTES}", (None,)).tolist()
    shapes = reader.read("shapes", np.int64, (len(names), 2)).tolist()
    layers = {}
    for name, (rows, columns) in zip((name.decode() for name in names), shapes, strict=True):
        epochs = reader.read(f"epochs/{name}", np.int64, (None,)).tolist()
        layers[name] = ((rows, columns), epochs)
    return layers


def _read(
    reader: Reader, layer: str, shape: tuple[int, int], n_epochs: int, k: int
) -> tuple[npt.NDArray[np.generic], ...]:
    """Read one layer's datasets at its k-th analysed epoch, in the order of `LayerSpectra`."""
    n_members = int(reader.read("finite", np.bool_, (None,)).sum())
    n, permutations = min(shape), reader.spec["permutations"]
    shapes: dict[str, tuple[type | str, tuple[int, ...]]] = {
        "singular_values": (np.float64, (n,)),
        "statistics": (np.float64, (len(STATISTICS),)),
        "parameters": (np.float64, (len(PARAMETERS),)),
        "permuted": (np.float64, (len(PERMUTED), permutations)),
        "vectors": (np.float64, (len(VECTORS), n)),
        "verdicts": (np.int64, ()),
        "reasons": (f"S{REASON_BYTES}", ()),
    }
    return tuple(
        # What a matrix is too small for is NaN.
        reader.read(
            f"{name}/{layer}",
            dtype,
            (n_members, n_epochs, *rest),
            finite=name == "singular_values",
            part=(slice(None), k),
        )
        for name, (dtype, rest) in shapes.items()
    )
