"""Initial laws: the law of a weight matrix before training. Each is a file in ``initial_laws``."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from weightlaws.arrays import Floats, Shape
from weightlaws.training.plugins import plugin

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InitialLaw:
    """The law of a weight matrix (out, in) before training.

    Attributes
    ----------
    draw
        ``draw(rng, shape)`` gives the weights, a float64 matrix (out, in).
    independent
        Whether the entries are independent and alike, with mean 0.
    variance
        ``variance(shape)`` is that of an entry of a matrix (out, in). Independent entries only.
    excess_kurtosis
        Fourth moment over squared variance, minus the Gaussian's 3. Independent entries only.
    """

    draw: Callable[[np.random.Generator, Shape], Floats]
    independent: bool
    variance: Callable[[Shape], float] = lambda _: np.nan
    excess_kurtosis: float = np.nan


def initial_law(name: str) -> InitialLaw:
    """Return the initial law of a name: ``LAW`` in its file in ``initial_laws``."""
    law: InitialLaw = plugin("initial_laws", name).LAW
    return law


def independent_start(name: str | None) -> InitialLaw | None:
    """Return the initial law of a name if its entries are independent.

    The i.i.d. law describes the start of such networks exactly. It says nothing about other starts:
    the log then gives the reason why nothing is measured from the initial law. Networks that were
    trained elsewhere have no name here.
    """
    if name is None:
        return None
    law = initial_law(name)
    if law.independent:
        return law
    log.info("%s: its entries depend on each other, so nothing is measured from this law", name)
    return None
