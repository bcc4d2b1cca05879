"""Randomisation tests of an ensemble's symmetries, exact whatever the law of the entries.

Let a group leave the law of a matrix unchanged. An ensemble of independent members, each
transformed by a random element of the group of its own, then has the law of the ensemble itself.
Of R such copies and the ensemble, any statistic puts the ensemble on every rank equally often, so

    p = (1 + number of copies with T* >= T) / (R + 1)

is at most a with probability at most a, for every a, every size and every law with the symmetry.
The same holds if copies are drawn until h of them have T* >= T, the last of them number l <= R, and
then p = h / l. So few copies are made where p is large, and R where it is small.

All this holds for any subgroup, too, chosen without looking at the members. Here the p things that
may change places stand in a random circle, and a random number of steps takes all of a member's
around it. So a member has p transformed copies at most, where the permutations of 1000 things are
too many and drawing them is most of the work. Of n members there are p^n ensembles. The entries of
a wide square matrix, or of wide square tiles that make up a matrix, move as the places of a torus
do under its linear maps.

Sources: Pitman, Biometrika 29 (1938) 322, and Lehmann and Romano, Testing Statistical Hypotheses,
section 15.2 (the method); Besag and Clifford, Biometrika 78 (1991) 301 (stopping); Hemerik and
Goeman, TEST 27 (2018) 811 (subgroups, random elements); arXiv:1809.07559 (the Gaussian laws
compared).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import gcd, prod

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from weightlaws.arrays import Floats, Integers
from weightlaws.inference.symmetry_copies import (
    Ensemble,
    along_lines,
    blocks,
    chosen,
    line_sums,
    lines,
    stepped_entries,
    stepped_rows,
    stepped_vectors,
)
from weightlaws.inference.symmetry_names import (
    COLUMN_MEANS,
    COLUMN_SPREADS,
    DIAGONAL,
    ENTRIES,
    ROW_MEANS,
    ROW_SPREADS,
    SYMMETRY_TESTS,
)
from weightlaws.laws.likelihood_ratios import (
    EnsembleShape,
    diagonal_ratio,
    entries_ratio,
)
from weightlaws.storage.matrices import Matrices

#: Copies that reach the ensemble's statistic, at which no more are drawn.
ENOUGH = 10

# Copies that are drawn first, and at most at once. In between as many are drawn as there are.
_FIRST, _MOST = 20, 512

#: The smallest torus. If rows or columns have common parts, so have lines that have a period, and
#: tiles: less than a twentieth from this size on, where to move entries one by one takes long.
LEAST_TORUS = 64

# Statistics of equal copies differ by rounding: likelihood ratios, differences of some 1e6
# logarithms, by 1e-8 at worst. To count such near values as equal can only enlarge p, and hardly
# ever does.
_TIE = 1e-8


@dataclass(frozen=True)
class Symmetry:
    """A group and a statistic that grows as the law departs from the group's symmetry.

    Attributes
    ----------
    permuted
        In words, the things that the group permutes.
    order
        How many transformations of a member there are.
    orbit
        From members (b, rows, columns) to what the transformations make of them (b, ...); None
        where ``averages`` takes the `Ensemble` instead.
    averages
        From the orbits of all members, and transformations (copies, n), to the averages (copies, k)
        of features over the members of each copy. Transformations are numbers below the order; 0
        leaves a member as it is.
    statistic
        From averages (copies, k) to (copies,).
    p_gaussian
        From the ensemble's statistic to its p-value in theory.
    """

    permuted: str
    order: int
    orbit: Callable[[Floats], Floats] | None
    averages: Callable[..., Floats]
    statistic: Callable[[Floats], Floats]
    p_gaussian: Callable[[float], float]


def randomisation_tests(
    matrices: npt.ArrayLike | Matrices,
    n_randomisations: int,
    rng: np.random.Generator,
    tests: Iterable[str] = tuple(SYMMETRY_TESTS),
) -> pd.DataFrame:
    """Test the symmetries of an ensemble that its shape allows.

    ============== =========== ===================================================================
    test           permuted    a small p speaks against
    ============== =========== ===================================================================
    row means      rows        rows are exchangeable: the mean entry depends on the row
    row spreads    rows        the same: the variance within a row depends on the row
    column means   columns     columns are exchangeable, likewise
    column spreads columns
    diagonal       rows        row i and column i belong together; of square matrices, D > 3
    entries        entries     all entries are exchangeable: rows or columns have common parts
    ============== =========== ===================================================================

    Means and spreads have Friedman's statistic, on the values themselves instead of ranks. The
    others have a likelihood ratio of two Gaussian laws: of the 13-parameter law over the bipartite
    law (diagonal), of the bipartite law over independent equal entries (entries).

    Rows and columns permuted together leave the 13-parameter fit of a matrix. So a random
    permutation of the rows alone, of the columns alone or of both has one and the same effect on
    "diagonal". This test is exact if one side is exchangeable, even if the other side is labelled.
    Entries permuted within a member keep its sum: "entries" takes no notice of a random shift of
    whole members, though its likelihood ratio does.

    Parameters
    ----------
    matrices : (n, rows, columns)
        Independent members, n > 2, with at least two rows and columns.
    n_randomisations
        The most copies R to compare with. No more are drawn once `ENOUGH` reach the ensemble's
        statistic. No p is below 1 / (R + 1).
    rng
        The source of randomness. Tests have streams of their own, so that each is what it would be
        without the others.
    tests
        The tests to make, named as above.

    Returns
    -------
    DataFrame
        One row a test: `test`, `permuted`, `statistic`, `p`, `randomisations`, the copies that p
        is made of, and `p_gaussian`, the p-value in theory. For means and spreads the theory is the
        F test of the two-way layout: exact for Gaussian means, else right for many members. For
        likelihood ratios it is chi-square with 8 or 3 degrees of freedom: right for many members of
        a Gaussian law only. No p is corrected for the number of tests. A likelihood ratio does not
        exist where a law's fit is singular: then all is NaN, there are 0 copies, and `note` names
        the part.

    Raises
    ------
    ValueError
        If the matrices are not finite, real and of such sizes, or R is below 1.
    """
    if n_randomisations < 1:
        raise ValueError(f"expected at least one randomisation, found {n_randomisations}")
    streams = dict(zip(SYMMETRY_TESTS, rng.spawn(len(SYMMETRY_TESTS)), strict=True))
    ensemble = _ensemble(matrices, rng)
    wanted = {name: test for name, test in symmetries(ensemble.shape).items() if name in tests}
    table = []
    for name, averages in _averages(ensemble, wanted).items():
        test, numbers, note = wanted[name], (np.nan, np.nan, 0, np.nan), ""
        try:
            values = _statistics(test, averages, ensemble.shape[0], n_randomisations, streams[name])
            statistic = float(values[0])
            numbers = (statistic, *sequential_p(values), test.p_gaussian(statistic))
        except np.linalg.LinAlgError as error:
            note = str(error)
        table.append((name, test.permuted, *numbers, note))
    columns = ["test", "permuted", "statistic", "p", "randomisations", "p_gaussian", "note"]
    return pd.DataFrame(table, columns=columns)


def sequential_p(statistics: Floats) -> tuple[float, int]:
    """Return a p-value, and the number of copies that it is made of.

    ``statistics`` (R + 1,) are those of the ensemble and of its copies, in the order of drawing.
    """
    reached = _reached(statistics)
    if reached[-1] < ENOUGH:
        return float(1 + reached[-1]) / len(statistics), len(reached)
    n_copies = int(np.searchsorted(reached, ENOUGH)) + 1
    return ENOUGH / n_copies, n_copies


def _reached(statistics: Floats) -> Integers:
    """Count after each copy those that reach the ensemble's statistic."""
    # By the statistics so far: what comes later changes nothing.
    tolerance = _TIE * np.maximum.accumulate(np.abs(statistics))
    return np.cumsum(statistics[1:] >= statistics[0] - tolerance[1:])


def _statistics(
    test: Symmetry,
    averages: Callable[[Integers], Floats],
    n_members: int,
    most: int,
    rng: np.random.Generator,
) -> Floats:
    """Return the statistics of an ensemble and of copies: enough of them, or the most."""
    numbers = np.zeros((1, n_members), dtype=np.int64)
    values = test.statistic(averages(numbers))
    while len(values) <= most and np.sum(_reached(values)[-1:]) < ENOUGH:
        more = min(max(_FIRST, len(values) - 1), _MOST, 1 + most - len(values))
        numbers = rng.integers(test.order, size=(more, n_members))
        values = np.concatenate([values, test.statistic(averages(numbers))])
    return values


def _averages(
    ensemble: Ensemble, tests: dict[str, Symmetry]
) -> dict[str, Callable[[Integers], Floats]]:
    """Prepare the copies of all tests, in one pass through the members."""
    orbits: dict[str, list[Floats]] = {name: [] for name in tests}
    for block in ensemble.blocks():
        for name, test in tests.items():
            if test.orbit is not None:
                orbits[name].append(test.orbit(block))
    return {
        name: partial(test.averages, np.concatenate(orbits[name]) if test.orbit else ensemble)
        for name, test in tests.items()
    }


def _ensemble(matrices: npt.ArrayLike | Matrices, rng: np.random.Generator) -> Ensemble:
    matrices = Matrices.of(matrices)
    n, n_rows, n_columns = shape = len(matrices), *matrices.shape
    if n < 3 or n_rows < 2 or n_columns < 2:
        raise ValueError(
            f"expected at least 3 matrices of at least 2 rows and 2 columns, found shape {shape}"
        )
    total, bad = 0.0, 0
    for block in blocks(matrices):
        total += block.sum(dtype=np.float64)
        bad += np.sum(~np.isfinite(block))
    if bad:
        raise ValueError(f"expected finite matrices, found {bad} entries that are not")
    # Gaussian fits count on a mean of 0, and a large one would cost variances digits.
    centre, rows = total / prod(shape), rng.permutation(n_rows)
    columns = rows if n_rows == n_columns else rng.permutation(n_columns)
    return Ensemble(matrices, shape, centre, rows, columns, rng.permutation(n_rows * n_columns))


def symmetries(shape: EnsembleShape) -> dict[str, Symmetry]:
    """Return the tests of an ensemble of a shape by name, in the order in which they are made."""
    size, square = gcd(shape[1], shape[2]), shape[1] == shape[2]
    torus = size >= LEAST_TORUS
    tests = {
        ROW_MEANS: _labels("rows", 0, np.mean, shape),
        ROW_SPREADS: _labels("rows", 0, np.var, shape),
        COLUMN_MEANS: _labels("columns", 1, np.mean, shape),
        COLUMN_SPREADS: _labels("columns", 1, np.var, shape),
    }
    if square and size > 3:
        tests[DIAGONAL] = Symmetry(
            "rows",
            size,
            stepped_rows,
            chosen,
            partial(diagonal_ratio, shape=shape),
            partial(_chi_square, degrees=8),
        )
    tests[ENTRIES] = Symmetry(
        "entries",
        lines(size) * size if torus else prod(shape[1:]),
        line_sums if torus else None,
        partial(along_lines, size=size) if torus else stepped_entries,
        partial(entries_ratio, shape=shape),
        partial(_chi_square, degrees=3),
    )
    return tests


def _labels(
    permuted: str, axis: int, measure: Callable[..., Floats], shape: EnsembleShape
) -> Symmetry:
    """Whether a measure of the rows (axis 0) or columns (axis 1) depends on their label."""
    n, length = shape[0], shape[1 + axis]

    def orbit(matrices: Floats) -> Floats:
        values = measure(matrices, axis=2 - axis)
        return np.asarray(values - values.mean(axis=1, keepdims=True))

    def p_gaussian(statistic: float) -> float:
        degrees = length - 1
        # The part between labels of all variance is F-distributed over the rest, thus beta here.
        share = statistic / (n * degrees)
        return float(special.betaincc(degrees / 2, (n - 1) * degrees / 2, min(share, 1.0)))

    return Symmetry(
        permuted, length, orbit, stepped_vectors, partial(_friedman, n_members=n), p_gaussian
    )


def _friedman(averages: Floats, n_members: int) -> Floats:
    """Scale the variance of the mean values (..., p) so that over permutations its mean is p - 1.

    Source: Friedman, J. Am. Stat. Assoc. 32 (1937) 675, with values in the place of ranks.
    """
    values, square = averages[..., :-1], averages[..., -1]
    between = n_members * (values.shape[-1] - 1) * np.square(values).sum(-1)
    # Where all labels have equal values in every member, none differs from another.
    ratio: Floats = np.zeros_like(between)
    np.divide(between, square, out=ratio, where=square > 0)
    return ratio


def _chi_square(ratio: float, degrees: int) -> float:
    """Return the probability of more; rounding can take a ratio just below 0."""
    return float(special.chdtrc(degrees, max(ratio, 0.0)))
