"""Is a fit a law, and are all members what an ensemble should have? Checks that are reported."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.laws.pigmm import blocks, multiplicities
from weightlaws.storage.shards import MemberValues

log = logging.getLogger(__name__)

#: Which members a headline table is of: as published, or without those that answer nothing.
ALL, WITHOUT_DEAD = "all", "without dead outputs"

# Least eigenvalues relative to the mean square of an entry. Below the first a block has an
# eigenvalue less than 0 that is no rounding; below the second its density tells nothing real.
_ROUNDING, _NEAR_SINGULAR = -1e-12, 1e-6


def with_and_without_dead(
    ensemble: MemberValues,
    least: int,
    table: Callable[[npt.NDArray[Any]], pd.DataFrame],
    **place: str | int,
) -> pd.DataFrame:
    """Make a headline table of all members, and of those without a dead output.

    Parameters
    ----------
    least
        Members that the table needs. Where fewer have no dead output, the second part is left out,
        and the log says so.
    table
        Makes it of values (member, ...).
    place
        Further columns of one value each.

    Returns
    -------
    DataFrame
        The tables below each other; in front the place, ``members`` (which they are of) and
        ``n_members``.
    """
    whole = table(ensemble.values)
    parts = {ALL: (whole, len(ensemble.values))}
    n_alive = int((~ensemble.dead_output).sum())
    if n_alive == len(ensemble.values):
        parts[WITHOUT_DEAD] = (whole, n_alive)
    elif n_alive >= least:
        parts[WITHOUT_DEAD] = (table(ensemble.values[~ensemble.dead_output]), n_alive)
    else:
        log.warning(
            "found %d members without a dead output, expected at least %d for a table of them",
            n_alive,
            least,
        )
    placed = []
    for name, (part, n) in parts.items():
        front = pd.DataFrame({**place, "members": name, "n_members": n}, part.index)
        placed.append(pd.concat([front, part], axis=1))
    return pd.concat(placed, ignore_index=True)


def blocks_table(
    parameters: npt.NDArray[np.float64], size: int, epochs: Sequence[int], n_members: int
) -> pd.DataFrame:
    """Check the covariance blocks of fitted laws for positive definiteness.

    Parameters
    ----------
    parameters : (snapshot, 13)
        Fits to ensembles of ``n_members`` matrices of this size.

    Returns
    -------
    DataFrame
        One row an epoch and block: ``block`` (V0, VH, V2, V3), ``least`` and ``greatest``
        eigenvalue (units of weight squared), ``verdict`` (``positive definite``, ``near-singular``
        where the least is below 1e-6 of the mean square of an entry, ``indefinite``), and
        ``reason`` (``too few members`` where no ensemble of so many has a regular block,
        ``weights hardly vary in this block`` otherwise; empty for a good block).
    """
    numbers = multiplicities(size)
    eigenvalues = [np.linalg.eigvalsh(block) for block in blocks(parameters)]
    total = sum(n * values.sum(axis=-1) for n, values in zip(numbers, eigenvalues, strict=True))
    scale = (total + np.square(parameters[:, :2]).sum(axis=-1)) / size**2
    rows = []
    for name, n, values in zip(("V0", "VH", "V2", "V3"), numbers, eigenvalues, strict=True):
        # The means of V0 are fitted too, which takes one member.
        observations = n_members - 1 if name == "V0" else n * n_members
        few = observations < values.shape[-1]
        for epoch, own, unit in zip(epochs, values, scale, strict=True):
            verdict = _verdict(float(own[0]), float(unit))
            reason = "too few members" if few else "weights hardly vary in this block"
            rows.append(
                {
                    "epoch": epoch,
                    "block": name,
                    "least": own[0],
                    "greatest": own[-1],
                    "verdict": verdict,
                    "reason": "" if verdict == "positive definite" else reason,
                }
            )
    return pd.DataFrame(rows).sort_values("epoch", kind="stable", ignore_index=True)


def _verdict(least: float, scale: float) -> str:
    if least < _ROUNDING * scale:
        return "indefinite"
    return "near-singular" if least <= _NEAR_SINGULAR * scale else "positive definite"
