"""One job of measuring distances: from a study's models to a table, with noise floors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.inference.layer_fit import Fits
from weightlaws.inference.stored_fits import ModelSpec, read_fits
from weightlaws.laws.noise_floor import noise_floor
from weightlaws.laws.pigmm import PIGMM
from weightlaws.laws.wasserstein import squared_distances
from weightlaws.storage.shard_specs import Spec
from weightlaws.training.initial_law import independent_start

# References of distances. The other references are conditions, which go by their names.
INITIAL_LAW, START = "initial law", "start"


@dataclass(frozen=True)
class DistanceSpec:
    """Everything that fixes the distances of a study.

    Attributes
    ----------
    models
        The specs of the fits, by condition.
    seed
        The study's seed.
    n_draws
        The number of simulated ensembles behind each noise floor.
    """

    models: Mapping[str, ModelSpec]
    seed: int
    n_draws: int

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.distance_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            models={name: ModelSpec.parse(model) for name, model in stored["models"].items()},
            seed=stored["seed"],
            n_draws=stored["draws"],
        )


def distances_table(paths: Sequence[Path], stored: Spec) -> pd.DataFrame:
    """Measure all distances of a study.

    Parameters
    ----------
    paths
        The model files of the conditions, in the order of the spec.
    stored
        A ``specs.distance_spec``.

    Returns
    -------
    DataFrame
        The table of `distances`.

    Raises
    ------
    StorageError
        If a file does not hold the fits of its spec.
    """
    spec = DistanceSpec.parse(stored)
    models = zip(spec.models.items(), paths, strict=True)
    return distances({name: read_fits(path, model.stored) for (name, model), path in models}, spec)


def distances(fits: Mapping[str, Fits], spec: DistanceSpec) -> pd.DataFrame:
    """Measure all distances between fits, and from the laws that they started from.

    Parameters
    ----------
    fits
        By condition.
    spec
        The specs of the fits, the study's seed, and the number of simulated ensembles.

    Returns
    -------
    DataFrame
        One row a reference, condition, layer and epoch. ``reference`` is ``initial law`` (the
        i.i.d. law that the weights are drawn from, where it is known), ``start`` (the law fitted at
        epoch 0), or another condition of the same data set, at the last epoch; ensembles that were
        trained elsewhere count as one data set. ``w2`` and ``w2_squared`` are the distance of the
        fitted 13-parameter laws, and its square. A fit to finitely many members is never at
        distance 0. So ``..._floor_mean`` and ``..._floor_95`` are the mean and the 95 % point of
        the distance from the reference law that as many members of that law itself have. Between
        conditions both laws are fits: there it is the distance of two independent ensembles of the
        reference law. ``..._standard_error`` is the bootstrap's over members. Two fits that are
        compared are resampled together, as they have members in common or share their random
        numbers, but independently where their numbers of members differ.
    """
    rows = [*_from_start(fits, spec), *_between_conditions(fits, spec)]
    return pd.concat(rows, ignore_index=True)


@dataclass(frozen=True)
class _Place:
    """Where a distance is measured: the first columns of its row."""

    reference: str
    condition: str
    layer: str
    size: int


def _from_start(fits: Mapping[str, Fits], spec: DistanceSpec) -> Iterator[pd.DataFrame]:
    for condition, model in spec.models.items():
        law = independent_start(model.invariants.weights.initialisation)
        for layer, fit in fits[condition].items():
            size = model.size(layer)
            references = {START: (fit.parameters[0], fit.replicates[:, :1])}
            if law is not None:
                initial = PIGMM.iid(size, law.variance / size).parameters
                references = {INITIAL_LAW: (initial, initial), **references}
            for reference, (parameters, replicates) in references.items():
                yield _rows(
                    _Place(reference, condition, layer, size),
                    model.epochs(layer),
                    (parameters, fit.parameters),
                    (replicates, fit.replicates),
                    model.n_members,
                    None,
                    spec,
                )


def _between_conditions(fits: Mapping[str, Fits], spec: DistanceSpec) -> Iterator[pd.DataFrame]:
    for (reference, first), (condition, second) in combinations(spec.models.items(), 2):
        mine, other = (model.invariants.weights for model in (second, first))
        if mine.dataset != other.dataset:
            continue
        for layer, fit in fits[condition].items():
            if layer not in fits[reference] or mine.shapes[layer] != other.shapes[layer]:
                continue
            other_fit = fits[reference][layer]
            replicates = other_fit.replicates[:, -1:]
            if first.n_members != second.n_members:
                # Pair each replicate with one that has nothing to do with it.
                replicates = np.roll(replicates, 1, axis=0)
            yield _rows(
                _Place(reference, condition, layer, second.size(layer)),
                second.epochs(layer)[-1:],
                (other_fit.parameters[-1], fit.parameters[-1:]),
                (replicates, fit.replicates[:, -1:]),
                second.n_members,
                first.n_members,
                spec,
            )


def _rows(
    place: _Place,
    epochs: Sequence[int],
    laws: tuple[Floats, Floats],
    replicates: tuple[Floats, Floats],
    n_members: int,
    n_reference_members: int | None,
    spec: DistanceSpec,
) -> pd.DataFrame:
    squared = squared_distances(*laws, place.size)
    resampled = squared_distances(*replicates, place.size)
    # Seeded by the study and the place alone, so that other conditions change nothing here.
    key = "/".join((place.reference, place.condition, place.layer))
    rng = np.random.default_rng([spec.seed, *key.encode()])
    floor = noise_floor(laws[0], place.size, n_members, spec.n_draws, rng, n_reference_members)
    return pd.DataFrame(
        {
            "reference": place.reference,
            "condition": place.condition,
            "layer": place.layer,
            "size": place.size,
            "epoch": epochs,
            "w2_squared": squared,
            "w2": np.sqrt(squared),
            "w2_squared_standard_error": resampled.std(axis=0),
            "w2_standard_error": np.sqrt(resampled).std(axis=0),
            "w2_squared_floor_mean": floor.mean(),
            "w2_squared_floor_95": np.quantile(floor, 0.95),
            "w2_floor_mean": np.sqrt(floor).mean(),
            "w2_floor_95": np.sqrt(np.quantile(floor, 0.95)),
        }
    )
