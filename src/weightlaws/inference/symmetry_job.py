"""One job of testing symmetries: from a condition's weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.inference.layer_tables import layer_tables
from weightlaws.inference.sided_spec import SidedSpec
from weightlaws.inference.symmetry import randomisation_tests
from weightlaws.inference.symmetry_names import ENTRIES, SYMMETRY_TESTS
from weightlaws.storage.matrices import Matrices
from weightlaws.storage.shard_specs import Spec


@dataclass(frozen=True)
class SymmetrySpec(SidedSpec):
    """Everything that fixes the tests of a condition's symmetries.

    Attributes
    ----------
    randomisations
        The number of randomised copies that an ensemble is compared with.
    """

    randomisations: int


def symmetry_table(paths: Sequence[Path], stored: Spec, condition: str) -> pd.DataFrame:
    """Test the symmetries of every layer of a condition at its headline epochs.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.symmetry_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        The table of `symmetry.randomisation_tests`, one row a layer, epoch, ``selection`` of
        members and test. A layer has the headline epochs whose snapshots are kept. Entries are not
        tested where the columns are pixels: thousands of entries would have to be permuted.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    spec = SymmetrySpec.parse(stored)
    table = partial(_test, spec=spec, condition=condition)
    return layer_tables(
        paths, spec.weights, spec.members, condition, table, least=3, epochs=spec.epochs
    )


def _test(
    matrices: Matrices, *, spec: SymmetrySpec, condition: str, layer: str, epoch: int
) -> pd.DataFrame:
    # Seeded by the study and the place alone, so that other conditions change nothing here.
    seed = [spec.seed, *f"symmetry/{condition}/{layer}".encode(), epoch]
    pixels = spec.side(layer) == "columns"
    tests = [test for test in SYMMETRY_TESTS if test != ENTRIES or not pixels]
    return randomisation_tests(matrices, spec.randomisations, np.random.default_rng(seed), tests)
