"""Does an ensemble differ from a law in any way? An omnibus test beside those of the invariants.

Half of the members fit the law. The other half is compared with as many samples of that fit, by the
sliced Wasserstein distance: the root mean square distance of projections onto random directions.
The same is done with ensembles that are drawn from the law, which gives the p-value.

Sources: Bonneel, Rabin, Peyre, Pfister, J. Math. Imaging Vis. 51 (2015) 22 (the distance; computed
by POT, Flamary et al., JMLR 22 (2021) 78); Davison and Hinkley (1997), chapter 4 (the test).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Floats, Shape
from weightlaws.laws.candidates import Fit
from weightlaws.storage.matrices import Matrices

#: Directions that matrices are projected onto.
N_DIRECTIONS = 64

#: The longest side of the blocks that are compared.
SIDE = 32

# Distances of simulated ensembles beyond the observed one, at which simulation stops.
_ENOUGH = 5


@dataclass(frozen=True)
class Omnibus:
    """One omnibus test.

    Attributes
    ----------
    distance
        Sliced Wasserstein distance of the held-out members from samples of the law.
    expected
        Its mean over simulated ensembles of the law itself.
    p
        Chance of a distance at least as large, at least 1 / (number of ensembles + 1).
    """

    distance: float
    expected: float
    p: float


def omnibus(
    matrices: npt.ArrayLike | Matrices,
    fit: Fit,
    n_ensembles: int,
    rng: np.random.Generator,
) -> Omnibus:
    """Test an ensemble against a law.

    Of matrices with a longer side than `SIDE` a random block of so many rows and columns, the same
    in all members, is tested in their place: a law with one of the symmetries here makes its blocks
    follow a law of the same kind. So the time does not grow with the width.

    Parameters
    ----------
    matrices : (member, rows, columns)
        At least four members, in an order that means nothing.
    fit
        From matrices to the fitted law.
    n_ensembles
        Ensembles drawn from the law that is fitted to all members. No more are drawn once five of
        them have a distance at least as large: p is then too large to matter (Besag and Clifford,
        Biometrika 78 (1991) 301).
    rng
        The source of randomness.
    """
    block = _random_block(Matrices.of(matrices), rng)
    directions = random_directions((block.shape[1], block.shape[2]), N_DIRECTIONS, rng)
    law, distance = fit(block), _held_out_distance(block, fit, directions, rng)
    simulated: list[float] = []
    beyond = 0
    while len(simulated) < n_ensembles and beyond < _ENOUGH:
        ensemble = law.sample(len(block), rng)
        simulated.append(_held_out_distance(ensemble, fit, directions, rng))
        beyond += simulated[-1] >= distance
    enough = beyond == _ENOUGH
    p = beyond / len(simulated) if enough else (1 + beyond) / (1 + len(simulated))
    return Omnibus(distance, float(np.mean(simulated)), p)


def _random_block(matrices: Matrices, rng: np.random.Generator) -> Floats:
    """Take the same rows and columns of all members, at most `SIDE` of each."""
    rows, columns = (
        np.sort(rng.choice(length, SIDE, replace=False)) if length > SIDE else np.arange(length)
        for length in matrices.shape
    )
    parts = [part[:, rows[:, None], columns] for part in matrices]
    return np.concatenate(parts, dtype=np.float64)


def random_directions(shape: Shape, n: int, rng: np.random.Generator) -> Floats:
    """Draw directions of matrices, (rows * columns, n), each of norm 1.

    Each is an outer product of two random unit vectors, which are 0 outside of random subsets of
    the rows and the columns, of 1, 2, 4 and so on up to all of them. A projection onto a single
    entry sees a law of entries that is not Gaussian. A sum over all entries, which is Gaussian in
    any case, sees dependence.
    """
    sides = [_sparse_unit_vectors(length, n, rng) for length in shape]
    return np.asarray((sides[0][:, None, :] * sides[1][None, :, :]).reshape(-1, n))


def _sparse_unit_vectors(length: int, n: int, rng: np.random.Generator) -> Floats:
    sizes = 2 ** rng.integers(int(np.log2(length)) + 1, size=n)
    sizes = np.where(2 * sizes > length, length, sizes)
    # The rank of a random number tells which entries are kept.
    kept = rng.random((length, n)).argsort(axis=0).argsort(axis=0) < sizes
    vectors = np.where(kept, rng.standard_normal((length, n)), 0.0)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=0))


def _held_out_distance(
    matrices: Floats, fit: Fit, directions: Floats, rng: np.random.Generator
) -> float:
    """Fit a law to every other matrix, and measure how far the others are from its samples."""
    from ot import sliced_wasserstein_distance  # slow to import, and only this needs it

    held_out = matrices[1::2].reshape(len(matrices[1::2]), -1)
    samples = fit(matrices[::2]).sample(len(held_out), rng).reshape(held_out.shape)
    return float(sliced_wasserstein_distance(held_out, samples, projections=directions))
