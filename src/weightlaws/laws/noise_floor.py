"""The noise of fits to finitely many members, and of their distance from the true law."""

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats
from weightlaws.laws.pigmm import PIGMM, blocks, multiplicities, square_root
from weightlaws.laws.wasserstein import squared_distances


def simulate_fits(
    parameters: npt.ArrayLike, size: int, n_members: int, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Draw fits to ensembles of a law, exactly and without drawing matrices.

    Averages of n products of Gaussian coordinates are Wishart; V0 has one degree of freedom less
    for its fitted means.

    Parameters
    ----------
    parameters : (13,)
        The law.
    size, n_members, n_draws
        The matrices' size, matrices in an ensemble, and ensembles.

    Returns
    -------
    (n_draws, 13)
        The parameters of the fit to each ensemble, as `pigmm.parameters_from_moments` gives them.

    Raises
    ------
    ValueError
        As `PIGMM` does, or if there is no member.
    """
    if n_members < 1:
        raise ValueError(f"expected at least one member, found {n_members}")
    law = PIGMM(size, parameters)
    multiples = n_members * np.array(multiplicities(size))
    roots = [square_root(covariance) for covariance in blocks(law.parameters)]
    noise = rng.standard_normal((n_draws, 2)) @ roots[0] / np.sqrt(n_members)
    v0 = _wishart(roots[0], n_members - 1, n_draws, rng) / n_members
    vh, v2, v3 = (
        _wishart(root, int(n), n_draws, rng) / n
        for root, n in zip(roots[1:], multiples[1:], strict=True)
    )
    upper_0, upper_h = np.triu_indices(2), np.triu_indices(3)
    fits = [law.parameters[:2] + noise, v0[:, *upper_0], vh[:, *upper_h], v2[:, 0], v3[:, 0]]
    return np.concatenate(fits, axis=-1)


def noise_floor(
    reference_parameters: npt.ArrayLike,
    size: int,
    n_members: int,
    n_draws: int,
    rng: np.random.Generator,
    n_others: int | None = None,
) -> Floats:
    """Simulate the squared distances that ensembles of one law show.

    An estimated distance is biased upwards and never 0. The floor is its size by chance alone.

    Parameters
    ----------
    reference_parameters : (13,)
        The law.
    size, n_members, n_draws
        The matrices' size, matrices in an ensemble, and ensembles to simulate.
    rng
        The source of randomness.
    n_others
        Matrices in a second, independent ensemble, to compare each ensemble with. If not given,
        each is compared with the law itself.

    Returns
    -------
    (n_draws,)
        Squared distances.

    Raises
    ------
    ValueError
        As `simulate_fits` does.
    """
    fits = simulate_fits(reference_parameters, size, n_members, n_draws, rng)
    if n_others is None:
        return squared_distances(fits, reference_parameters, size)
    others = simulate_fits(reference_parameters, size, n_others, n_draws, rng)
    return squared_distances(fits, others, size)


def _wishart(root: Floats, degrees: int, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw (n_draws, p, p) Wishart matrices by Bartlett's decomposition, singular ones included."""
    p = len(root)
    factor = np.zeros((n_draws, p, p))
    for j in range(min(p, degrees)):
        factor[:, j, j] = np.sqrt(rng.chisquare(degrees - j, n_draws))
        factor[:, j + 1 :, j] = rng.standard_normal((n_draws, p - j - 1))
    factor = root @ factor
    return np.asarray(factor @ factor.swapaxes(-1, -2))
