"""One job of drawing networks from laws and measuring them: from weights shards to a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats, Integers, Singles
from weightlaws.errors import WeightLawsError
from weightlaws.inference.condition_spec import ConditionSpec
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.inference.drawn_names import ALL
from weightlaws.inference.drawn_networks import Sampler, drawn_accuracies, fitted_laws
from weightlaws.inference.interacting import law_graphs, too_few, unfit
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.interacting import Interacting
from weightlaws.laws.names import INTERACTING
from weightlaws.laws.one_sided import OneSided
from weightlaws.storage.hdf5 import opened
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import too_few_finite
from weightlaws.training.layer_chain import chain
from weightlaws.training.networks import labelled_side
from weightlaws.training.stored_images import read_images

# Networks that the spread of their accuracies needs.
_FEWEST = 3


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
        One row a ``selection`` of members, law and choice of layers that are drawn; for the columns
        see `drawn_networks.drawn_accuracies`. Laws are fitted to the members selected. There is the
        ``interacting`` law, too, between hidden layers, with the laws of the one-sided row at both
        ends; where there is none, a ``note`` says why.

    Raises
    ------
    StorageError
        If a shard or the data set is not the spec's, or members are missing.
    WeightLawsError
        If fewer than three members are finite.
    ValueError
        If the networks have biases: no law of weights draws them.
    """
    spec = ConditionSpec.parse(stored)
    (epoch,) = spec.epochs
    if spec.weights.stored["biases"]:
        raise ValueError(f"{condition}: a law of weights draws no biases, which its networks have")
    with opened(dataset, "dataset", spec.weights.stored["dataset"]) as reader:
        images = read_images(reader, "test")
        labels = reader.read("test_labels", np.uint8, (None,))
    layers = {layer: spec.read(paths, layer, epoch) for layer in chain(spec.weights.shapes)}
    first, *_ = layers.values()
    n = len(first.members)
    if n < _FEWEST:
        raise too_few_finite(condition, n, spec.members, _FEWEST)
    # Seeded by the study and the place alone, so that other conditions change nothing here.
    seed = [spec.seed, *f"drawn_networks/{condition}".encode(), epoch]

    def table(chosen: Integers) -> pd.DataFrame:
        """Draw from the laws of the members at some positions."""
        trained = {layer: values.values[chosen] for layer, values in layers.items()}
        rng, laws = np.random.default_rng(seed), fitted_laws(trained)
        samplers, note = _interacting(trained, rng)
        laws |= {} if note else {INTERACTING: samplers}
        activation = spec.weights.stored["activation"]
        found = drawn_accuracies(trained, laws, images, labels, rng, activation).assign(note="")
        if note:
            found.loc[len(found), ["law", "drawn", "note"]] = INTERACTING, ALL, note
        return found

    return with_and_without_dead(
        np.arange(n), first.dead_output, _FEWEST, table, condition=condition, epoch=epoch
    )


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
