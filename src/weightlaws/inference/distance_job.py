"""The table of Wasserstein distances of a study, each beside its noise floor."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.inference.layer_fit import LayerFit
from weightlaws.laws.noise_floor import noise_floor
from weightlaws.laws.pigmm import PIGMM
from weightlaws.laws.wasserstein import squared_distances
from weightlaws.storage.shard_specs import Spec
from weightlaws.training.networks import INITIAL_LAWS

Values = npt.NDArray[np.float64]
Fits = Mapping[str, Mapping[str, LayerFit]]

# What a distance is measured from, beside the other conditions, which go by their names.
INITIAL_LAW, START = "initial law", "start"


def distances_table(fits: Fits, spec: Spec) -> pd.DataFrame:
    """Measure all distances of a study.

    Parameters
    ----------
    fits
        By condition and layer.
    spec
        A ``specs.distance_spec``: the specs of the fits, the study's seed, and the number of
        simulated ensembles behind each noise floor.

    Returns
    -------
    DataFrame
        One row a reference, condition, layer and epoch. ``reference`` is ``initial law`` (the
        i.i.d. law that the weights are drawn from, where it is known), ``start`` (the law fitted at
        epoch 0), or another condition of the same data set, at the last epoch; ensembles that were
        trained elsewhere count as one data set. ``w2_squared`` and ``w2`` are
        the distance, and its square, of the fitted 13-parameter laws. A fit to finitely many
        members is never at distance 0: ``..._floor_mean`` and ``..._floor_95`` are the mean and
        the 95 % point of the distance that as many members of the reference law itself have from
        it. Between conditions both laws are fits: there it is the distance of two independent
        ensembles of the reference law. ``..._standard_error`` is the bootstrap's over members; two
        fits that are compared are resampled together, as they have members in common or share
        their random numbers, but independently where their numbers of members differ.
    """
    rows = [*_from_start(fits, spec), *_between_conditions(fits, spec)]
    return pd.concat(rows, ignore_index=True)


def _from_start(fits: Fits, spec: Spec) -> Iterator[pd.DataFrame]:
    for condition, model in spec["models"].items():
        weights = model["invariants"]["weights"]
        law = INITIAL_LAWS.get(weights.get("initialisation", {}).get("law"))
        for layer, fit in fits[condition].items():
            size = weights["shapes"][layer][0]
            references = {START: (fit.parameters[0], fit.replicates[:, :1])}
            if law is not None:
                initial = PIGMM.iid(size, law.variance / size).parameters
                references = {INITIAL_LAW: (initial, initial), **references}
            for reference, (parameters, replicates) in references.items():
                yield _rows(
                    {"reference": reference, "condition": condition, "layer": layer, "size": size},
                    weights["snapshots"][layer],
                    (parameters, fit.parameters),
                    (replicates, fit.replicates),
                    model["members"],
                    None,
                    spec,
                )


def _between_conditions(fits: Fits, spec: Spec) -> Iterator[pd.DataFrame]:
    for (reference, first), (condition, second) in combinations(spec["models"].items(), 2):
        mine, other = (model["invariants"]["weights"] for model in (second, first))
        if mine.get("dataset") != other.get("dataset"):
            continue
        for layer, fit in fits[condition].items():
            shape = mine["shapes"][layer]
            if layer not in fits[reference] or shape != other["shapes"][layer]:
                continue
            other_fit = fits[reference][layer]
            replicates = other_fit.replicates[:, -1:]
            if first["members"] != second["members"]:
                # Beside another replicate, which has nothing to do with the condition's.
                replicates = np.roll(replicates, 1, axis=0)
            yield _rows(
                {"reference": reference, "condition": condition, "layer": layer, "size": shape[0]},
                mine["snapshots"][layer][-1:],
                (other_fit.parameters[-1], fit.parameters[-1:]),
                (replicates, fit.replicates[:, -1:]),
                second["members"],
                first["members"],
                spec,
            )


def _rows(
    place: dict[str, Any],
    epochs: list[int],
    laws: tuple[Values, Values],
    replicates: tuple[Values, Values],
    members: int,
    reference_members: int | None,
    spec: Spec,
) -> pd.DataFrame:
    size = place["size"]
    squared = squared_distances(*laws, size)
    resampled = squared_distances(*replicates, size)
    # Seeded by the study and the place alone, so that other conditions change nothing here.
    key = "/".join((place["reference"], place["condition"], place["layer"]))
    rng = np.random.default_rng([spec["seed"], *key.encode()])
    floor = noise_floor(laws[0], size, members, spec["draws"], rng, reference_members)
    return pd.DataFrame(
        {
            **place,
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
