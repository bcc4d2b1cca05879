"""Tolerances of sums whose terms cancel: relative to the sum of the absolute terms."""

import numpy as np

from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws import wick
from weightlaws.laws.pigmm import FITTED, numbers_from_parameters, sufficient_statistics

# One rounding, relative to a number. Processors differ in the order in which they add.
EPS = np.finfo(np.float64).eps


def assert_sums_close(found, expected, terms, units=50):
    """Compare sums up to `units` roundings of `terms`, the sums of their absolute terms.

    A sum of n terms errs by at most n roundings of that, and by some sqrt(n) as a rule.
    """
    error = np.abs(np.subtract(found, expected))
    error, allowed = np.broadcast_arrays(error, units * EPS * np.asarray(terms))
    wrong = ~(error <= allowed)
    assert not wrong.any(), (
        f"{wrong.sum()} of {wrong.size} sums differ: by {error[wrong]}, allowed {allowed[wrong]}"
    )


def parameter_terms(matrices):
    """Sums of the absolute terms (13,) of a PIGMM's parameters.

    They are linear in the averages of invariants over members, but for the means' products.
    """
    coefficients = np.abs(sufficient_statistics(np.eye(13), matrices.shape[-1]))
    terms = np.abs(evaluate(FITTED, matrices)).mean(0) @ coefficients
    s1, s2 = terms[:2]
    terms[2:5] += [s1 * s1, s1 * s2, s2 * s2]
    return terms


def expectation_terms(graphs, size, parameters):
    """Sums of the absolute terms of expectations under a PIGMM.

    An expectation is a polynomial in the parameters. Its terms add up where no number is negative.
    """
    coefficients = np.abs(numbers_from_parameters(np.eye(13), size))
    return wick.expectation(graphs, size, np.abs(parameters) @ coefficients)
