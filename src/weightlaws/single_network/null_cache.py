"""Random matrices of a shape, simulated once for a user and kept in the cache of the user.

``XDG_CACHE_HOME`` and the like say where that is. A file is named by its shape, its number of
matrices and the digest of the code that made it. Two runs that need the same null at once do not
simulate it twice.
"""

import logging
from dataclasses import replace
from functools import cache
from pathlib import Path

import platformdirs
from filelock import FileLock

from weightlaws.arrays import Shape
from weightlaws.errors import WeightLawsError
from weightlaws.planning.code_digest import code_digest
from weightlaws.spectra import null_job
from weightlaws.spectra.null import Null, simulate_null
from weightlaws.storage.hdf5 import StorageError
from weightlaws.storage.shard_specs import Spec

log = logging.getLogger(__name__)

# The same everywhere: the seed of an analysis is for what is drawn from its matrices.
_SEED = 0


class NullCache:
    """Nulls by shape, from a folder of files that grows with use.

    Parameters
    ----------
    folder
        Made where it is not there. By default that of the user's cache. Where it cannot be read or
        written, nulls are simulated for this run alone, and a warning says so once.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or platformdirs.user_cache_path("weightlaws") / "nulls"
        self._works = True
        self._found: dict[tuple[int, ...], Null] = {}

    def null(self, shape: Shape, matrices: int) -> Null:
        """Return the null of a shape: from memory, from the folder, or simulated now."""
        # A matrix and its transpose have the same singular values.
        short, long = sorted(shape)
        key = short, long, matrices
        if key not in self._found:
            self._found[key] = self._stored((short, long), matrices)
        return replace(self._found[key], shape=shape)

    def _stored(self, shape: Shape, matrices: int) -> Null:
        digest = _code()
        path = self.folder / f"{shape[0]}x{shape[1]}-{matrices}-{digest}.h5"
        spec = {"shape": [*shape], "matrices": matrices, "seed": _SEED, "code": digest}
        found = None
        try:
            if self._works and not (found := _read(path, spec)):
                self.folder.mkdir(parents=True, exist_ok=True)
                with FileLock(path.with_suffix(".lock")):
                    found = _read(path, spec)  # another run may have made it meanwhile
                    if found is None:
                        found = simulate_null(shape, _SEED, matrices=matrices)
                        null_job.write_null(path, spec, found)
        except (OSError, NotImplementedError, WeightLawsError) as error:
            self._works = False
            log.warning(
                "%s: nulls cannot be kept there (%s); they are simulated for this run alone",
                self.folder,
                " ".join(str(error.__cause__ or error).split()),
            )
        return found or simulate_null(shape, _SEED, matrices=matrices)


def _read(path: Path, spec: Spec) -> Null | None:
    """Read a null; None if it is not there or damaged."""
    if not path.exists():
        return None
    try:
        return null_job.read_null(path, spec)
    except StorageError as error:
        log.info("%s is made anew: %s", path, error)
        return None


@cache
def _code() -> str:
    """Return the digest of the code that simulates and stores a null."""
    return code_digest(Path(null_job.__file__))
