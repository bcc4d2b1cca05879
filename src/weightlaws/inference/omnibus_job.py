"""One job of omnibus tests of a condition's laws: from its weights shards to a table."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.inference.layer_tables import layer_tables
from weightlaws.inference.max_t import require_simulations
from weightlaws.inference.omnibus import omnibus
from weightlaws.inference.sided_spec import SidedSpec
from weightlaws.laws.candidates import testable
from weightlaws.storage.matrices import Matrices
from weightlaws.storage.shard_specs import Spec

# POT imports every array package that it finds, once it is used; a job needs none of them.
for _package in ("PYTORCH", "JAX", "TENSORFLOW", "CUPY"):
    os.environ.setdefault(f"POT_BACKEND_DISABLE_{_package}", "1")

# Members that a test needs: a law is fitted to half of them.
_FEWEST = 4


@dataclass(frozen=True)
class OmnibusSpec(SidedSpec):
    """Everything that fixes the omnibus tests of a condition's laws.

    Attributes
    ----------
    level
        The level that p-values are compared with.
    ensembles
        The most simulated ensembles behind a test.
    """

    level: float
    ensembles: int


def omnibus_table(paths: Sequence[Path], stored: Spec, condition: str) -> pd.DataFrame:
    """Test every layer of a condition at its headline epochs against every law as a whole.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.omnibus_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        One row a layer, epoch, ``selection`` of members and law; for the columns see
        `omnibus.Omnibus`. A one-sided law needs more members in half of the ensemble than labels.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    ValueError
        If there are too few simulations for any test to reject.
    """
    spec = OmnibusSpec.parse(stored)
    # A finding is judged at the level over the number of epochs.
    require_simulations(spec.ensembles, spec.level / len(spec.epochs))
    table = partial(_test, spec=spec, condition=condition)
    return layer_tables(
        paths,
        spec.weights,
        spec.members,
        condition,
        table,
        least=_FEWEST,
        epochs=spec.epochs,
    )


def _test(
    matrices: Matrices, *, spec: OmnibusSpec, condition: str, layer: str, epoch: int
) -> pd.DataFrame:
    # Seeded by the study and the place alone, so that other conditions change nothing here.
    seed = [spec.seed, *f"omnibus/{condition}/{layer}".encode(), epoch]
    rows = []
    fits = testable(spec.weights.shapes[layer], spec.side(layer), len(matrices) // 2)
    for law, fit in fits.items():
        rng = np.random.default_rng([*seed, *law.encode()])
        found = omnibus(matrices, fit, spec.ensembles, rng)
        rows.append({"law": law, **asdict(found)})
    return pd.DataFrame(rows)
