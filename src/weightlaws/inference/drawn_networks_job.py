"""One job of drawing networks from laws and measuring them: from weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Bytes, Integers
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.inference.drawn_networks import drawn_accuracies, fitted_laws
from weightlaws.storage.hdf5 import opened
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import MemberValues, read_weights, too_few_finite
from weightlaws.training.layer_chain import chain

# Networks that the spread of their accuracies needs.
_FEWEST = 3


@dataclass(frozen=True)
class DrawnNetworksSpec:
    """Everything that fixes the accuracies of networks drawn from a condition's laws.

    Attributes
    ----------
    weights
        The spec of the condition's weights.
    n_members
        The number of members, diverged ones included.
    seed
        The study's seed.
    epochs
        The headline epochs at which all layers are kept.
    """

    weights: WeightsSpec
    n_members: int
    seed: int
    epochs: tuple[int, ...]

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.drawn_networks_spec``; a KeyError or TypeError says what is wrong."""
        return cls(
            weights=WeightsSpec.parse(stored["weights"]),
            n_members=stored["members"],
            seed=stored["seed"],
            epochs=tuple(stored["epochs"]),
        )


def drawn_networks_table(
    paths: Sequence[Path], dataset: Path, stored: Spec, condition: str
) -> pd.DataFrame:
    """Draw networks from the laws of a condition's ensembles, and measure their accuracy.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    dataset
        The images that its networks learned.
    stored
        A ``specs.drawn_networks_spec``.
    condition
        Its name.

    Returns
    -------
    DataFrame
        One row an epoch, ``selection`` of members, law and choice of layers that are drawn; for the
        columns see `drawn_networks.drawn_accuracies`. Laws are fitted to the members selected.

    Raises
    ------
    StorageError
        If a shard or the data set is not the spec's, or members are missing.
    WeightLawsError
        If fewer than three members are finite.
    """
    spec = DrawnNetworksSpec.parse(stored)
    with opened(dataset, "dataset", spec.weights.stored["dataset"]) as reader:
        images = reader.read("test_images", np.uint8, (None, None, None, None))
        labels = reader.read("test_labels", np.uint8, (None,))
    first = _read(paths, spec, next(iter(spec.weights.shapes)), spec.epochs[0])
    n = len(first.members)
    if n < _FEWEST:
        raise too_few_finite(condition, n, spec.n_members, _FEWEST)
    table = partial(_measured, paths=paths, spec=spec, condition=condition, test=(images, labels))
    return with_and_without_dead(
        np.arange(n), first.dead_output, _FEWEST, table, condition=condition
    )


def _read(paths: Sequence[Path], spec: DrawnNetworksSpec, layer: str, epoch: int) -> MemberValues:
    return next(read_weights(paths, spec.weights, spec.n_members, layer, [epoch]))


def _measured(
    chosen: Integers,
    paths: Sequence[Path],
    spec: DrawnNetworksSpec,
    condition: str,
    test: tuple[Bytes, Bytes],
) -> pd.DataFrame:
    """Draw from the laws of the members at some positions; see `drawn_networks_table`."""
    tables = []
    for epoch in spec.epochs:
        # Seeded by the study and the place alone, so that other conditions change nothing here.
        seed = [spec.seed, *f"drawn_networks/{condition}".encode(), epoch]
        trained = {
            layer: _read(paths, spec, layer, epoch).values[chosen]
            for layer in chain(spec.weights.shapes)
        }
        rng = np.random.default_rng(seed)
        table = drawn_accuracies(trained, fitted_laws(trained), *test, rng)
        table.insert(0, "epoch", epoch)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
