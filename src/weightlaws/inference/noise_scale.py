r"""Whether learning rate and batch size act on a law through one number alone.

For small steps stochastic gradient descent is a diffusion. With learning rate :math:`\eta` and
batches of B images, in the time :math:`t = \eta \times` steps,

.. math:: dW = -\nabla L\, dt + \sqrt{\eta / B}\; \Sigma^{1/2}\, dB_t ,

:math:`\Sigma` the covariance of the gradient of one image. After as many epochs t is proportional
to :math:`\eta / B` as well. So conditions with one :math:`\eta / B`, the noise scale, have one law
after each epoch. The penalty of weight decay is a part of the gradient, and momentum multiplies t
and the noise scale by the same number. Conditions of different noise scales at the same time t
differ by noise alone.

Adam divides a gradient that is mostly noise by its size, which falls with :math:`\sqrt{B}`. Its
diffusion has one law for each :math:`\eta / \sqrt{B}`.

Sources: Mandt, Hoffman, Blei (2017, arXiv:1704.04289); Smith, Le (2018, arXiv:1710.06451);
arXiv:2407.16427 (weight matrices); Malladi et al. (2022, arXiv:2205.10287) for Adam.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isclose, sqrt

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats, Shape
from weightlaws.inference.intervals import student_interval
from weightlaws.inference.max_t import adjusted_p_values
from weightlaws.inference.noise_scale_names import RATIO, ROOT, SAME_TIME
from weightlaws.laws.bipartite import parameters_from_moments

#: Names of `coordinates`.
COORDINATES = ("mean", "v_total", "v_rows", "v_columns", "v_rest")


@dataclass(frozen=True)
class Run:
    """One layer of a condition, one of several that differ in learning rate and batch size.

    Attributes
    ----------
    condition
        Its name.
    learning_rate, batch_size
        How it was trained.
    epochs
        Epochs of the moments, ascending.
    moments
        Values of `bipartite.FITTED`, (member, epoch, 5). Members of all runs are the same.
    """

    condition: str
    learning_rate: float
    batch_size: int
    epochs: Sequence[int]
    moments: Floats

    @property
    def noise_scale(self) -> float:
        """Learning rate over batch size; the time t is this times the images seen."""
        return self.learning_rate / self.batch_size


#: Numbers that may be all that counts.
SCALINGS: Mapping[str, Callable[[Run], float]] = {
    RATIO: lambda run: run.noise_scale,
    ROOT: lambda run: run.learning_rate / sqrt(run.batch_size),
}


def coordinates(averages: Floats, shape: Shape) -> Floats:
    """Return `COORDINATES` of the bipartite laws with these averages of `FITTED`: (..., 5).

    These are the mean of the entries over the square root of v_rest, and the logarithms of the
    variances. Their differences between laws are relative ones.
    """
    mean, *variances = np.moveaxis(parameters_from_moments(averages, shape), -1, 0)
    return np.stack([mean / np.sqrt(variances[-1]), *np.log(variances)], axis=-1)


def parameters_table(runs: Sequence[Run], shape: Shape, weights: Floats) -> pd.DataFrame:
    """One row a condition, epoch and parameter: the bipartite law of each, with its error.

    Parameters
    ----------
    runs
        The conditions.
    shape
        Of the matrices.
    weights : (replicate, member)
        As `bootstrap.resampling_weights` draws them.

    Returns
    -------
    DataFrame
        ``condition``, ``learning_rate``, ``batch_size``, ``noise_scale``, ``epoch``, ``parameter``
        (of `COORDINATES`), ``value`` (of the law, and not of its coordinates), ``low`` and
        ``high``, the ends of the interval that holds 95 % of the resampled values.
    """
    parts = []
    for run in runs:
        values = parameters_from_moments(run.moments.mean(axis=0), shape)
        resampled = parameters_from_moments(_resampled(weights, run.moments), shape)
        low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
        parts.append(
            pd.DataFrame(
                {
                    "condition": run.condition,
                    "learning_rate": run.learning_rate,
                    "batch_size": run.batch_size,
                    "noise_scale": run.noise_scale,
                    "epoch": np.repeat(run.epochs, len(COORDINATES)),
                    "parameter": np.tile(COORDINATES, len(run.epochs)),
                    "value": values.ravel(),
                    "low": low.ravel(),
                    "high": high.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def comparisons_table(
    runs: Sequence[Run],
    shape: Shape,
    epochs: Sequence[int],
    weights: Floats,
    randomisations: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare the laws of conditions that should have the same one, two at a time.

    A difference is compared with those after each member swapped the weights of the two conditions
    with a chance of 1/2; the same members do in all pairs. So a pair keeps what its two conditions
    share, such as starts and shuffles, and pairs keep how they depend on each other.

    The p-values of one pair are exact, for any number of members, if its two weights of a member
    can be swapped without a change of their joint law. That both have one law is less. It makes
    the mean difference of moments 0, and then the p-values, of one pair or of several, are right
    for many members; tests/inference/test_noise_scale.py measures them.

    Parameters
    ----------
    runs
        The conditions.
    shape
        Of the matrices.
    epochs
        Epochs after which conditions with one of the `SCALINGS` are compared. At `SAME_TIME` the
        condition that is slower is taken at its last epoch.
    weights : (replicate, member)
        As `bootstrap.resampling_weights` draws them, for standard errors. The members of all
        conditions are resampled together, as they start alike.
    randomisations
        The number of random swaps.
    rng
        Draws them.

    Returns
    -------
    DataFrame
        One row a comparison and parameter: ``same`` (what the two have in common: a name of
        `SCALINGS`, or `SAME_TIME`), ``condition``, ``epoch``, ``other``, ``other_epoch``,
        ``parameter``, ``difference`` (of `coordinates`), ``standard_error``, ``low`` and ``high``
        (95 %, of Student's t), and ``p_adjusted`` for all comparisons of one kind: step-down max-T
        among the conditions that have one number in common, and the bound of Bonferroni over these
        numbers.
        Empty if no two conditions can be compared.
    """
    parts = []
    for same, groups in _groups(runs, epochs).items():
        for group in groups:
            table = _compared(group, same, shape, weights, randomisations, rng)
            table["p_adjusted"] = (table["p_adjusted"] * len(groups)).clip(upper=1)
            parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*_COLUMNS])


_PLACE = ("same", "condition", "epoch", "other", "other_epoch", "parameter")
_COLUMNS = (*_PLACE, "difference", "standard_error", "low", "high", "p_adjusted")

#: Conditions that should have one law, each with the epochs at which they are compared in turn.
Group = list[tuple[Run, list[int]]]


def _groups(runs: Sequence[Run], epochs: Sequence[int]) -> dict[str, list[Group]]:
    """Return the conditions that are compared, by what they have in common."""
    trained = [epoch for epoch in epochs if epoch > 0]
    found: dict[str, list[Group]] = {}
    for name, scaling in SCALINGS.items():
        places_of_equals = _equal([scaling(run) for run in runs])
        groups = ([(runs[k], trained) for k in places] for places in places_of_equals)
        found[name] = [group for group in groups if len(group) > 1 and trained]
    slower_first = sorted(runs, key=lambda run: run.noise_scale)
    snapshots = [(run, epoch) for run in slower_first for epoch in run.epochs if epoch > 0]
    times = [epoch * run.noise_scale for run, epoch in snapshots]
    groups = ([(snapshots[k][0], [snapshots[k][1]]) for k in places] for places in _equal(times))
    found[SAME_TIME] = [group for group in groups if _slower_ones_end(group)]
    return found


def _equal(values: Sequence[float]) -> list[list[int]]:
    """Return the places of equal values, up to rounding, together."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found: list[list[int]] = []
    for k in order:
        if found and isclose(values[k], values[found[-1][0]]):
            found[-1].append(k)
        else:
            found.append([k])
    return [sorted(places) for places in found]


def _slower_ones_end(group: Group) -> bool:
    """Whether conditions of several noise scales meet, the first and slowest at its last epoch."""
    (slowest, (epoch,)), (fastest, _) = group[0], group[-1]
    ends = epoch == slowest.epochs[-1]
    return ends and not isclose(slowest.noise_scale, fastest.noise_scale)


def _compared(
    group: Group,
    same: str,
    shape: Shape,
    weights: Floats,
    randomisations: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Test all differences in a group; see `comparisons_table`."""
    pairs = [
        (first, second)
        for first, second in combinations(range(len(group)), 2)
        if same != SAME_TIME
        or not isclose(group[first][0].noise_scale, group[second][0].noise_scale)
    ]
    # (condition, member, epoch, 5)
    moments = np.stack(
        [run.moments[:, [run.epochs.index(epoch) for epoch in at]] for run, at in group]
    )
    ours, theirs = ([pair[k] for pair in pairs] for k in (0, 1))

    def differences(one: Floats, other: Floats) -> Floats:
        """Differences (..., pair x epoch x 5) between averages (..., pair, epoch, 5)."""
        found = coordinates(one, shape) - coordinates(other, shape)
        return np.asarray(found.reshape(*found.shape[:-3], -1))

    means = moments.mean(axis=1)
    found = differences(means[ours], means[theirs])
    resampled = np.einsum("rm,cmep->rcep", weights, moments)
    error = differences(resampled[:, ours], resampled[:, theirs]).std(axis=0, ddof=1)
    randomised = differences(*_swapped(moments[ours], moments[theirs], randomisations, rng))
    scale = np.sqrt((np.square(randomised).sum(axis=0) + found**2) / (1 + randomisations))
    low, high = student_interval(found, error, moments.shape[1])
    rows = [
        (same, group[first][0].condition, epoch, group[second][0].condition, other_epoch, name)
        for first, second in pairs
        for epoch, other_epoch in zip(group[first][1], group[second][1], strict=True)
        for name in COORDINATES
    ]
    return pd.DataFrame(rows, columns=[*_PLACE]).assign(
        difference=found,
        standard_error=error,
        low=low,
        high=high,
        p_adjusted=adjusted_p_values(np.abs(found) / scale, np.abs(randomised) / scale),
    )


def _swapped(
    ours: Floats, theirs: Floats, n: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Averages (n, pair, epoch, 5) after members swapped their moments (pair, member, epoch, 5)."""
    members = ours.shape[1]
    centre, half = (ours + theirs).mean(axis=1) / 2, (ours - theirs) / 2
    signs = rng.choice([-1.0, 1.0], size=(n, members)) / members
    shift = np.tensordot(signs, half, axes=(1, 1))
    return centre + shift, centre - shift


def scaling_table(comparisons: pd.DataFrame, level: float) -> pd.DataFrame:
    """Sum up the comparisons of `comparisons_table` by what conditions have in common.

    Parameters
    ----------
    comparisons
        That table.
    level
        The chance of any significant pair of a kind where all laws are one.

    Returns
    -------
    DataFrame
        One row a kind of comparison, epoch and parameter: ``pairs``; ``typical_difference``, the
        root of the mean squared difference, with what errors make taken off the square (0 where
        nothing is left); ``typical_error``, the root of the mean squared standard error;
        ``significant``, the number of pairs that differ at the level.
    """
    rows = []
    for (same, epoch, parameter), part in comparisons.groupby(
        ["same", "epoch", "parameter"], sort=False
    ):
        squares, errors = part["difference"] ** 2, part["standard_error"] ** 2
        rows.append(
            {
                "same": same,
                "epoch": epoch,
                "parameter": parameter,
                "pairs": len(part),
                "typical_difference": sqrt(max(0.0, (squares - errors).mean())),
                "typical_error": sqrt(errors.mean()),
                "significant": int((part["p_adjusted"] <= level).sum()),
            }
        )
    return pd.DataFrame(rows)


def _resampled(weights: Floats, moments: Floats) -> Floats:
    """Averages (replicate, epoch, 5) of moments (member, epoch, 5) over resampled members."""
    return np.asarray(np.tensordot(weights, moments, axes=1))
