"""Which law describes an ensemble: log-likelihoods of members that a fit has not seen.

More parameters always fit the members at hand better. They describe held-out members better only
if they are true of the ensemble and there are members enough to estimate them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.arrays import Floats, Integers, Side
from weightlaws.inference.intervals import mean_and_error
from weightlaws.laws.base import check_matrices
from weightlaws.laws.candidates import Fit, candidates
from weightlaws.laws.names import NESTED


@dataclass(frozen=True)
class HeldOut:
    """How well a law fitted to other members describes each member.

    Attributes
    ----------
    n_parameters
        Of the law.
    log_likelihood
        Log-density of each member, (n,), in nats; all NaN if a fit has no density.
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
    matrices: npt.ArrayLike, fits: Mapping[str, Fit], fold: Integers
) -> dict[str, HeldOut]:
    """Cross-validate laws: describe each fold by fits to the other folds.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    fits
        By law, the function that fits it to matrices.
    fold : (n,)
        The fold of each member, from 0 on, such as `random_folds` draws.

    Returns
    -------
    dict of HeldOut
        In the order of the laws.

    Raises
    ------
    ValueError
        If the matrices are not real (n, rows, columns).
    """
    matrices = check_matrices(matrices)
    n = len(matrices)
    found = {name: HeldOut(0, np.full(n, np.nan), "") for name in fits}
    for k in range(fold.max() + 1):
        others, mine = matrices[fold != k], fold == k
        for name, fit in fits.items():
            if found[name].note:  # a mean over some members compares with nothing
                continue
            law, values = fit(others), found[name].log_likelihood
            try:
                values[mine], note = law.log_likelihood(matrices[mine]), ""
            except np.linalg.LinAlgError as error:
                values[:], note = np.nan, str(error)
            found[name] = HeldOut(law.n_parameters, values, note)
    return found


def compare(
    matrices: npt.ArrayLike,
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
    matrices = check_matrices(matrices)
    fits = candidates((matrices.shape[1], matrices.shape[2]), labelled)
    orders: dict[str, list[HeldOut]] = {name: [] for name in fits}
    for _ in range(n_orders):
        for name, result in held_out(
            matrices, fits, random_folds(len(matrices), folds, rng)
        ).items():
            orders[name].append(result)
            if result.note:  # other orders are no use any more
                del fits[name]
    # By law: the values of each member, (order, member).
    values = {
        name: np.stack([each.log_likelihood for each in results])
        if name in fits
        else np.full((n_orders, len(matrices)), np.nan)
        for name, results in orders.items()
    }
    rows: list[dict[str, object]] = []
    for name, results in orders.items():
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
                "n_parameters": results[-1].n_parameters,
                "log_likelihood": mean,
                "standard_error": error,
                "than": than,
                "gain": gain,
                "gain_standard_error": gain_error,
                "gain_order_sd": order_sd,
                "note": results[-1].note,
            }
        )
    return pd.DataFrame(rows)
