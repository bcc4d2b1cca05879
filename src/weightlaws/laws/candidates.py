"""The laws that exist for a layer of some shape, with the functions that fit them."""

import logging
from collections.abc import Callable
from functools import partial

import numpy.typing as npt

from weightlaws.arrays import Shape, Side
from weightlaws.laws.base import Law
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, ONE_SIDED
from weightlaws.laws.one_sided import OneSided, sides
from weightlaws.laws.pigmm import PIGMM
from weightlaws.storage.matrices import Matrices

log = logging.getLogger(__name__)

#: Labels of the largest one-sided law that is tested. What a fit takes of each member grows with
#: their square: of 1000 members and 784 pixels it would be gigabytes, for a covariance of 784 sums
#: that 1000 members hardly tell.
MOST_LABELS = 128

#: From matrices (n, rows, columns) to the law of greatest likelihood.
Fit = Callable[[npt.ArrayLike | Matrices], Law]


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


def testable(shape: Shape, labelled: Side | None, n_members: int) -> dict[str, Fit]:
    """Fits of the candidates that so many members can be tested against.

    A one-sided law needs more members than labels, and at most `MOST_LABELS`; the log says so where
    it is left out.
    """
    fits = candidates(shape, labelled)
    if labelled is not None and ONE_SIDED in fits:
        labels, _ = sides(shape, labelled)
        if labels > MOST_LABELS:
            log.info("a law of %d labels is not tested: it has more than %d", labels, MOST_LABELS)
            del fits[ONE_SIDED]
        elif n_members <= labels:
            log.info("%d members are too few for a law of %d labels", n_members, labels)
            del fits[ONE_SIDED]
    return fits
