"""Averages over an ensemble's copies, whose members are transformed at random one by one.

What a group makes of a member is kept as a short table, its orbit, from which the averages of any
copy follow. Fourier transforms give the orbits of matrices: they take D^2 log D operations, where
the copies one by one would take D^3 or D^4.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import gcd, prod

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from scipy import fft

from weightlaws.arrays import Floats, Integers
from weightlaws.laws.likelihood_ratios import EnsembleShape
from weightlaws.storage.matrices import Matrices

#: Doubles of members that are at work together: it bounds memory.
AT_WORK = 2**18
# The same of vectors that are gathered and added at once, which should not leave a core's cache.
_ADDED = 2**15
# Copies that are made at once of the same members.
_COPIES = 32


@dataclass(frozen=True)
class Ensemble:
    """Matrices about their mean entry, with rows and columns in a random order.

    Attributes
    ----------
    matrices
        The members, as they are.
    shape
        Members, rows and columns.
    centre
        The mean entry.
    rows, columns
        The orders; one and the same of square matrices.
    entries
        A random order of all entries.
    """

    matrices: Matrices
    shape: EnsembleShape
    centre: float
    rows: Integers
    columns: Integers
    entries: Integers

    def blocks(self) -> Iterator[Floats]:
        """Yield some members (b, rows, columns) after others."""
        for some in blocks(self.matrices):
            ordered = some[:, self.rows[:, None], self.columns]
            yield ordered.astype(np.float64) - self.centre


def blocks(matrices: Matrices) -> Iterator[npt.NDArray[np.generic]]:
    """Yield the members (b, rows, columns) that are at work together."""
    step = max(1, AT_WORK // prod(matrices.shape))
    for part in matrices:
        for start in range(0, len(part), step):
            yield part[start : start + step]


def stepped_vectors(orbits: Floats, steps: Integers) -> Floats:
    """Average vectors (n, p), each some steps around the circle of its p places.

    Returns (copies, p + 1): last stands the average of the squared norms, which no step changes.
    """
    windows, square = _windows(orbits), np.square(orbits).sum(1).mean()
    values = _added(lambda members, some: windows[members, some], steps, orbits.shape[1])
    return np.column_stack([values, np.full(len(steps), square)])


def chosen(orbits: Floats, numbers: Integers) -> Floats:
    """Average the choices, of vectors (n, order, k) one a member: (copies, k)."""
    return _added(lambda members, some: orbits[members, some], numbers, orbits.shape[2])


def _added(
    of_members: Callable[[Integers, Integers], Floats], numbers: Integers, length: int
) -> Floats:
    """Average over members the vectors (copies, members, length) of their transformations."""
    copies, n = numbers.shape
    step = min(n, max(1, _ADDED // (length * min(copies, _COPIES))))
    sums = np.zeros((copies, length))
    for copy in range(0, copies, _COPIES):
        some = slice(copy, copy + _COPIES)
        for first in range(0, n, step):
            members = np.arange(first, min(n, first + step))
            sums[some] += of_members(members, numbers[some, members]).sum(axis=1)
    return np.asarray(sums / n)


def stepped_rows(matrices: Floats) -> Floats:
    """Evaluate `pigmm.FITTED` of matrices (b, D, D) whose rows take 0 to D - 1 steps: (b, D, 13).

    After s steps W_ij is W_(i+s)j, indices modulo D. Eight of the invariants change. Of these sum
    W_ij W_ji pairs W_uv with W_(v+s)(u-s), on the same antidiagonal u + v = c: so the sum over u is
    the circular convolution of each antidiagonal with itself, at c + s.
    """
    b, size, _ = matrices.shape
    rows, columns = matrices.sum(2), matrices.sum(1)
    twice = np.concatenate([matrices, matrices], axis=2)
    member, row, entry = twice.strides
    # Entry (u, s) is W_u(u+s) of the one and (u, c) is W_u(c-u) of the other.
    diagonals = as_strided(twice, matrices.shape, (member, row + entry, entry), writeable=False)
    shifted = twice[:, :, size:]
    antidiagonals = as_strided(
        shifted, matrices.shape, (member, row - entry, entry), writeable=False
    )
    transform = fft.rfft(antidiagonals, axis=1)
    turns = np.outer(np.arange(size // 2 + 1), np.arange(size)) % size
    phases = np.exp(2j * np.pi / size * turns)
    twisted = fft.irfft(np.einsum("bkc,bkc,kc->bk", transform, transform, phases), size, axis=1)
    row_steps, column_steps = _windows(rows)[:, :size], _windows(columns)[:, :size]
    # After s steps the diagonal is W_u(u-s).
    trace, squares, with_rows, with_columns = (
        values[:, -np.arange(size)]
        for values in (
            diagonals.sum(1),
            np.einsum("bus,bus->bs", diagonals, diagonals),
            np.einsum("bus,bu->bs", diagonals, rows),
            np.einsum("bus,bus->bs", diagonals, column_steps),
        )
    )
    total = rows.sum(1)
    same = [total, np.square(matrices).sum((1, 2)), *(np.square(x).sum(1) for x in (rows, columns))]
    total, energy, row_squares, column_squares = (
        np.broadcast_to(value[:, None], (b, size)) for value in same
    )
    return np.stack(
        [
            trace,
            total,
            energy,
            twisted,
            with_rows,
            with_columns,
            row_squares,
            column_squares,
            np.einsum("bsi,bi->bs", row_steps, columns),
            total**2,
            squares,
            trace**2,
            trace * total,
        ],
        axis=-1,
    )


def _windows(vectors: Floats) -> Floats:
    """Return a view (n, p + 1, p) of vectors (n, p): entry (s, i) is that of place i + s."""
    twice = np.concatenate([vectors, vectors], axis=1)
    return sliding_window_view(twice, vectors.shape[1], axis=1)


def lines(size: int) -> int:
    """Return the number of ways in which D x D places, a torus, fall into D parallel lines."""
    return len(_directions(size))


def line_sums(matrices: Floats) -> Floats:
    """Sum up the squared sums along lines that rows and columns may become.

    Matrices are cut into square tiles, as large as can be; in each the places move alike. A line is
    a x + b y = c modulo D, without a common divisor of a, b and D; rows come first and columns
    second. For sums along the lines c = 0 to D - 1 Parseval's theorem holds, and their transform is
    that of the matrix at multiples of (a, b).

    Parameters
    ----------
    matrices : (b, rows, columns)

    Returns
    -------
    (b, 2 lines + 2)
        Of the lines as long as rows; of those as long as columns; the sums of the squared entries;
        the squared totals.
    """
    b, n_rows, n_columns = matrices.shape
    size = gcd(n_rows, n_columns)
    tiles = matrices.reshape(b, n_rows // size, size, n_columns // size, size)
    rows = _squared_sums(tiles.sum(3))
    columns = rows if n_rows == n_columns else _squared_sums(tiles.sum(1).swapaxes(1, 2))
    others = [np.square(matrices).sum((1, 2)), matrices.sum((1, 2)) ** 2]
    return np.column_stack([rows, columns, *others])


def _squared_sums(tiles: Floats) -> Floats:
    """Sum up squared sums along the lines of each direction over tiles (b, p, D, D): (b, lines)."""
    b, _, size, _ = tiles.shape
    power = np.square(np.abs(fft.rfft2(tiles))).sum(1).reshape(b, -1)
    return np.asarray(power.take(_frequencies(size), axis=1).sum(2) / size)


def along_lines(orbits: Floats, numbers: Integers, size: int) -> Floats:
    """Average `BIPARTITE_FITTED` over copies whose entries move in tiles of a size: (copies, 4).

    The group is GL(2, Z_D): it takes rows and columns to two kinds of lines that meet in one place
    each, and to all such pairs equally often. A number is that of a pair; 0 is rows and columns.
    """
    first, n_lines = numbers // size, lines(size)
    second = n_lines + _crossing(size)[first, numbers % size]
    rows, columns = (chosen(orbits[..., None], some)[:, 0] for some in (first, second))
    squares, total = np.broadcast_to(orbits[:, -2:].mean(0), (len(numbers), 2)).T
    return np.column_stack([squares, rows, columns, total])


@cache
def _directions(size: int) -> Integers:
    """Directions (lines, 2) of lines: (a, b) without a common divisor with D, up to units of Z_D.

    A unit makes the first a divisor g of D, or 0. Units that are 1 modulo D / g leave it so.
    """
    found = []
    for divisor in (d for d in range(1, size + 1) if size % d == 0):
        step, seen = size // divisor, np.zeros(size, dtype=bool)
        units = [u for u in range(1, size + 1) if gcd(u, size) == 1 and (u - 1) % step == 0]
        for b in range(size):
            if gcd(divisor, b) == 1 and not seen[b]:
                seen[np.multiply(units, b) % size] = True
                found.append((divisor % size, b))
    # First (1, 0), the rows; then the last, (0, 1), the columns.
    return np.array([found[0], found[-1], *found[1:-1]])


@cache
def _crossing(size: int) -> Integers:
    """Return by direction the D others (lines, D) whose lines each meet its lines in one place."""
    a, b = _directions(size).T
    units = np.gcd(np.arange(size), size) == 1
    meets = units[(np.outer(a, b) - np.outer(b, a)) % size]
    return np.nonzero(meets)[1].reshape(-1, size)


@cache
def _frequencies(size: int) -> Integers:
    """Return the places (lines, D) of the multiples of each direction in a real transform."""
    k, m = np.moveaxis(_directions(size)[:, None] * np.arange(size)[:, None] % size, -1, 0)
    half = size // 2 + 1
    # The other half is the complex conjugate, of the opposite frequency.
    k, m = np.where(m < half, (k, m), (-k % size, -m % size))
    return np.asarray(k * half + m)


def stepped_entries(ensemble: Ensemble, steps: Integers) -> Floats:
    """Average `BIPARTITE_FITTED` over copies whose entries go steps around a circle: (copies, 4).

    No table is shorter than the members themselves, and so they are read again for each call.
    """
    n, n_rows, n_columns = ensemble.shape
    places, sums = ensemble.entries.argsort(), np.zeros((len(steps), 4))
    together = max(1, _ADDED // len(places))
    members = (matrix for block in ensemble.blocks() for matrix in block)
    for matrix, drawn in zip(members, steps.T, strict=True):
        # Twice around the circle: a step is a sum, with no remainder to take.
        twice = np.concatenate([matrix.ravel()[ensemble.entries]] * 2)
        sums[:, 0] += np.square(matrix).sum()
        sums[:, 3] += matrix.sum() ** 2
        for first in range(0, len(drawn), together):
            some = slice(first, first + together)
            copies = twice.take(places + drawn[some, None]).reshape(-1, n_rows, n_columns)
            for k, axes in ((1, "cij->ci"), (2, "cij->cj")):
                line = np.einsum(axes, copies)
                sums[some, k] += np.einsum("cl,cl->c", line, line)
    return sums / n
