"""The matrices of an ensemble, a part of the members at a time.

All members of a wide layer would be gigabytes: 1000 matrices of 640 x 640 take 1.6 GB in single
precision, and several times that with what is computed of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Bools, Shape

#: Entries that are in memory together, or one matrix if that has more.
TOGETHER = 2**22


@dataclass(frozen=True)
class Matrices:
    """A matrix of each of some members, in parts (member, rows, columns) of few members.

    They are iterated over as often as wanted. ``numpy.asarray`` puts all into memory, and a mask
    (member,) selects members.

    Attributes
    ----------
    shape
        Rows and columns.
    read
        Starts to read all parts.
    selected
        Which of the members that are read belong here.

    Examples
    --------
    >>> matrices = Matrices.of(np.zeros((5, 2, 3)))
    >>> len(matrices[np.arange(5) > 1]), [part.shape for part in matrices]
    (3, [(5, 2, 3)])
    """

    shape: Shape
    read: Callable[[], Iterator[npt.NDArray[Any]]]
    selected: Bools

    @classmethod
    def of(cls, matrices: "npt.ArrayLike | Matrices") -> "Matrices":
        """Take matrices (member, rows, columns) that are in memory, or such as are here already.

        Raises
        ------
        ValueError
            If there are no real matrices.
        """
        if isinstance(matrices, Matrices):
            return matrices
        array = np.asarray(matrices)
        if array.ndim != 3 or array.dtype.kind not in "fiub" or 0 in array.shape:
            raise ValueError(
                "expected real matrices of shape (n, rows, columns), "
                f"found {array.dtype} of shape {array.shape}"
            )
        n, rows, columns = array.shape

        def read() -> Iterator[npt.NDArray[Any]]:
            step = max(1, TOGETHER // (rows * columns))
            for start in range(0, n, step):
                yield array[start : start + step]

        return cls((rows, columns), read, np.ones(n, dtype=np.bool_))

    def __len__(self) -> int:
        """The number of members."""
        return int(self.selected.sum())

    def __getitem__(self, mask: Bools) -> "Matrices":
        """Some of the members."""
        selected = self.selected.copy()
        selected[self.selected] = mask
        return replace(self, selected=selected)

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        """The parts, in the order of the members; none is empty."""
        start = 0
        for part in self.read():
            mine = self.selected[start : start + len(part)]
            start += len(part)
            if mine.any():
                yield part if mine.all() else part[mine]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """All members, (member, rows, columns)."""
        first, *others = self
        whole = np.empty((len(self), *self.shape), first.dtype if dtype is None else dtype)
        start = 0
        for part in (first, *others):
            whole[start : start + len(part)] = part
            start += len(part)
        return whole
