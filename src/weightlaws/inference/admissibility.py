"""Is a fit a law? Checks of the covariance blocks, which are reported."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.laws.base import ROUNDING
from weightlaws.laws.pigmm import BLOCKS, blocks, multiplicities

# A block whose least eigenvalue is below this share of the mean square of an entry: its density
# tells nothing real.
_NEAR_SINGULAR = 1e-6


def blocks_table(
    parameters: Floats, size: int, epochs: Sequence[int], n_members: int
) -> pd.DataFrame:
    """Check the covariance blocks of fitted laws for positive definiteness.

    Parameters
    ----------
    parameters : (snapshot, 13)
        Fits to ensembles of ``n_members`` matrices of this size.

    Returns
    -------
    DataFrame
        One row an epoch and block. ``block`` is V0, VH, V2 or V3. ``least`` and ``greatest`` are
        its eigenvalues, in units of weight squared. ``verdict`` is ``positive definite``,
        ``near-singular`` (the least is below 1e-6 of the mean square of an entry) or
        ``indefinite``. ``reason`` is empty for a good block. It is ``too few members`` if no
        ensemble of so many has a regular block, else ``weights hardly vary in this block``.
    """
    numbers = multiplicities(size)
    # The means of V0 are fitted too, which takes one member.
    observations = [n_members - 1, *(n * n_members for n in numbers[1:])]
    eigenvalues = [np.linalg.eigvalsh(block) for block in blocks(parameters)]
    total = sum(n * values.sum(axis=-1) for n, values in zip(numbers, eigenvalues, strict=True))
    scale = (total + np.square(parameters[:, :2]).sum(axis=-1)) / size**2
    rows = []
    for name, number, values in zip(BLOCKS, observations, eigenvalues, strict=True):
        few = number < values.shape[-1]
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
    if least < -ROUNDING * scale:
        return "indefinite"
    return "near-singular" if least <= _NEAR_SINGULAR * scale else "positive definite"
