"""One job of fitting interacting laws: from a condition's weights shards to three tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.inference.interacting import couplings_of, scores_of, unfit
from weightlaws.inference.interacting_predictions import predictions_of
from weightlaws.inference.layer_tables import layer_tables
from weightlaws.inference.sided_spec import SidedSpec
from weightlaws.storage.matrices import Matrices
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import too_few_finite


@dataclass(frozen=True)
class InteractingSpec(SidedSpec):
    """Everything that fixes the interacting laws of a condition's layers.

    Attributes
    ----------
    bootstrap_replicates
        The number of ensembles that are drawn from the members with replacement.
    folds
        The number of parts that members are divided into; each is held out once.
    """

    bootstrap_replicates: int
    folds: int


def interacting_tables(
    paths: Sequence[Path], stored: Spec, condition: str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Fit interacting laws to a condition's layers at its headline epochs, and test them.

    Layers at the input are left out: an interacting law takes columns as alike, and pixels are not.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.interacting_spec``.
    condition
        Its name.

    Returns
    -------
    couplings
        One row a layer, epoch, ``selection`` of members and coupling of the law of
        `interacting.law_graphs`; for the columns see `interacting.couplings_of`.
    scores
        One row a layer, epoch, selection and law; for the columns see `interacting.scores_of`.
    predictions
        One row a layer, epoch, selection and invariant; for the columns see
        `interacting_predictions.predictions_of`.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    WeightLawsError
        If fewer members are finite than there are folds.
    """
    spec = InteractingSpec.parse(stored)
    layers = {
        layer: epochs
        for layer, epochs in spec.weights.snapshots.items()
        if spec.side(layer) != "columns"
    }
    tables = (
        layer_tables(
            paths,
            replace(spec.weights, snapshots=layers),
            spec.members,
            condition,
            partial(table, spec=spec, condition=condition),
            least=spec.folds,
            epochs=spec.epochs,
        )
        for table in (_couplings, _scores, _predictions)
    )
    couplings, scores, predictions = tables
    # Epochs are tested separately, and a layer is one family: the bound of Bonferroni.
    n_epochs = couplings.groupby("layer")["epoch"].transform("nunique")
    couplings["p_adjusted"] = (couplings["p_adjusted"] * n_epochs).clip(upper=1)
    return couplings, scores, predictions


def _couplings(
    values: Matrices, *, spec: InteractingSpec, condition: str, layer: str, epoch: int
) -> pd.DataFrame:
    if len(values) < spec.folds:
        raise too_few_finite(condition, len(values), spec.members, spec.folds)
    # Seeded by the study and the place alone, so that other conditions change nothing here.
    rng = np.random.default_rng([spec.seed, *f"couplings/{condition}/{layer}".encode(), epoch])
    matrices = np.asarray(values, np.float64)
    note = unfit(matrices, spec.weights.initialisation or "", epoch)
    return couplings_of(matrices, spec.bootstrap_replicates, spec.folds, rng, note)


def _scores(
    values: Matrices, *, spec: InteractingSpec, condition: str, layer: str, epoch: int
) -> pd.DataFrame:
    seed = [spec.seed, *f"scores/{condition}/{layer}".encode(), epoch]
    matrices = np.asarray(values, np.float64)
    note = unfit(matrices, spec.weights.initialisation or "", epoch)
    labelled = spec.side(layer)
    return scores_of(matrices, labelled, spec.folds, seed, note)


def _predictions(
    values: Matrices, *, spec: InteractingSpec, condition: str, layer: str, epoch: int
) -> pd.DataFrame:
    rng = np.random.default_rng([spec.seed, *f"predictions/{condition}/{layer}".encode(), epoch])
    matrices = np.asarray(values, np.float64)
    note = unfit(matrices, spec.weights.initialisation or "", epoch)
    return predictions_of(matrices, spec.folds, rng, note)
