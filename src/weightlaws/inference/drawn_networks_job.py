"""One job of drawing networks from laws and measuring them: from weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Bytes, Floats, Integers, Singles
from weightlaws.errors import WeightLawsError
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.inference.drawn_names import ALL
from weightlaws.inference.drawn_networks import Sampler, drawn_accuracies, fitted_laws
from weightlaws.inference.interacting import law_graphs, too_few, unfit
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.interacting import Interacting
from weightlaws.laws.names import INTERACTING
from weightlaws.laws.one_sided import OneSided
from weightlaws.storage.hdf5 import opened
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import MemberValues, read_weights, too_few_finite
from weightlaws.training.layer_chain import chain
from weightlaws.training.networks import labelled_side

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
        columns see `drawn_networks.drawn_accuracies`. Laws are fitted to the members selected. At
        the last epoch there is the ``interacting`` law, too, between hidden layers, with the laws
        of the one-sided row at both ends; where there is none, a ``note`` says why.

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
        rng, note = np.random.default_rng(seed), ""
        laws = fitted_laws(trained)
        if epoch == spec.epochs[-1]:  # samples by Monte Carlo take their time
            samplers, note = _interacting(trained, rng)
            laws |= {} if note else {INTERACTING: samplers}
        table = drawn_accuracies(trained, laws, *test, rng).assign(note="")
        if note:
            table.loc[len(table), ["law", "drawn", "note"]] = INTERACTING, ALL, note
        table.insert(0, "epoch", epoch)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class _Sampled:
    """Matrices that a law has drawn already."""

    matrices: Floats

    def sample(self, _: int, __: np.random.Generator) -> Floats:
        return self.matrices


def _interacting(
    trained: dict[str, Singles], rng: np.random.Generator
) -> tuple[list[Sampler], str]:
    """Return a law of each layer, interacting between hidden layers; or say why there is none."""
    samplers: list[Sampler] = []
    for layer, values in trained.items():
        matrices, side = values.astype(np.float64), labelled_side(layer)
        if side is not None:
            thin = min(matrices.shape[1:]) < 2
            samplers.append(Bipartite.fit(matrices) if thin else OneSided.fit(matrices, side))
            continue
        n, rows, columns = matrices.shape
        graphs = law_graphs((rows, columns), n)
        note = too_few(graphs, n) or unfit(matrices)
        try:
            if not note:
                law = Interacting.fit_normalisable(matrices, graphs=graphs)
                samplers.append(_Sampled(law.sample(n, rng)))
        except WeightLawsError as error:
            note = str(error)
        if note:
            return [], f"{layer}: {note}"
    alone = all(labelled_side(layer) for layer in trained)
    return samplers, "no layer joins two hidden layers" if alone else ""
