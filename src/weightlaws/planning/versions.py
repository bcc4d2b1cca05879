"""Whether files were made with the versions of packages that are installed."""

import importlib.metadata
from collections.abc import Iterable, Iterator
from pathlib import Path

from weightlaws.storage.hdf5 import Reader, StorageError, opened

# Packages that compute the numbers of a kind of file. Other packages store, draw or check. The
# project's own code is in every spec. Data sets are copied. numba multiplies by scipy's BLAS.
_COMPUTED_BY = {
    "weights": ("numpy",),
    "state": ("numpy",),
    "invariants": ("numpy",),
    "model": ("numpy",),
    "null": ("numpy", "scipy"),
    "spectra": ("numpy", "scipy"),
}
_TRAINED_BY = {"numba": ("numba", "scipy"), "torch": ("torch",)}


def version_warnings(paths: Iterable[Path]) -> list[str]:
    """Tell which files were made with other versions of the packages that their numbers rest on.

    These packages are numpy, whose generators draw and whose sums round; scipy, for nulls and
    spectra; and the engines of training, numba with scipy's BLAS or torch. A new version seldom
    changes more than the rounding, and so makes nothing run again. The versions of Python, the
    processor and the device do not count.

    Parameters
    ----------
    paths
        Files of any kind. A file that cannot be read is passed over: the job that reads it refuses
        it.

    Returns
    -------
    list of str
        A sentence for each package and version that is not the installed one.
    """
    found: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        try:
            with opened(path, None) as reader:
                versions = {*_versions(reader)}
        except StorageError:
            continue
        for package, version in versions:
            found.setdefault((package, version), []).append(path)
    return [
        _warning(package, version, files)
        for (package, version), files in sorted(found.items())
        if version != _installed(package)
    ]


def _versions(reader: Reader) -> Iterator[tuple[str, str]]:
    """Yield the packages that a file's numbers rest on, each with its version."""
    provenance = reader.provenance
    for package in _COMPUTED_BY.get(reader.kind, ()):
        yield package, _public(provenance[package])
    for engine in provenance.get("trained_by", []):
        for package in _TRAINED_BY[engine["engine"]]:
            # An engine notes its own library: a state may come from an earlier installation.
            yield package, _public({**provenance, **engine}[package])


def _installed(package: str) -> str:
    return _public(importlib.metadata.version(package))


def _public(version: str) -> str:
    """Leave out the build after the plus, by which torch names the devices it is for."""
    return version.partition("+")[0]


def _warning(package: str, version: str, files: list[Path]) -> str:
    several = f"{len(files)} files, such as {files[0]}, were"
    return (
        f"{several if len(files) > 1 else f'{files[0]} was'} made with {package} {version}, and "
        f"{_installed(package)} is installed: numbers made anew may differ in rounding; delete "
        f"{'them' if len(files) > 1 else 'it'} to have all made alike"
    )
