"""Randomisation tests of an ensemble's symmetries, exact whatever the law of the entries.

Let a group leave the law of a matrix unchanged. An ensemble of independent members, each
transformed by a random element of the group of its own, then has the law of the ensemble itself.
Of R such copies and the ensemble, any statistic puts the ensemble on every rank equally often, so

    p = (1 + number of copies with T* >= T) / (R + 1)

is at most a with probability at most a, for every a, every size and every law with the symmetry.

This holds for any subgroup, too, chosen without looking at the members. Here each member has one of
its own: the p things that may change places stand in a random circle, and a random number of steps
takes all of them around it. So a member has p transformed copies at most, where the permutations of
1000 things are too many and drawing them is most of the work. Of n members there are p^n ensembles.

Sources: Pitman, Biometrika 29 (1938) 322, and Lehmann and Romano, Testing Statistical Hypotheses,
section 15.2 (the method); Hemerik and Goeman, TEST 27 (2018) 811 (subgroups, random elements);
arXiv:1809.07559 (the Gaussian laws compared).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from weightlaws.arrays import Floats
from weightlaws.inference.symmetry_names import (
    COLUMN_MEANS,
    COLUMN_SPREADS,
    DIAGONAL,
    ENTRIES,
    ROW_MEANS,
    ROW_SPREADS,
)
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.likelihood_ratios import (
    EnsembleShape,
    diagonal_ratio,
    entries_ratio,
)
from weightlaws.laws.pigmm import FITTED

# Doubles in a chunk of transformed members: it bounds memory.
CHUNK = 2**18

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
    items
        From a matrix (rows, columns), centred on the ensemble's mean entry, to items (p, ...); the
        group acts by all permutations of the p.
    features
        From a batch of permuted items (b, p, ...) to the numbers (b, k) of each.
    statistic
        From averages of the features over the members (..., k) to (...).
    p_gaussian
        From the ensemble's statistic to its p-value in theory.
    around
        From items and the order (p,) of their circle to the numbers (p, k) of all its p steps,
        where that is less work than the features of p copies.
    """

    permuted: str
    items: Callable[[Floats], Floats]
    features: Callable[[Floats, EnsembleShape], Floats]
    statistic: Callable[[Floats, EnsembleShape], Floats]
    p_gaussian: Callable[[float, EnsembleShape], float]
    around: Callable[[Floats, npt.NDArray[np.intp]], Floats] | None = None


def randomisation_tests(
    matrices: npt.ArrayLike,
    n_randomisations: int,
    rng: np.random.Generator,
    tests: Iterable[str] | None = None,
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
        Copies R to compare with; p is a multiple of 1 / (R + 1).
    tests
        The tests to make, named as above; all of them if not given.

    Returns
    -------
    DataFrame
        One row a test: `test`, `permuted`, `statistic`, `p` and `p_gaussian`, the p-value in
        theory. For means and spreads the theory is the F test of the two-way layout: exact for
        Gaussian means, else right for many members. For likelihood ratios it is chi-square with 8
        or 3 degrees of freedom: right for many members of a Gaussian law only. No p is corrected
        for the number of tests. A likelihood ratio does not exist where a law's fit is singular:
        then all is NaN, and `note` names the part.

    Raises
    ------
    ValueError
        If the matrices are not a finite (n, rows, columns) of such sizes, or R is below 1.
    """
    matrices = np.asarray(matrices)
    shape = _shape(matrices)
    wanted = [name for name in SYMMETRIES if tests is None or name in tests]
    if not shape[1] == shape[2] > 3:
        wanted = [name for name in wanted if name != DIAGONAL]
    averages: dict[str, Floats] = {}
    for permuted in dict.fromkeys(SYMMETRIES[name].permuted for name in wanted):
        alike = {name: SYMMETRIES[name] for name in wanted if SYMMETRIES[name].permuted == permuted}
        averages |= _randomised_averages(matrices, alike, n_randomisations, rng)
    table = []
    for name in wanted:
        symmetry = SYMMETRIES[name]
        numbers, note = (np.nan, np.nan, np.nan), ""
        try:
            values = symmetry.statistic(averages[name], shape)
            statistic = float(values[0])
            numbers = (statistic, p_value(values), symmetry.p_gaussian(statistic, shape))
        except np.linalg.LinAlgError as error:
            note = str(error)
        table.append((name, symmetry.permuted, *numbers, note))
    columns = ["test", "permuted", "statistic", "p", "p_gaussian", "note"]
    return pd.DataFrame(table, columns=columns)


def p_value(statistics: Floats) -> float:
    """Share of statistics (R + 1,) that reach the first, the ensemble's own."""
    tolerance = _TIE * np.abs(statistics).max()
    return float(np.mean(statistics >= statistics[0] - tolerance))


def randomised_statistics(
    matrices: npt.ArrayLike, symmetry: Symmetry, n_randomisations: int, rng: np.random.Generator
) -> Floats:
    """Statistics of an ensemble and of copies, each member permuted at random in each copy.

    Parameters
    ----------
    matrices : (n, rows, columns)
        As for `randomisation_tests`.
    symmetry
        One of `SYMMETRIES`, or another.
    n_randomisations
        Copies R.

    Returns
    -------
    (R + 1,)
        The ensemble's own statistic, then the statistics of the copies.

    Raises
    ------
    ValueError, numpy.linalg.LinAlgError
        As for `randomisation_tests`.
    """
    matrices = np.asarray(matrices)
    averages = _randomised_averages(matrices, {"": symmetry}, n_randomisations, rng)
    return symmetry.statistic(averages[""], _shape(matrices))


def _randomised_averages(
    matrices: npt.NDArray[np.generic],
    symmetries: Mapping[str, Symmetry],
    n: int,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Average features (n + 1, k) over the members as they are, then n times permuted.

    All symmetries here permute the same things, and share the permutations.
    """
    shape = _shape(matrices)
    if n < 1:
        raise ValueError(f"expected at least one randomisation, found {n}")
    # The Gaussian fits below count on a mean of 0, and a large one would cost variances digits.
    centre = matrices.mean(dtype=np.float64)
    averages: dict[str, Floats] = {}
    for matrix in matrices:
        centred = matrix.astype(np.float64) - centre
        items = {name: symmetry.items(centred) for name, symmetry in symmetries.items()}
        length = len(next(iter(items.values())))
        circle = rng.permutation(length)
        place = circle.argsort()
        drawn = np.append(0, rng.integers(length, size=n))  # no step: the member as it is
        steps, copy = np.unique(drawn, return_inverse=True)
        for name, own in items.items():
            around = symmetries[name].around
            if around is not None:
                features = around(own, circle)[steps]
            else:
                # Twice around the circle: a step is a sum, with no remainder to take.
                twice, parts = np.concatenate([own[circle]] * 2), []
                for some in np.array_split(steps, -(-len(steps) * own.size // CHUNK)):
                    copies = twice.take(place + some[:, None], axis=0)
                    parts.append(symmetries[name].features(copies, shape))
                features = np.concatenate(parts)
            averages[name] = averages.get(name, 0.0) + features[copy] / shape[0]
    return averages


def _shape(matrices: npt.NDArray[np.generic]) -> EnsembleShape:
    if matrices.ndim != 3 or matrices.dtype.kind not in "fiub":
        raise ValueError(
            "expected real matrices of shape (n, rows, columns), "
            f"found {matrices.dtype} of shape {matrices.shape}"
        )
    n, n_rows, n_columns = matrices.shape
    if n < 3 or n_rows < 2 or n_columns < 2:
        raise ValueError(
            "expected at least 3 matrices of at least 2 rows and 2 columns, "
            f"found shape {matrices.shape}"
        )
    if not np.isfinite(matrices).all():
        raise ValueError(
            f"expected finite matrices, found {np.sum(~np.isfinite(matrices))} entries that are not"
        )
    return n, n_rows, n_columns


def _labels(permuted: str, axis: int, measure: Callable[..., Floats]) -> Symmetry:
    """Whether a measure of the rows (axis 0) or columns (axis 1) depends on their label."""

    def items(matrix: Floats) -> Floats:
        values = measure(matrix, axis=1 - axis)
        return np.asarray(values - values.mean())

    def p_gaussian(statistic: float, shape: EnsembleShape) -> float:
        n, degrees = shape[0], shape[1 + axis] - 1
        # The part between labels of all variance is F-distributed over the rest, thus beta here.
        share = statistic / (n * degrees)
        return float(special.betaincc(degrees / 2, (n - 1) * degrees / 2, min(share, 1.0)))

    return Symmetry(permuted, items, _values_and_square, _friedman, p_gaussian)


def _values_and_square(items: Floats, _: EnsembleShape) -> Floats:
    return np.concatenate([items, np.square(items).sum(1, keepdims=True)], axis=1)


def _friedman(averages: Floats, shape: EnsembleShape) -> Floats:
    """Scale the variance of the mean values (..., p) so that over permutations its mean is p - 1.

    Source: Friedman, J. Am. Stat. Assoc. 32 (1937) 675, with values in the place of ranks.
    """
    values, square = averages[..., :-1], averages[..., -1]
    between = shape[0] * (values.shape[-1] - 1) * np.square(values).sum(-1)
    # Where all labels have equal values in every member, none differs from another.
    ratio: Floats = np.zeros_like(between)
    np.divide(between, square, out=ratio, where=square > 0)
    return ratio


def _stepped_rows(matrix: Floats, circle: npt.NDArray[np.intp]) -> Floats:
    """Evaluate `FITTED` (D, 13) of a matrix whose rows take 0 to D - 1 steps around a circle.

    Invariants do not mind if rows and columns are put in the order of the circle together. Then
    after s steps W_ij is W_(i+s)j, indices modulo D. Eight of the invariants change. With the
    Fourier transform F of the matrix, sum W_ij W_ji is that, in s, of the sums of
    F_kl conj(F_lk) / D^2 over k - l = m; so all steps cost one transform, not D^3 operations.
    """
    matrix, size = matrix[np.ix_(circle, circle)], len(matrix)
    place = np.arange(size)
    stepped = (place + place[:, None]) % size  # (step, i): the row that has come to i
    diagonals, rows, columns = matrix[stepped, place], matrix.sum(1), matrix.sum(0)
    trace, total = diagonals.sum(1), rows.sum()
    transform = np.fft.fft2(matrix)
    products = transform * transform.T.conj()
    twisted = np.fft.ifft(products[stepped, place].sum(1)).real / size
    one = np.ones(size)
    return np.column_stack(
        [
            trace,
            total * one,
            np.square(matrix).sum() * one,
            twisted,
            np.einsum("si,si->s", diagonals, rows[stepped]),
            diagonals @ columns,
            rows @ rows * one,
            columns @ columns * one,
            rows[stepped] @ columns,
            total**2 * one,
            np.square(diagonals).sum(1),
            trace**2,
            trace * total,
        ]
    )


def _sums_of_entries(items: Floats, shape: EnsembleShape) -> Floats:
    """Evaluate `BIPARTITE_FITTED` (b, 4) of matrices whose entries are in a row (b, entries)."""
    matrices = items.reshape(-1, *shape[1:])
    rows, columns = np.einsum("nia->ni", matrices), np.einsum("nia->na", matrices)
    squares = [np.einsum("ni,ni->n", some, some) for some in (items, rows, columns)]
    return np.column_stack([*squares, np.square(rows.sum(1))])


def _chi_square(ratio: float, degrees: int) -> float:
    """Return the probability of more; rounding can take a ratio just below 0."""
    return float(special.chdtrc(degrees, max(ratio, 0.0)))


#: The tests by name, in the order in which they are made.
SYMMETRIES: dict[str, Symmetry] = {
    ROW_MEANS: _labels("rows", 0, np.mean),
    ROW_SPREADS: _labels("rows", 0, np.var),
    COLUMN_MEANS: _labels("columns", 1, np.mean),
    COLUMN_SPREADS: _labels("columns", 1, np.var),
    DIAGONAL: Symmetry(
        "rows",
        lambda matrix: matrix,
        lambda items, _: evaluate(FITTED, items),
        diagonal_ratio,
        lambda ratio, _: _chi_square(ratio, degrees=8),
        _stepped_rows,
    ),
    ENTRIES: Symmetry(
        "entries",
        lambda matrix: matrix.ravel(),
        _sums_of_entries,
        entries_ratio,
        lambda ratio, _: _chi_square(ratio, degrees=3),
    ),
}
