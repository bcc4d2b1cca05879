"""Which law describes an ensemble: log-likelihoods of members that a fit has not seen.

More parameters always fit the members at hand better. They describe held-out members better only
if they are true of the ensemble and there are members enough to estimate them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.arrays import Floats, Integers, Shape, Side
from weightlaws.inference.intervals import mean_and_error
from weightlaws.laws.base import ByCoordinates, Law, checked_parts
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.candidates import Fit, candidates
from weightlaws.laws.iid import IID
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, NESTED, ONE_SIDED
from weightlaws.laws.one_sided import OneSided, sides, singular, split
from weightlaws.laws.pigmm import PIGMM
from weightlaws.storage.matrices import Matrices

Mask = npt.NDArray[np.bool_]
L = TypeVar("L", bound=Law | ByCoordinates)


@dataclass(frozen=True)
class HeldOut:
    """How well a law fitted to other members describes each member.

    Attributes
    ----------
    n_parameters
        Of the law.
    log_likelihood
        Log-density of each member, (order, n), in nats; all NaN if a fit has no density.
    note
        Why there is none, or empty.
    """

    n_parameters: int
    log_likelihood: Floats
    note: str


def random_folds(n: int, folds: int, rng: np.random.Generator) -> Integers:
    """Divide n members into folds in a random order: the fold of each, (n,).

    Raises
    ------
    ValueError
        If the folds are not from 2 to n.
    """
    if not 2 <= folds <= n:
        raise ValueError(f"expected from 2 to {n} folds for {n} members, found {folds}")
    return rng.permutation(np.arange(n) % folds)


def held_out(
    matrices: npt.ArrayLike | Matrices, labelled: Side | None, folds: Integers
) -> dict[str, HeldOut]:
    """Cross-validate the laws that exist for a layer: describe each fold by fits to the others.

    A few numbers of each member are all that fits and densities take of it, so members are read a
    part at a time. A one-sided law takes as many numbers as its covariances have entries: they are
    summed up by fold, and the members are read again for their densities. A law that is none of the
    four has all members at once.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    labelled
        The side whose labels training can tell apart, or None, as in `candidates`.
    folds : (order, n)
        By division into folds, the fold of each member, from 0 on; see `random_folds`.

    Returns
    -------
    dict of HeldOut
        In the order of the laws.

    Raises
    ------
    ValueError
        If the matrices are not real (n, rows, columns), or not finite.
    """
    matrices = Matrices.of(matrices)
    fits = candidates(matrices.shape, labelled)
    names = [*fits]
    centres = {name: law.centre(matrices) for name, law in _BY_COORDINATES.items() if name in names}
    gathered: dict[str, list[Floats]] = {name: [] for name in names if name in _BY_COORDINATES}
    found = {}
    sums = None
    if labelled and ONE_SIDED in names:
        labels, _ = sides(matrices.shape, labelled)
        if few := [n for n in _fitted_to(folds) if n <= labels]:
            nothing = np.full(folds.shape, np.nan)
            found[ONE_SIDED] = HeldOut(labels * (labels + 2), nothing, singular(few[0], labels))
        else:
            sums = _Sums(matrices.shape, labelled, folds)
    for part in checked_parts(matrices):
        for name, coordinates in gathered.items():
            coordinates.append(_BY_COORDINATES[name].coordinates(part, centres[name]))
        if sums:
            sums.add(part)
    for name, parts in gathered.items():
        law, centre = _BY_COORDINATES[name], centres[name]
        found[name] = _by_coordinates(law, matrices.shape, centre, np.concatenate(parts), folds)
    if sums:
        found[ONE_SIDED] = _one_sided(matrices, sums, folds)
    if others := [name for name in names if name not in (*_BY_COORDINATES, ONE_SIDED)]:
        whole = np.concatenate([*checked_parts(matrices)])
        found |= {name: _by_members(fits[name], whole, folds) for name in others}
    return {name: found[name] for name in names}


# Laws whose fit and density take a few numbers of each matrix.
_BY_COORDINATES: dict[str, type[ByCoordinates]] = {
    INDEPENDENT: IID,
    BIPARTITE: Bipartite,
    DIAGONAL: PIGMM,
}


def _by_coordinates(
    law: type[ByCoordinates],
    shape: Shape,
    centre: tuple[float, ...],
    coordinates: Floats,
    folds: Integers,
) -> HeldOut:
    return _by_folds(
        lambda others: law.fit_coordinates(coordinates[others], shape, centre),
        lambda fitted, mine: fitted.log_likelihood_of(coordinates[mine], centre),
        folds,
    )


def _by_members(fit: Fit, matrices: Floats, folds: Integers) -> HeldOut:
    """Cross-validate a law that has no more than its fit and its density."""
    return _by_folds(
        lambda others: fit(matrices[others]),
        lambda fitted, mine: fitted.log_likelihood(matrices[mine]),
        folds,
    )


def _by_folds(
    fit: Callable[[Mask], L], describe: Callable[[L, Mask], Floats], folds: Integers
) -> HeldOut:
    """Describe the members of each fold by a fit to all others; both are chosen by masks."""
    values, n_parameters = np.empty(folds.shape), 0
    for order, fold in enumerate(folds):
        for k in range(fold.max() + 1):
            mine = fold == k
            fitted = fit(~mine)
            n_parameters = fitted.n_parameters
            try:
                values[order, mine] = describe(fitted, mine)
            except np.linalg.LinAlgError as error:
                # A mean over some members compares with nothing.
                return HeldOut(n_parameters, np.full(folds.shape, np.nan), str(error))
    return HeldOut(n_parameters, values, "")


def _fitted_to(folds: Integers) -> list[int]:
    """The numbers of members in all folds but one, each in turn, of each order."""
    return [int(np.count_nonzero(fold != k)) for fold in folds for k in range(fold.max() + 1)]


class _Sums:
    """Sums by fold, from which the one-sided law is fitted to all folds but one."""

    def __init__(self, shape: Shape, labelled: Side, folds: Integers) -> None:
        self._shape, self._labelled, self._folds = shape, labelled, folds
        self._averages: list[Floats] = []
        M, _ = sides(shape, labelled)
        self._products = np.zeros((len(folds), folds.max() + 1, M, M))
        self._n = 0

    def add(self, part: Floats) -> None:
        """Add the matrices of the next members."""
        averages, contrasts = split(part, self._labelled)
        contrasts = contrasts.reshape(len(part), -1, contrasts.shape[1])
        self._averages.append(averages)
        members = slice(self._n, self._n + len(part))
        for products, fold in zip(self._products, self._folds[:, members], strict=True):
            for k in np.unique(fold):
                mine = contrasts[fold == k].reshape(-1, contrasts.shape[2])
                products[k] += mine.T @ mine
        self._n += len(part)

    def fits(self) -> Iterator[OneSided]:
        """Fit to all folds but one, each in turn, of each order."""
        averages = np.concatenate(self._averages)
        for products, fold in zip(self._products, self._folds, strict=True):
            for k in range(fold.max() + 1):
                others = np.delete(products, k, axis=0).sum(axis=0)
                yield OneSided.fit_sums(averages[fold != k], others, self._shape, self._labelled)


def _one_sided(matrices: Matrices, sums: _Sums, folds: Integers) -> HeldOut:
    laws = []
    for law in sums.fits():
        try:
            law.whitening()
        except np.linalg.LinAlgError as error:
            return HeldOut(law.n_parameters, np.full(folds.shape, np.nan), str(error))
        laws.append(law)
    values, start = np.empty(folds.shape), 0
    for part in matrices:
        places = np.arange(start, start + len(part))
        start += len(part)
        fitted = iter(laws)
        for order, fold in enumerate(folds):
            for k in range(fold.max() + 1):
                law, mine = next(fitted), fold[places] == k
                if mine.any():
                    values[order, places[mine]] = law.log_likelihood(part[mine])
    return HeldOut(laws[0].n_parameters, values, "")


def compare(
    matrices: npt.ArrayLike | Matrices,
    labelled: Side | None,
    folds: int,
    rng: np.random.Generator,
    n_orders: int = 1,
) -> pd.DataFrame:
    """Compare the laws that exist for a layer by cross-validation.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    labelled
        The side whose labels training can tell apart, or None, as in `candidates`.
    folds
        From 2 to n.
    rng
        Draws the orders in which members are divided into folds.
    n_orders
        Divisions, over which a member's log-likelihoods are averaged.

    Returns
    -------
    DataFrame
        One row a law: ``law``; ``n_parameters``; ``log_likelihood``, its mean over held-out
        members, in nats, and ``standard_error``; ``than``, the law that it is nested above, empty
        for the first; ``gain``, how much more likely it makes a member than that law, in nats, and
        ``gain_standard_error``; ``gain_order_sd``, the standard deviation of the gain from one
        division into folds to another, NaN with one alone; ``note``. Numbers are NaN where a fit
        has no density, and the note says why. Standard errors take members as independent. They
        leave out that the folds' fits share members.

    Raises
    ------
    ValueError
        As `random_folds` and `held_out` do.
    """
    matrices = Matrices.of(matrices)
    divisions = [random_folds(len(matrices), folds, rng) for _ in range(n_orders)]
    results = held_out(matrices, labelled, np.array(divisions))
    values = {name: result.log_likelihood for name, result in results.items()}
    rows: list[dict[str, object]] = []
    for name, result in results.items():
        mean, error = mean_and_error(values[name].mean(axis=0))
        than = NESTED.get(name, "")
        gain, gain_error, order_sd = np.nan, np.nan, np.nan
        if than:
            gains = values[name] - values[than]
            gain, gain_error = mean_and_error(gains.mean(axis=0))
            if n_orders > 1:
                order_sd = float(gains.mean(axis=1).std(ddof=1))
        rows.append(
            {
                "law": name,
                "n_parameters": result.n_parameters,
                "log_likelihood": mean,
                "standard_error": error,
                "than": than,
                "gain": gain,
                "gain_standard_error": gain_error,
                "gain_order_sd": order_sd,
                "note": result.note,
            }
        )
    return pd.DataFrame(rows)
