"""What shows without any statistics: rows and columns that are 0 or repeated, and symmetry."""

from collections.abc import Iterator

import numpy as np

from weightlaws.arrays import Bools, Floats

# Repeated rows or columns that a note names.
_NAMED = 5


def without_zeros(matrix: Floats) -> tuple[Floats, Bools, Bools]:
    """Leave out rows and columns of zeros.

    Returns
    -------
    array
        What is left of the matrix, in its order.
    array, array
        Which rows and which columns it has, bool (out,) and (in,).
    """
    rows, columns = matrix.any(axis=1), matrix.any(axis=0)
    kept = matrix if rows.all() and columns.all() else matrix[rows][:, columns]
    return kept, np.asarray(rows), np.asarray(columns)


def structure_notes(matrix: Floats, rows: Bools, columns: Bools) -> dict[str, str]:
    """Describe a matrix's structure in words, by what there is of it.

    Parameters
    ----------
    matrix
        (out, in), with its zeros.
    rows, columns
        Which ones are not 0, bool (out,) and (in,).

    Returns
    -------
    dict
        ``zero_rows``, ``zero_columns``, ``duplicate_rows``, ``duplicate_columns`` and
        ``symmetric``, where there is something to say.
    """
    notes = {}
    for name, vectors, kept in (("rows", matrix, rows), ("columns", matrix.T, columns)):
        if not kept.all():
            n = len(kept) - int(kept.sum())
            notes[f"zero_{name}"] = f"{n} of {len(kept)} {name} are 0 and left out"
        repeated = [*_repeated(vectors, np.flatnonzero(kept))]
        if repeated:
            named = ", ".join(f"{later} is {earlier}" for later, earlier in repeated[:_NAMED])
            more = ", ..." if len(repeated) > _NAMED else ""
            notes[f"duplicate_{name}"] = (
                f"{len(repeated)} of {len(kept)} {name} repeat an earlier one, or its negative: "
                f"{named}{more}; they are not independent"
            )
    if matrix.shape[0] == matrix.shape[1] > 1 and (matrix == matrix.T).all():
        notes["symmetric"] = (
            "the matrix is symmetric: singular values are absolute values of eigenvalues, whose "
            "levels do not repel each other as those of the nulls do"
        )
    return notes


def _repeated(vectors: Floats, kept: "np.typing.NDArray[np.intp]") -> Iterator[tuple[int, int]]:
    """Yield each vector that repeats an earlier one or its negative, and the first such one."""
    # Only vectors with one sum of sizes can be the same.
    _, place, counts = np.unique(
        np.abs(vectors).sum(axis=1)[kept], return_inverse=True, return_counts=True
    )
    first: dict[bytes, int] = {}
    for k in kept[counts[place] > 1].tolist():
        vector = vectors[k]
        sign = np.sign(vector[np.argmax(vector != 0)])
        earlier = first.setdefault((vector * sign + 0.0).tobytes(), k)  # + 0.0: of -0.0 makes 0.0
        if earlier != k:
            yield k, earlier
