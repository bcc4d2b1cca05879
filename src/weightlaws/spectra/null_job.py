"""One job of simulating a null, and how a stored one is read back."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from weightlaws.spectra.marchenko_pastur import Ends
from weightlaws.spectra.null import SPACING_EDGES, Null, simulate_null
from weightlaws.spectra.statistics import STATISTICS
from weightlaws.storage import hdf5
from weightlaws.storage.shard_specs import Spec


def store_null(path: Path, spec: Spec) -> None:
    """Simulate the null of one shape and store it.

    Parameters
    ----------
    path
        The file to write.
    spec
        A ``specs.null_spec``.
    """
    rows, columns = spec["shape"]
    # Seeded by the study and the shape alone, so that other layers change nothing here.
    rng = np.random.default_rng([spec["seed"], *f"null/{rows}x{columns}".encode()])
    null = simulate_null(
        (rows, columns),
        rng,
        matrices=spec["matrices"],
        vectors=spec["vectors"],
        pooled_ranks=spec["pooled_ranks"],
    )
    with hdf5.create(path, "null", spec) as writer:
        writer.add("ends", [null.ends.smallest, null.ends.largest])
        writer.add("singular_values", null.singular_values)
        writer.add("statistics", np.stack([null.statistics[name] for name in STATISTICS]))
        writer.add("spacings", null.spacings)
        writer.add("left", null.left)
        writer.add("right", null.right)


def read_nulls(paths: Sequence[Path]) -> dict[tuple[int, int], Null]:
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
        stored = reader.spec
        try:
            rows, columns = stored["shape"]
            matrices, vectors = stored["matrices"], stored["vectors"]
            pooled_ranks = min(stored["pooled_ranks"], rows, columns)
        except (KeyError, TypeError, ValueError) as error:
            raise hdf5.StorageError(path, "spec", f"no {error}", "the spec of a null") from error
        # Statistics of matrices that are too small for them are NaN.
        statistics = reader.read(
            "statistics", np.float64, (len(STATISTICS), matrices), finite=False
        )
        smallest, largest = reader.read("ends", np.float64, (2,), finite=False)
        bins = len(SPACING_EDGES) - 1
        return Null(
            shape=(rows, columns),
            ends=Ends(float(smallest), float(largest)),
            singular_values=reader.read(
                "singular_values", np.float64, (matrices, min(rows, columns))
            ),
            statistics=dict(zip(STATISTICS, statistics, strict=True)),
            spacings=reader.read("spacings", np.float64, (matrices, bins), finite=False),
            left=reader.read("left", np.float64, (vectors,)),
            right=reader.read("right", np.float64, (vectors,)),
            pooled_ranks=pooled_ranks,
        )
