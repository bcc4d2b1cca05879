"""One job of simulating a null, and how a stored one is read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from weightlaws.arrays import Shape
from weightlaws.spectra.marchenko_pastur import Ends
from weightlaws.spectra.null import SPACING_EDGES, Null, simulate_null
from weightlaws.spectra.statistics import STATISTICS
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import Spec


@dataclass(frozen=True)
class NullSpec:
    """Everything that fixes the null of one shape.

    Attributes
    ----------
    shape
        (out, in).
    matrices
        See `null.simulate_null`.
    seed
        The study's seed.
    """

    shape: Shape
    matrices: int
    seed: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.null_spec``; a KeyError, TypeError or ValueError says what is wrong."""
        rows, columns = stored["shape"]
        return cls(shape=(rows, columns), matrices=stored["matrices"], seed=stored["seed"])


def store_null(path: Path, stored: Spec) -> None:
    """Simulate the null of one shape and store it.

    Parameters
    ----------
    path
        The file to write.
    stored
        A ``specs.null_spec``.
    """
    spec = NullSpec.parse(stored)
    write_null(path, stored, simulate_null(spec.shape, spec.seed, matrices=spec.matrices))


def write_null(path: Path, stored: Spec, null: Null) -> None:
    """Store the null that a ``specs.null_spec`` names."""
    with hdf5.create(path, "null", stored) as writer:
        writer.add("ends", [null.ends.smallest, null.ends.largest])
        writer.add("singular_values", null.singular_values)
        for name, values in null.statistics.items():
            writer.add(f"statistics/{name}", values)
        writer.add("spacings", null.spacings)


def read_nulls(paths: Sequence[Path]) -> dict[Shape, Null]:
    """Read stored nulls, by the shape of their matrices; see `read_null`."""
    return {null.shape: null for null in map(read_null, paths)}


def read_null(path: Path, spec: Spec | None = None) -> Null:
    """Read a stored null, checked against the expected spec if one is given.

    Raises
    ------
    StorageError
        If the file is not a whole, undamaged null of that spec.
    """
    with hdf5.opened(path, "null", spec) as reader:
        try:
            fixed = NullSpec.parse(reader.spec)
        except (KeyError, TypeError, ValueError) as error:
            raise hdf5.StorageError(path, "spec", f"no {error}", "the spec of a null") from error
        smallest, largest = reader.read("ends", np.float64, (2,), finite=False)
        bins = len(SPACING_EDGES) - 1
        return Null(
            shape=fixed.shape,
            ends=Ends(float(smallest), float(largest)),
            singular_values=reader.read(
                "singular_values", np.float64, (fixed.matrices, min(fixed.shape))
            ),
            # Statistics of matrices that are too small for them are NaN.
            statistics={
                name: reader.read(f"statistics/{name}", np.float64, (fixed.matrices,), finite=False)
                for name in STATISTICS
            },
            spacings=reader.read("spacings", np.float64, (fixed.matrices, bins), finite=False),
            seed=fixed.seed,
        )
