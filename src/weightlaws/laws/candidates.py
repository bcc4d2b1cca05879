"""The laws that exist for a layer of some shape, with the functions that fit them."""

import logging
from collections.abc import Callable
from functools import partial

from weightlaws.arrays import Floats, Shape, Side
from weightlaws.laws.base import Law
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, ONE_SIDED
from weightlaws.laws.one_sided import OneSided, sides
from weightlaws.laws.pigmm import PIGMM

log = logging.getLogger(__name__)

#: From matrices (n, rows, columns) to the law of greatest likelihood.
Fit = Callable[[Floats], Law]


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

    A one-sided law needs more members than labels; the log says so where there are too few.
    """
    fits = candidates(shape, labelled)
    if labelled is not None and ONE_SIDED in fits:
        labels, _ = sides(shape, labelled)
        if n_members <= labels:
            log.info("%d members are too few for a law of %d labels", n_members, labels)
            del fits[ONE_SIDED]
    return fits
