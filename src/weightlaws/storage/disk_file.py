"""Files on disks that may be full: one clear error where a disk takes no more."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from weightlaws.errors import WeightLawsError

_FREE = "free space there"
_PERMIT = "make the folder writable"
#: Errors of the system where a disk takes no more, each with the way out.
WAYS_OUT = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EFBIG: _FREE,
    errno.EROFS: _PERMIT,
    errno.EACCES: _PERMIT,
    errno.EPERM: _PERMIT,
}


def unwritable(path: Path | str, error: OSError) -> WeightLawsError:
    """Return the error for a file that cannot be written."""
    return WeightLawsError(
        f"{path}: file",
        (error.strerror or str(error)).lower(),
        "a disk that takes it",
        f"{WAYS_OUT.get(error.errno or 0, 'mend the disk')}, or put results elsewhere, and run "
        "snakemake again",
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's errors on the way to a file into one that names the file.

    Raises
    ------
    WeightLawsError
        If the block raises an OSError.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside a target, which takes its name if the block ends without an error."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class DiskFile(io.FileIO):
    """A new file that takes every write and tells afterwards whether the disk did.

    HDF5 does not survive a write that fails. Errors of a dataset that h5py closes by itself are
    lost, so that a file with holes looks whole, and the library crashes at its end. Writes to this
    file never fail. After the first failure of the disk it writes no more.

    Parameters
    ----------
    target
        The name that the file gets in the end; errors name it.
    path
        The file; its folder is made if it is not there.

    Raises
    ------
    WeightLawsError
        If the file cannot be made.
    """

    def __init__(self, target: Path, path: Path) -> None:
        self._target = target
        self._failure: BaseException | None = None
        with writing(target):
            path.parent.mkdir(parents=True, exist_ok=True)
            super().__init__(path, "w+")

    def write(self, data: Any) -> int:  # noqa: ANN401
        """Write all of the data, bytes, unless a write has failed before."""
        try:
            rest = memoryview(data)
            while rest and self._failure is None:
                rest = rest[super().write(rest) :]
        except BaseException as failure:  # also an interrupt: HDF5 would not survive it here
            self._failure = failure
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the file's size, in bytes, unless a write has failed before."""
        try:
            if self._failure is None:
                super().truncate(size)
        except BaseException as failure:
            self._failure = failure
        return size or 0

    def check(self) -> None:
        """Tell whether the disk has taken all writes so far.

        Raises
        ------
        WeightLawsError
            If it has not.
        """
        if self._failure is not None:
            with writing(self._target):
                raise self._failure

    def finish(self) -> None:
        """Close the file when everything is on the disk.

        Raises
        ------
        WeightLawsError
            If it does not take it.
        """
        with writing(self._target):
            os.fsync(self.fileno())
            self.close()
