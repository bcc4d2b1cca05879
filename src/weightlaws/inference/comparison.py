"""Which law describes an ensemble: log-likelihoods of members that a fit has not seen.

More parameters always fit the members at hand better. They describe held-out members better only
if they are true of the ensemble and there are members enough to estimate them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.arrays import Floats, Integers, Shape, Side
from weightlaws.laws.base import Law, check_matrices
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, NESTED, ONE_SIDED
from weightlaws.laws.one_sided import OneSided
from weightlaws.laws.pigmm import PIGMM

Fit = Callable[[Floats], Law]


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


def held_out(matrices: npt.ArrayLike, fits: Mapping[str, Fit], folds: int) -> dict[str, HeldOut]:
    """Cross-validate laws: describe each fold by fits to the other folds.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member. Members are exchangeable, so member k is in fold k % folds.
    fits
        By law, the function that fits it to matrices.
    folds
        From 2 to n.

    Returns
    -------
    dict of HeldOut
        In the order of the laws.

    Raises
    ------
    ValueError
        If the folds are too few or too many, or the matrices are not real (n, rows, columns).
    """
    matrices = check_matrices(matrices)
    n = len(matrices)
    if not 2 <= folds <= n:
        raise ValueError(f"expected from 2 to {n} folds for {n} members, found {folds}")
    return {name: _held_out(matrices, fit, np.arange(n) % folds) for name, fit in fits.items()}


def candidates(shape: Shape, labelled: Side | None) -> dict[str, Fit]:
    """Fits of the laws that exist for a layer, by name, each after the one it is nested above.

    Parameters
    ----------
    shape
        Rows and columns of the layer's matrices.
    labelled
        The side whose labels training can tell apart: the rows before the classes, the columns
        after the pixels, or none between hidden layers.

    Returns
    -------
    dict
        The independent law always; the bipartite one and, if a side is labelled, the one-sided
        one where both sides are 2 or more; the diagonal one for squares above 3.
    """
    fits: dict[str, Fit] = {INDEPENDENT: IID.fit}
    if min(shape) >= 2:
        fits[BIPARTITE] = Bipartite.fit
    if shape[0] == shape[1] > 3:
        fits[DIAGONAL] = PIGMM.fit
    if labelled is not None and min(shape) >= 2:
        fits[ONE_SIDED] = partial(OneSided.fit, labelled=labelled)
    return fits


def compare(matrices: npt.ArrayLike, labelled: Side | None, folds: int) -> pd.DataFrame:
    """Compare the laws that exist for a layer by cross-validation.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    labelled
        The side whose labels training can tell apart, or None, as in `candidates`.
    folds
        From 2 to n.

    Returns
    -------
    DataFrame
        One row a law: ``law``; ``n_parameters``; ``log_likelihood``, its mean over held-out
        members, in nats, and ``standard_error``; ``than``, the law that it is nested above, empty
        for the first; ``gain``, how much more likely it makes a member than that law, in nats, and
        ``gain_standard_error``; ``note``. Numbers are NaN where a fit has no density, and the note
        says why. Standard errors take members as independent. They leave out that the folds' fits
        share members.

    Raises
    ------
    ValueError
        As `held_out` does.
    """
    matrices = check_matrices(matrices)
    results = held_out(
        matrices, candidates((matrices.shape[1], matrices.shape[2]), labelled), folds
    )
    rows: list[dict[str, object]] = []
    for name, result in results.items():
        mean, error = _mean_and_error(result.log_likelihood)
        than = NESTED.get(name, "")
        gain, gain_error = np.nan, np.nan
        if than:
            gain, gain_error = _mean_and_error(result.log_likelihood - results[than].log_likelihood)
        rows.append(
            {
                "law": name,
                "n_parameters": result.n_parameters,
                "log_likelihood": mean,
                "standard_error": error,
                "than": than,
                "gain": gain,
                "gain_standard_error": gain_error,
                "note": result.note,
            }
        )
    return pd.DataFrame(rows)


def _held_out(matrices: Floats, fit: Fit, fold: Integers) -> HeldOut:
    values = np.full(len(matrices), np.nan)
    for k in range(fold.max() + 1):
        law = fit(matrices[fold != k])
        try:
            values[fold == k] = law.log_likelihood(matrices[fold == k])
        except np.linalg.LinAlgError as error:
            # The other folds are no use either: a mean over some members compares with nothing.
            return HeldOut(law.n_parameters, np.full(len(matrices), np.nan), str(error))
    return HeldOut(law.n_parameters, values, "")


def _mean_and_error(values: Floats) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
