"""Do an ensemble's invariants deviate from a law fitted to it? Parametric-bootstrap tests.

The statistic of an invariant is its deviation in SD, (mean - prediction) / sd. To see its scatter
if the fitted law were true, ensembles of as many members are drawn from that law, and each is
fitted anew. This counts that prediction and mean come from the same members. Neither a Gaussian
statistic nor a large ensemble is assumed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy import sparse

from weightlaws.arrays import Bools, Floats, Integers, Singles
from weightlaws.inference.intervals import jackknife_error, jackknife_interval, leave_one_out
from weightlaws.inference.max_t import adjusted_p_values, critical_value, p_values
from weightlaws.invariants.evaluation import evaluate, evaluate_roughly
from weightlaws.laws.base import Law, checked_parts, drawn_parts
from weightlaws.laws.moments import Moments
from weightlaws.storage.matrices import Matrices

# Doubles in the statistics that are held at once.
_TOGETHER = 2**21

# Up to so many times the matrices are simulated where they have less than so many entries.
_MORE, _SMALL = 4, 400

#: Simulated matrices of so many entries are evaluated in single precision, which adds less than a
#: thousandth to the scatter of an invariant about its prediction.
WIDE = 128**2

# Columns of the pool that are added up together: as many as a processor's cache takes.
_COLUMNS = 128

#: The chance to find a deviation as large as `Family.detectable`.
POWER = 0.8


@dataclass(frozen=True)
class Deviations:
    """How far the means of an ensemble's invariants lie from a fitted law's predictions.

    Attributes
    ----------
    mean, sd
        Of each invariant over the members, with 1/N, (invariant,).
    prediction
        The fitted law's expectation, (invariant,).
    deviation
        (mean - prediction) / sd, (invariant,): positive where the ensemble lies above the law. NaN
        where the invariant does not vary.
    without
        The same without each of the members, (member, invariant).
    """

    mean: Floats
    sd: Floats
    prediction: Floats
    deviation: Floats
    without: Floats

    @property
    def error(self) -> Floats:
        """Jackknife standard errors of the deviations, (invariant,)."""
        return jackknife_error(self.without)

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """Lower and upper ends of the 95 % intervals of the deviations, (invariant,) each."""
        return jackknife_interval(self.deviation, self.without)


def joined(by_epoch: Sequence[Deviations]) -> Deviations:
    """Put the deviations of several epochs next to each other, along the axis of invariants."""
    names = [field.name for field in fields(Deviations)]
    return Deviations(
        **{
            name: np.concatenate([getattr(one, name) for one in by_epoch], axis=-1)
            for name in names
        }
    )


def deviations(matrices: npt.ArrayLike | Matrices, law: Moments) -> Deviations:
    """Measure the deviations of an ensemble (member, rows, columns) from a law fitted to it.

    There are at least two members.
    """
    return deviations_by_law(matrices, {"": law})[""]


def deviations_by_law(
    matrices: npt.ArrayLike | Matrices, laws: Mapping[str, Moments]
) -> dict[str, Deviations]:
    """Measure an ensemble's deviations from several laws fitted to it, by name of the law.

    Members are read a part at a time, and once for all laws, whose invariants have much in common.

    Parameters
    ----------
    matrices : (member, rows, columns)
        At least two.
    laws
        By name.
    """
    everything = [graph for law in laws.values() for graph in law.graphs]
    values, statistics = [], {name: list[Floats]() for name in laws}
    for part in checked_parts(matrices):
        values.append(evaluate(everything, part))
        for name, law in laws.items():
            statistics[name].append(law.statistics(part))
    together, found, start = np.concatenate(values), {}, 0
    for name, law in laws.items():
        mine = slice(start, start + len(law.graphs))
        found[name] = _deviations(together[:, mine].copy(), np.concatenate(statistics[name]), law)
        start = mine.stop
    return found


def _deviations(values: Floats, statistics: Floats, moments: Moments) -> Deviations:
    """Deviations from invariants and statistics of the members, (member, ...) each."""
    centre = values.mean(axis=0)
    centred = values - centre  # a difference of large numbers would lose the variance's digits
    variance = (centred**2).mean(axis=0)
    prediction = moments.predict(statistics.mean(axis=0))
    means = leave_one_out(centred)
    variances = leave_one_out(centred**2) - means**2
    predictions = moments.predict(leave_one_out(statistics))
    return Deviations(
        mean=centre,
        sd=np.sqrt(variance),
        prediction=prediction,
        deviation=_ratio(centre - prediction, variance),
        without=_ratio(centre + means - predictions, variances),
    )


def _ratio(difference: Floats, variance: Floats) -> Floats:
    """Return a difference over a root of a variance; NaN where that is 0."""
    ratio = np.full_like(difference, np.nan)
    np.divide(difference, np.sqrt(variance.clip(min=0)), out=ratio, where=variance > 0)
    return ratio


def simulated_deviations(
    law: Law,
    moments: Moments,
    n_members: int,
    rng: np.random.Generator,
    *,
    n_matrices: int,
    n_ensembles: int,
) -> Singles:
    """Simulate the deviations in SD of ensembles of a law from their own fits.

    To evaluate every invariant on ``n_ensembles`` ensembles of fresh matrices would take days. So a
    pool of ``n_matrices`` is drawn and evaluated once, and ensembles are drawn from the pool, with
    replacement. The law's expectations are known exactly, which removes the pool's own error from
    the centre of the ensembles. The error of the pool's scatter stays, and makes a family of tests
    reject a little too often. So of matrices below 20 x 20, whose invariants have the heaviest
    tails, up to four times as many are drawn.

    Parameters
    ----------
    law
        The law.
    moments
        How it is fitted.
    n_members
        Members of an ensemble.
    rng
        The source of randomness.
    n_matrices
        Matrices in the pool; of small ones up to four times as many.
    n_ensembles
        Ensembles drawn from it.

    Returns
    -------
    float32 (ensemble, invariant)
        NaN where an ensemble of few members does not vary.

    References
    ----------
    Davison, A. C. & Hinkley, D. V. (1997). Bootstrap Methods and their Application, chapter 4.
    """
    n_graphs = len(moments.graphs)
    n_matrices *= max(1, min(_MORE, _SMALL // (law.shape[0] * law.shape[1])))
    parts = []
    wide = law.shape[0] * law.shape[1] >= WIDE
    values_of = evaluate_roughly if wide else evaluate
    for some in drawn_parts(law, n_matrices, rng):
        matrices = some.astype(np.float32) if wide else some  # as weights are stored
        values = values_of(moments.graphs, matrices)
        parts.append(np.concatenate([values, moments.statistics(matrices)], axis=1))
    pool = np.concatenate(parts)
    centre, scale = pool.mean(axis=0), pool.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    # 0 for the law itself, but the pool is finite.
    bias = centre[:n_graphs] - moments.predict(centre[n_graphs:])
    # Single precision halves the time, and is finer by far than simulation can tell.
    pool -= centre
    pool /= scale
    scaled = np.concatenate([pool, pool[:, :n_graphs] ** 2], axis=1, dtype=np.float32)
    found = np.empty((n_ensembles, n_graphs), dtype=np.float32)
    start = 0
    for averages in _ensembles(scaled, n_members, n_ensembles, rng):
        values, squares = averages[:, : pool.shape[1]], averages[:, pool.shape[1] :]
        variance = squares - values[:, :n_graphs] ** 2
        means = centre + scale * values
        difference = means[:, :n_graphs] - moments.predict(means[:, n_graphs:]) - bias
        found[start : start + len(means)] = _ratio(difference / scale[:n_graphs], variance)
        start += len(means)
    return found


@dataclass(frozen=True)
class Family:
    """One family of tests: a law's invariants at all epochs that are tested.

    Attributes
    ----------
    p, p_adjusted
        Of each test by itself, and family-wise: see `max_t`. (test,)
    detectable
        The smallest deviation in SD, of either sign, that the test would have found with a chance
        of 80 % at the family-wise level, (test,).
    influence
        The largest change of the deviation in SD if one member is left out, (test,).
    influential
        Which member that is, from 0, (test,).
    carried
        Whether a significant deviation would not be significant without that member, (test,).
    """

    p: Floats
    p_adjusted: Floats
    detectable: Floats
    influence: Floats
    influential: Integers
    carried: Bools


def judge(found: Deviations, simulated: Floats, level: float) -> Family:
    """Test a family of deviations, one table for all epochs.

    Deviations are put on one scale: centred on a mean, and divided by an SD. For p-values both are
    of the simulated and the observed deviation together. If only the simulated ones were in them,
    the observed one would lie a little further out than they do, most of all among many tests.
    Epochs are simulated independently of each other. Their real deviations are positively
    correlated, so this is on the safe side.

    Parameters
    ----------
    found
        The deviations of all epochs, joined along the axis of invariants.
    simulated : (ensemble, test)
        From `simulated_deviations`, joined likewise.
    level
        The family-wise level.

    Raises
    ------
    ValueError
        If there are too few simulations for anything to be significant.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        centre, scale = np.nanmean(simulated, axis=0), np.nanstd(simulated, axis=0)
        threshold = critical_value(np.abs((simulated - centre) / scale), level)
        common, spread = _with_one_more(found.deviation, simulated, centre, scale)
        observed = np.abs((found.deviation - common) / spread)
        sizes = np.abs((simulated - common) / spread)
    adjusted = adjusted_p_values(observed, sizes)
    # What a deviation has to be for 80 % of ensembles to lie beyond the threshold.
    low, high = np.nanquantile(simulated, [1 - POWER, POWER], axis=0)
    reach = threshold * scale
    detectable = np.maximum(reach + centre - low, reach - centre + high)
    changes = np.abs(found.without - found.deviation)
    influential = np.nanargmax(np.nan_to_num(changes), axis=0)
    n, tests = len(changes), np.arange(changes.shape[1])
    # One member less makes the scatter larger.
    left = np.abs(found.without[influential, tests] - centre) / (scale * np.sqrt(n / (n - 1)))
    return Family(
        p=p_values(observed, sizes),
        p_adjusted=adjusted,
        detectable=np.where(np.isnan(observed), np.nan, detectable),
        influence=changes[influential, tests],
        influential=influential,
        carried=(adjusted <= level) & (left <= threshold),
    )


def _with_one_more(
    one: Floats, others: Floats, centre: Floats, scale: Floats
) -> tuple[Floats, Floats]:
    """Mean and SD (test,) of others (n, test), whose own are known, and of one more."""
    n = np.count_nonzero(~np.isnan(others), axis=0)
    apart = one - centre
    spread = np.sqrt(n / (n + 1) * (scale**2 + apart**2 / (n + 1)))
    return (centre + apart / (n + 1)).astype(others.dtype), spread.astype(others.dtype)


def _ensembles(
    pool: Singles, n_members: int, n_ensembles: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Averages of pool rows over ensembles drawn from them with replacement."""
    step = max(1, _TOGETHER // max(pool.shape[1], n_members))
    starts = range(0, pool.shape[1], _COLUMNS)
    blocks = [np.ascontiguousarray(pool[:, start : start + _COLUMNS]) for start in starts]
    for start in range(0, n_ensembles, step):
        n = min(step, n_ensembles - start)
        drawn = rng.integers(len(pool), size=n * n_members)
        ends = np.arange(0, n * n_members + 1, n_members)
        ones = np.ones(n * n_members, dtype=np.float32)
        choice = sparse.csr_matrix((ones, drawn, ends), shape=(n, len(pool)))
        sums = np.concatenate([choice @ block for block in blocks], axis=1)
        yield sums.astype(np.float64) / n_members
