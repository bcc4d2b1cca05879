"""Do neighbouring layers know of each other: an exact test, and the gain of a joint law.

If two layers are independent, and exchangeable in the hidden neurons between them, these neurons
can be permuted in one of the two matrices alone, in each member in a way of its own, and the
ensemble has the law that it had. So of R such copies and the ensemble any statistic is equally
likely to rank anywhere, and p-values are exact whatever the law of each layer.

Sources: Pitman, Biometrika 29 (1938) 322 (permutation tests of correlation); `max_t` (families).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from weightlaws.arrays import Floats, Integers
from weightlaws.inference.comparison import random_folds
from weightlaws.inference.intervals import student_interval
from weightlaws.inference.max_t import adjusted_p_values, p_values
from weightlaws.laws.network import Inputs, NetworkLaw, check_layers

#: The statistics, each with what it multiplies of a hidden neuron.
STATISTICS = {
    "sums": "the sum of the weights that enter, and the sum of those that leave",
    "labels": "the same, for each input or class by itself",
    "norms": "the squared norm of the weights that enter, and of those that leave",
}

# Doubles in a chunk of copies: it bounds memory.
_CHUNK = 2**23

_TIE = 1e-9
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Neurons:
    """What the test needs of a hidden layer's neurons; all is centred in each member.

    Attributes
    ----------
    hidden
        The layer's name.
    enters, leaves
        By statistic, of the matrix before and of the one after: (member, neuron, label).
    """

    hidden: str
    enters: dict[str, Floats]
    leaves: dict[str, Floats]


def neurons(layers: Sequence[npt.ArrayLike]) -> list[Neurons]:
    """Summarise the hidden layers of networks.

    Parameters
    ----------
    layers
        Of each layer, in the order of the network, (n, out, in).

    Returns
    -------
    list of Neurons
        One a hidden layer. Only the first and the last have ``labels``: inputs and classes.

    Raises
    ------
    ValueError
        If these are not the layers of one network.
    """
    matrices = check_layers(layers)
    found = []
    for k, (before, after) in enumerate(pairwise(matrices), start=1):
        after = after.swapaxes(1, 2)
        first, last = k == 1, k == len(matrices) - 1
        enters, leaves = (
            {
                "sums": side.sum(2, keepdims=True),
                "norms": np.square(side).sum(2, keepdims=True),
                "labels": side if labelled else side.sum(2, keepdims=True),
            }
            for side, labelled in ((before, first), (after, last))
        )
        wanted = [name for name in STATISTICS if name != "labels" or first or last]
        found.append(
            Neurons(
                f"hidden{k}",
                *({name: _centred(side[name]) for name in wanted} for side in (enters, leaves)),
            )
        )
    return found


def independence_tests(
    networks: Mapping[int, Sequence[Neurons]], n_permutations: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Test that neighbouring layers are independent, at each hidden layer and epoch.

    Parameters
    ----------
    networks
        By epoch, the `neurons` of the same members.
    n_permutations
        Copies R to compare with.

    Returns
    -------
    DataFrame
        One row a statistic, hidden layer and epoch: ``statistic``; ``hidden``; ``epoch``;
        ``correlation`` of what enters and leaves, over neurons and members, each centred in its
        member (NaN for labels); ``z``, standardised over permutations; ``p``; ``p_gaussian``, that
        of a normal z, right for many members (NaN for labels); ``p_adjusted``, of the family of all
        hidden layers and epochs of a statistic. For labels the statistic is the sum over labels of
        squared z, less its mean over the copies, over its standard deviation. Where a side does not
        vary all numbers are NaN.

    Raises
    ------
    ValueError
        If epochs have other numbers of members or neurons, or R is below 2.
    """
    if n_permutations < 2:
        raise ValueError(f"expected two or more permutations, found {n_permutations}")
    shapes = [[each.enters["sums"].shape for each in layers] for layers in networks.values()]
    if not shapes or any(shape != shapes[0] for shape in shapes):
        raise ValueError(f"expected the same members and neurons at all epochs, found {shapes}")
    rows: list[dict[str, object]] = []
    copies: list[Floats] = []
    for k, (n, width, _) in enumerate(shapes[0]):
        # A member's permutations serve all epochs: its neurons are the same ones.
        orders = np.broadcast_to(np.arange(width), (n_permutations + 1, n, width)).copy()
        orders[1:] = rng.permuted(orders[1:], axis=2)
        for epoch, layers in networks.items():
            for name, enters in layers[k].enters.items():
                leaves = layers[k].leaves[name]
                row, values = _tested(enters, leaves, orders)
                place = {"statistic": name, "hidden": layers[k].hidden, "epoch": epoch}
                rows.append({**place, **row})
                copies.append(values)
    table = pd.DataFrame(rows)
    table["p_adjusted"] = np.nan
    values = np.stack(copies, axis=1)
    for name in STATISTICS:
        family = np.flatnonzero(table["statistic"] == name)
        if len(family):
            own = values[:, family]
            table.loc[family, "p_adjusted"] = adjusted_p_values(own[0], own[1:])
    return pd.concat([table[table["statistic"] == name] for name in STATISTICS], ignore_index=True)


def _tested(enters: Floats, leaves: Floats, orders: Integers) -> tuple[dict[str, float], Floats]:
    """Return a row of the table, and the statistic (R + 1,) of the ensemble and its copies."""
    scores = _scores(enters, leaves, orders)
    if np.isnan(scores).any():
        nothing = dict.fromkeys(("correlation", "z", "p", "p_gaussian"), np.nan)
        return nothing, np.full(len(orders), np.nan)
    if scores[0].size > 1:
        sums = np.square(scores).sum((1, 2))
        z = (sums[0] - sums[1:].mean()) / sums[1:].std(ddof=1)
        row = {"correlation": np.nan, "z": float(z), "p_gaussian": np.nan}
        # On one scale with other labels, of the ensemble and its copies alike: that keeps their
        # ranks equally likely.
        values = (sums - sums.mean()) / sums.std()
    else:
        z = scores[0, 0, 0]
        values = np.abs(scores[:, 0, 0])
        norm = np.sqrt(np.square(enters).sum() * np.square(leaves).sum())
        correlation = float((enters * leaves).sum() / norm)
        p = float(2 * special.ndtr(-np.abs(z)))
        row = {"correlation": correlation, "z": float(z), "p_gaussian": p}
    # Equal copies differ by rounding: to count them as equal can only enlarge p.
    values[0] -= _TIE * np.abs(values).max()
    row["p"] = float(p_values(values[:1], values[1:, None])[0])
    return row, values


def _scores(enters: Floats, leaves: Floats, orders: Integers) -> Floats:
    """Covariances (copy, label, label), over their standard deviations over all permutations.

    Over the permutations of a member of h neurons the products of centred x and y, summed, have
    mean 0 and variance sum x^2 sum y^2 / (h - 1).
    """
    n, width, _ = enters.shape
    variances = np.square(enters).sum(1).T @ np.square(leaves).sum(1) / (width - 1)
    spread = np.sqrt(np.where(variances > 0, variances, np.nan))
    flat, members = enters.reshape(n * width, -1), np.arange(n)[:, None]
    found = np.empty((len(orders), *spread.shape))
    step = max(1, _CHUNK // leaves.size)
    for start in range(0, len(orders), step):
        permuted = leaves[members, orders[start : start + step]]  # (copy, member, neuron, label)
        columns = permuted.transpose(1, 2, 0, 3).reshape(n * width, -1)
        products = (flat.T @ columns).reshape(-1, len(permuted), leaves.shape[2])
        found[start : start + step] = products.swapaxes(0, 1)
    return found / spread


def _centred(values: Floats) -> Floats:
    offsets = values - values.mean(axis=1, keepdims=True)
    # Equal but for rounding is equal.
    return np.where(np.abs(offsets) > _ROUNDING * np.abs(values).max(), offsets, 0)


def held_out_gain(
    layers: Sequence[npt.ArrayLike],
    folds: int,
    rng: np.random.Generator,
    inputs: Inputs = "exchangeable",
) -> pd.DataFrame:
    """Measure how much better a joint law of all layers describes held-out networks.

    Each fold of the members in turn is described by laws fitted to the others: the joint law, and
    the same with independent layers.

    Parameters
    ----------
    layers
        Of each layer, (n, out, in).
    folds
        From 2 to n.
    rng
        Divides the members into folds.
    inputs
        What the joint law knows of the inputs; ``exchangeable`` and ``summed`` have one gain, which
        the first finds without large matrices.

    Returns
    -------
    DataFrame
        One row a ``part``, ``totals``, each hidden layer, and ``all``: ``n_parameters``, those that
        join layers; ``gain``, the mean over members, in nats; ``standard_error``, and ``low`` and
        ``high``, the ends of its 95 % interval by Student's t. They take members as independent,
        and leave out that the folds' fits share members. All NaN, with a ``note``, where a fit has
        no density.

    Raises
    ------
    ValueError
        If these are not the layers of one network, or folds are not from 2 to n.
    """
    matrices = check_layers(layers)
    n = len(matrices[0])
    fold, note = random_folds(n, folds, rng), ""
    gains: list[pd.DataFrame] = []
    for k in range(folds):
        law = NetworkLaw.fit([matrix[fold != k] for matrix in matrices], inputs)
        try:
            gains.append(law.gains([matrix[fold == k] for matrix in matrices]))
        except np.linalg.LinAlgError as error:
            note = str(error)
            break
    joins = law.joins
    joins["all"] = sum(joins.values())
    table = pd.DataFrame({"part": list(joins), "n_parameters": list(joins.values())})
    if note:
        values = np.full((n, len(joins)), np.nan)
    else:
        found = pd.concat(gains, ignore_index=True)
        values = found.assign(all=found.sum(axis=1))[list(joins)].to_numpy()
    table["gain"] = values.mean(axis=0)
    table["standard_error"] = values.std(axis=0, ddof=1) / np.sqrt(n)
    table["low"], table["high"] = student_interval(
        table["gain"].to_numpy(), table["standard_error"].to_numpy(), n
    )
    return table.assign(note=note)
