"""One job of measuring distances: from a study's models to a table, with noise floors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats, Integers
from weightlaws.inference.distance import Estimate, estimate, swapped_distances, without_one
from weightlaws.inference.layer_fit import Fits, LayerFit
from weightlaws.inference.stored_fits import ModelSpec, read_fits
from weightlaws.laws.noise_floor import noise_floor
from weightlaws.laws.pigmm import PIGMM, parameters_from_moments
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
        The number of ensembles behind each noise floor, simulated or with members swapped.
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
        The specs of the fits, the study's seed, and the number of ensembles behind a floor.

    Returns
    -------
    DataFrame
        One row a reference, condition, layer and epoch. ``reference`` is ``initial law`` (the
        i.i.d. law that the weights are drawn from, where it is known), ``start`` (the law fitted at
        the first epoch), or another condition of the same data set, at the last epoch; ensembles
        that were trained elsewhere count as one data set. ``w2`` and ``w2_squared`` are the
        distance of the fitted 13-parameter laws, and its square. ``w2_squared_corrected``,
        ``..._standard_error``, ``..._low`` and ``..._high``: see `distance.Estimate`. Two fits of
        equally many members leave out the same member, as they have members in common or share
        their random numbers; others are taken as independent. ``..._floor_mean`` and
        ``..._floor_95`` are the mean and the 95 % point of the distance that chance alone makes.
        From the initial law: that of as many members of this law itself. Between equally many
        members: that of the same members when they change sides at random, see
        `distance.swapped_distances`. Else: that of two independent ensembles of the reference law.
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

    def rng(self, seed: int) -> np.random.Generator:
        """Seed by the study and the place alone, so that other conditions change nothing here."""
        key = "/".join((self.reference, self.condition, self.layer))
        return np.random.default_rng([seed, *key.encode()])


def _from_start(fits: Mapping[str, Fits], spec: DistanceSpec) -> Iterator[pd.DataFrame]:
    for condition, model in spec.models.items():
        law = independent_start(model.invariants.weights.initialisation)
        for layer, fit in fits[condition].items():
            size, epochs = model.size(layer), model.epochs(layer)
            if law is not None:
                place = _Place(INITIAL_LAW, condition, layer, size)
                initial = PIGMM.iid(size, law.variance((size, size))).parameters
                yield _rows(place, epochs, *_from_law(place, initial, fit, spec))
            place = _Place(START, condition, layer, size)
            at_start = np.broadcast_to(fit.statistics[:, :1], fit.statistics.shape)
            yield _rows(
                place,
                epochs,
                squared_distances(fit.parameters[0], fit.parameters, size),
                *_paired(place, at_start, fit.statistics, spec),
            )


def _between_conditions(fits: Mapping[str, Fits], spec: DistanceSpec) -> Iterator[pd.DataFrame]:
    for (reference, first), (condition, second) in combinations(spec.models.items(), 2):
        mine, other = (model.invariants.weights for model in (second, first))
        if mine.dataset != other.dataset:
            continue
        for layer, fit in fits[condition].items():
            if layer not in fits[reference] or mine.shapes[layer] != other.shapes[layer]:
                continue
            place = _Place(reference, condition, layer, second.size(layer))
            last, other_last = _at_the_end(fit), _at_the_end(fits[reference][layer])
            squared = squared_distances(other_last.parameters, last.parameters, place.size)
            _, in_other, in_mine = np.intersect1d(
                other_last.members, last.members, return_indices=True
            )
            if first.n_members == second.n_members and len(in_mine) > 1:
                same = other_last.statistics[in_other], last.statistics[in_mine]
                chance = _paired(place, same[0], same[1], spec)
            else:
                chance = _independent(place, other_last, last, spec)
            yield _rows(place, second.epochs(layer)[-1:], squared, *chance)


@dataclass(frozen=True)
class _Last:
    """A fit's members at the last snapshot alone: (1, 13), (member,) and (member, 1, 13)."""

    parameters: Floats
    members: Integers
    statistics: Floats


def _at_the_end(fit: LayerFit) -> _Last:
    return _Last(fit.parameters[-1:], fit.members, fit.statistics[:, -1:])


def _from_law(
    place: _Place, law: Floats, fit: LayerFit, spec: DistanceSpec
) -> tuple[Floats, Estimate, Floats]:
    """Return squared distances from a known law, what they tell, and the floor (draw, 1)."""
    squared = squared_distances(law, fit.parameters, place.size)
    left_out = squared_distances(law, without_one(fit.statistics, place.size), place.size)
    n_members, rng = len(fit.members), place.rng(spec.seed)
    floor = noise_floor(law, place.size, n_members, spec.n_draws, rng)
    return squared, estimate(squared, left_out), floor[:, None]


def _paired(
    place: _Place, first: Floats, second: Floats, spec: DistanceSpec
) -> tuple[Estimate, Floats]:
    """Compare the same members (member, snapshot, 13) on two sides; the floor is (draw, snapshot).

    A member that diverged on one side is on neither.
    """
    one, other = (parameters_from_moments(s.mean(axis=0), place.size) for s in (first, second))
    squared = squared_distances(one, other, place.size)
    left_out = squared_distances(
        without_one(first, place.size), without_one(second, place.size), place.size
    )
    rng = place.rng(spec.seed)
    floor = [
        swapped_distances(first[:, k], second[:, k], place.size, spec.n_draws, rng)
        for k in range(second.shape[1])
    ]
    return estimate(squared, left_out), np.stack(floor, axis=1)


def _independent(
    place: _Place, first: _Last, second: _Last, spec: DistanceSpec
) -> tuple[Estimate, Floats]:
    """Compare ensembles that have nothing in common; the floor is (draw, 1)."""
    size, n_first, n_second = place.size, len(first.members), len(second.members)
    found = estimate(
        squared_distances(first.parameters, second.parameters, size),
        squared_distances(without_one(first.statistics, size), second.parameters, size),
        squared_distances(first.parameters, without_one(second.statistics, size), size),
    )
    law, rng = first.parameters[0], place.rng(spec.seed)
    return found, noise_floor(law, size, n_second, spec.n_draws, rng, n_first)[:, None]


def _rows(
    place: _Place, epochs: Sequence[int], squared: Floats, found: Estimate, floor: Floats
) -> pd.DataFrame:
    floor_95 = np.quantile(floor, 0.95, axis=0)
    columns: dict[str, Any] = {
        **{name: getattr(place, name) for name in ("reference", "condition", "layer", "size")},
        "epoch": epochs,
        "w2_squared": squared,
        "w2": np.sqrt(squared),
        **{f"w2_squared_{field.name}": getattr(found, field.name) for field in fields(found)},
        "w2_squared_floor_mean": floor.mean(axis=0),
        "w2_squared_floor_95": floor_95,
        "w2_floor_mean": np.sqrt(floor).mean(axis=0),
        "w2_floor_95": np.sqrt(floor_95),
    }
    n = len(epochs)
    return pd.DataFrame({name: np.broadcast_to(column, n) for name, column in columns.items()})
