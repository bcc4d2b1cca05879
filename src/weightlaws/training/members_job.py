"""The tables of a run: its conditions, its networks, and how they learned."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.arrays import Bools
from weightlaws.errors import WeightLawsError
from weightlaws.storage.hdf5 import Reader
from weightlaws.storage.shard_specs import NAME_BYTES, Spec, WeightsSpec
from weightlaws.storage.shards import opened_shards, weights_shard
from weightlaws.training.recipe_names import RECIPE


def conditions_table(specs: Mapping[str, Spec], members: Mapping[str, int]) -> pd.DataFrame:
    """One row a condition: its name, everything that fixes it, and its kept layers.

    Parameters
    ----------
    specs
        The specs that the weights shards of each condition share.
    members
        The number of networks of each condition.

    Returns
    -------
    DataFrame
        ``condition``, ``dataset``, ``inputs``, ``hidden``, ``outputs`` (widths),
        ``initialisation``, ``weight_decay``, ``output_scale`` (empty for plain networks),
        ``optimiser``, ``activation``, ``learning_rate``, ``batch_size``, ``biases``,
        ``label_noise``, ``members``, ``epochs`` and ``layers``. Values are empty where they are not
        known of networks that were trained elsewhere.
    """
    rows = []
    for condition, stored in specs.items():
        spec = WeightsSpec.parse(stored)
        known = spec.dataset is not None
        shapes = list(spec.shapes.values())
        rows.append(
            {
                "condition": condition,
                "dataset": spec.dataset,
                "inputs": shapes[0][1] if known else None,
                "hidden": "x".join(str(rows) for rows, _ in shapes[:-1]) if known else None,
                "outputs": shapes[-1][0] if known else None,
                "initialisation": spec.initialisation,
                **{key: stored.get(key) for key in RECIPE},
                "label_noise": stored["dataset"].get("label_noise", 0.0) if known else None,
                "members": members[condition],
                "epochs": spec.epochs,
                "layers": " ".join(spec.snapshots),
            }
        )
    return pd.DataFrame(rows)


def members_table(
    condition: str, paths: Sequence[Path], spec: Spec, n_members: int
) -> pd.DataFrame:
    """One row a network and epoch of one condition, read from its weights shards.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    spec
        The spec that the shards share.

    Returns
    -------
    DataFrame
        ``condition``, ``member``, ``shard`` (its range of members), ``epoch``, ``training_loss``
        (mean of the epoch's batch losses; NaN at epoch 0 and of networks that were trained
        elsewhere), ``test_accuracy`` (share; NaN of
        networks that were trained elsewhere), ``dead_output`` (see `engine.Assessment`; at the
        end), and ``finite`` (False for a network whose loss or weights diverged).

    Raises
    ------
    StorageError
        If a shard is not of this spec, or members are missing.
    WeightLawsError
        If networks that were trained elsewhere have equal weights.
    """
    epochs = np.array(WeightsSpec.parse(spec).recorded)
    tables = []
    by_weights: dict[bytes, list[str]] = {}
    for reader in opened_shards(paths, "weights", spec, n_members):
        shard = weights_shard(reader, layers=())
        n = len(shard.members)
        if WeightsSpec.parse(spec).dataset is None:
            for name, digest in _finite_members(reader, shard.finite[:, -1]):
                by_weights.setdefault(digest, []).append(name)
        tables.append(
            pd.DataFrame(
                {
                    "condition": condition,
                    "member": np.repeat(shard.members, len(epochs)),
                    "shard": f"{shard.members[0]}-{shard.members[-1]}",
                    "epoch": np.tile(epochs, n),
                    "training_loss": np.insert(shard.loss, 0, np.nan, axis=1).ravel(),
                    "test_accuracy": shard.accuracy.ravel(),
                    "dead_output": np.repeat(shard.dead_output[:, -1], len(epochs)),
                    "finite": np.repeat(shard.finite[:, -1], len(epochs)),
                }
            )
        )
    if equal := [names for names in by_weights.values() if len(names) > 1]:
        raise WeightLawsError(
            f"{spec['path']}: members",
            f"equal weights in {' and in '.join(', '.join(names[:5]) for names in equal[:3])}",
            "networks that were trained independently",
            "keep one of those that are equal, and run snakemake again",
        )
    return pd.concat(tables, ignore_index=True)


def _finite_members(reader: Reader, finite: Bools) -> Iterator[tuple[str, bytes]]:
    """Return name and digest of the members of an imported shard; those that diverged have none."""
    names = reader.read("names", f"S{NAME_BYTES}", (len(finite),)).tolist()
    digests = reader.read("digest", np.uint8, (len(finite), 16))
    for name, digest, good in zip(names, digests, finite, strict=True):
        if good:
            yield name.decode(errors="replace"), digest.tobytes()


def final_members(members: pd.DataFrame) -> pd.DataFrame:
    """One row a network: the table of members at the last epoch."""
    last: pd.DataFrame = members[members["epoch"] == members["epoch"].max()].drop(columns="epoch")
    return last


def learning_curves(members: pd.DataFrame) -> pd.DataFrame:
    """One row a condition and epoch: loss and test accuracy over the members that are finite.

    Networks that were trained elsewhere have none.
    """
    known = members["finite"] & members["test_accuracy"].notna()
    groups = members[known].groupby(["condition", "epoch"], sort=False)
    accuracy = groups["test_accuracy"]
    return pd.DataFrame(
        {
            "loss_mean": groups["training_loss"].mean(),
            "accuracy_mean": accuracy.mean(),
            "accuracy_sd": accuracy.std(ddof=0),
            "accuracy_min": accuracy.min(),
            "accuracy_q05": accuracy.quantile(0.05),
            "accuracy_median": accuracy.median(),
            "accuracy_q95": accuracy.quantile(0.95),
        }
    ).reset_index()
