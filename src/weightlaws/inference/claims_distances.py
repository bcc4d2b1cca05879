"""Claims on how far ensembles move from their start: H4 to H6."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.inference.claims import (
    LEAST_OF_LAWS,
    Evidence,
    Judged,
    NotTestedError,
    Place,
    by_place,
    interval,
)
from weightlaws.inference.distance import without_one
from weightlaws.inference.intervals import jackknife_bias, jackknife_error, wilson_interval
from weightlaws.inference.layer_fit import LayerFit
from weightlaws.laws.wasserstein import squared_distances

#: The share of steps that grow, above which a distance grows smoothly.
SMOOTH = 0.8

_NO_MODELS = "no conditions with models"


def moved_table(
    condition: str, layer: str, size: int, epochs: tuple[int, ...], fit: LayerFit
) -> pd.DataFrame:
    """Squared Wasserstein distances from the law at the first snapshot, without one member each.

    Returns
    -------
    DataFrame
        One row an epoch and member: ``condition``, ``layer``, ``size``, ``epoch``, ``member``;
        ``w2_squared`` of all members; ``without``, the same without that member.
    """
    left_out = without_one(fit.statistics, size)
    squared = squared_distances(fit.parameters[0], fit.parameters, size)
    without = squared_distances(left_out[:, :1], left_out, size)
    n = len(fit.members)
    return pd.DataFrame(
        {
            "condition": condition,
            "layer": layer,
            "size": size,
            "epoch": np.tile(epochs, n),
            "member": np.repeat(fit.members, len(epochs)),
            "w2_squared": np.tile(squared, n),
            "without": without.ravel(),
        }
    )


def _moved(evidence: Evidence) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the distances of each layer of trained conditions with enough members."""
    table = evidence.table("moved", _NO_MODELS)
    conditions = evidence.conditions()
    trained = conditions.index[conditions["epochs"] > 0]
    table = table[table["condition"].isin(trained)]
    groups = by_place(table, "condition", "layer")
    found = {k: part for k, part in groups.items() if part["epoch"].nunique() > 1}
    if not found:
        raise NotTestedError("no square layer is kept at two epochs of training")
    found = {k: part for k, part in found.items() if part["member"].nunique() >= LEAST_OF_LAWS}
    if not found:
        raise NotTestedError(f"{LEAST_OF_LAWS} members are needed, and no condition has them")
    return found


def _by_epoch(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return squared distances (epoch,), and those without one member each (member, epoch)."""
    left_out = table.pivot(index="member", columns="epoch", values="without")
    whole = table.groupby("epoch")["w2_squared"].first()
    return whole.to_numpy(), left_out.to_numpy()


def smooth_growth(evidence: Evidence) -> Judged:
    """H4: the Wasserstein distance from the start grows smoothly."""
    found = _moved(evidence)
    places, all_steps, growing = [], 0, 0
    for (condition, layer), table in found.items():
        whole, left_out = (np.diff(values) for values in _by_epoch(table))
        steps = whole - jackknife_bias(whole, left_out)
        low, high = interval(steps, jackknife_error(left_out), len(left_out))
        up, down = int((low > 0).sum()), int((high < 0).sum())
        all_steps, growing = all_steps + len(steps), growing + up
        if up + down == 0:
            places.append(Place(condition, f"{condition} {layer}", np.nan, 0.0, 1.0, False, False))
            continue
        least, most = wilson_interval(up, up + down, together=len(found))
        shrink = np.minimum(steps, 0)[high < 0].sum() / np.abs(steps).sum()
        places.append(
            Place(
                condition,
                f"{condition} {layer}",
                up / (up + down),
                *wilson_interval(up, up + down),
                agrees=least > SMOOTH,
                disagrees=most < SMOOTH,
                said=f"{up} steps grow and {down} shrink of {len(steps)}, by {-shrink:.0%} of all "
                "change",
            )
        )
    known = [place for place in places if np.isfinite(place.value)]
    if not known:
        raise NotTestedError("no step of the distance exceeds its error")
    share = growing / all_steps
    return Judged(known, f"of all {all_steps} steps {share:.0%} grow beyond their error")


def _ratio(
    mine: pd.DataFrame, other: pd.DataFrame, together: int
) -> tuple[float, float, float, float, float]:
    """Ratio of the last distances of two ensembles, its interval, and that of all together."""
    last = [table[table["epoch"] == table["epoch"].max()] for table in (mine, other)]
    values = [np.log(table["w2_squared"].iloc[0]) / 2 for table in last]
    logs = [np.log(table.set_index("member")["without"]) / 2 for table in last]
    if logs[0].index.equals(logs[1].index):
        paired = (logs[0] - logs[1]).to_numpy()
        error, bias = jackknife_error(paired), jackknife_bias(values[0] - values[1], paired)
    else:
        each = [log.to_numpy() for log in logs]
        error = np.hypot(*map(jackknife_error, each))
        bias = np.subtract(*(jackknife_bias(v, e) for v, e in zip(values, each, strict=True)))
    centre = values[0] - values[1] - bias
    members = min(map(len, logs))
    ends = [*interval(centre, error, members), *interval(centre, error, members, together)]
    low, high, least, most = (float(np.exp(end)) for end in ends)
    return float(np.exp(centre)), low, high, least, most


def _ratios(pairs: Mapping[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]]) -> list[Place]:
    places = []
    for (condition, name), (mine, other) in pairs.items():
        value, low, high, least, most = _ratio(mine, other, len(pairs))
        places.append(Place(condition, name, value, low, high, least > 1, most < 1))
    return places


def deeper_layers(evidence: Evidence) -> Judged:
    """H5: deeper layers move further."""
    found, pairs = _moved(evidence), {}
    layers = evidence.conditions()["layers"]
    for condition in dict.fromkeys(condition for condition, _ in found):
        chain = [layer for layer in layers[condition].split() if (condition, layer) in found]
        for before, after in pairwise(chain):
            one, other = found[condition, after], found[condition, before]
            joined = before.partition("-")[2] == after.partition("-")[0]  # neurons of one layer
            if joined and one["size"].iloc[0] == other["size"].iloc[0]:
                pairs[condition, f"{condition} {after} over {before}"] = one, other
    if not pairs:
        raise NotTestedError("no network has two square layers of one size, one after the other")
    return Judged(_ratios(pairs))


def uniform_starts(evidence: Evidence) -> Judged:
    """H6: networks with a uniform start move further."""
    found, pairs = _moved(evidence), {}
    for group in evidence.alike_but("initialisation"):
        by_start = group.set_index("initialisation")["condition"]
        if not {"uniform", "gaussian"} <= {*by_start.index}:
            continue
        uniform, gaussian = by_start["uniform"], by_start["gaussian"]
        for condition, layer in found:
            if condition == uniform and (gaussian, layer) in found:
                name = f"{uniform} over {gaussian} {layer}"
                pairs[uniform, name] = found[uniform, layer], found[gaussian, layer]
    if not pairs:
        raise NotTestedError("no two conditions differ in a uniform and a gaussian start alone")
    return Judged(_ratios(pairs))
