"""One job of testing symmetries: from a condition's weights shards to a table."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.inference.admissibility import with_and_without_dead
from weightlaws.inference.symmetry import SYMMETRIES, randomisation_tests
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import read_weights


def symmetry_table(paths: Sequence[Path], spec: Spec, condition: str) -> pd.DataFrame:
    """Test the symmetries of every layer of a condition at its headline epochs.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    spec
        A ``specs.symmetry_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        What `symmetry.randomisation_tests` says, one row a layer, epoch, choice of ``members`` and
        test. A layer has the headline epochs of which its snapshots are kept. At the input entries
        are not tested: columns are pixels, and thousands of entries would have to be permuted.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    weights, parts = WeightsSpec.parse(spec["weights"]), []
    for layer, snapshots in weights.snapshots.items():
        rows, columns = weights.shapes[layer]
        place: dict[str, str | int] = {
            "condition": condition,
            "layer": layer,
            "rows": rows,
            "columns": columns,
        }
        # Seeded by the study and the place alone, so that other conditions change nothing here.
        seed = [spec["seed"], *f"symmetry/{condition}/{layer}".encode()]
        tests = [t for t in SYMMETRIES if t != "entries" or not layer.startswith("input-")]
        for epoch in spec["epochs"]:
            if epoch in snapshots:
                ensemble = read_weights(paths, weights, spec["members"], layer, epoch)
                table = partial(_test, n=spec["randomisations"], seed=[*seed, epoch], tests=tests)
                parts.append(with_and_without_dead(ensemble, 3, table, **place, epoch=epoch))
    return pd.concat(parts, ignore_index=True)


def _test(
    matrices: npt.NDArray[np.float32], n: int, seed: list[int], tests: list[str]
) -> pd.DataFrame:
    return randomisation_tests(matrices, n, np.random.default_rng(seed), tests)
