"""Files of HDF5: arrays by path; Keras's have a layout of their own, see `keras`."""

import errno
from pathlib import Path
from typing import Any

import h5py

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import messages
from weightlaws.external.parameters import Parameter

_COPY_DATA = "copy all data into one file, or remove it"
# Gzip makes zeros a thousand times shorter, and trained weights hardly at all.
_MOST_COMPRESSION = 2000

# What HDF5 says of files that cannot be opened, and what it means: found, expected, way out.
_CAUSES = {
    "unable to lock file": (
        "a file that another program has open for writing",
        "a file that nobody writes to",
        "close it there, or wait until it is written",
    ),
    "already open for write": (
        "a file that is open for writing, or was when its program ended",
        "a file that nobody writes to",
        "close it there, or wait until it is written; if its program is gone, `h5clear -s FILE` "
        "takes the mark away",
    ),
    "truncated file": ("a truncated file", "the whole file", messages.WHOLE_FILE),
}


def parameters(file: h5py.File) -> list[Parameter]:
    """Return the datasets of an open file, named by path with dots.

    Raises
    ------
    WeightLawsError
        If what it holds stands elsewhere.
    """
    return [parameter(name, dataset) for name, dataset in datasets(file).items()]


def open_file(path: Path) -> h5py.File:
    """Open a file for reading.

    Raises
    ------
    WeightLawsError
        If it is damaged, or open elsewhere for writing.
    """
    try:
        return _with_lock_if_any(path)
    except OSError as error:
        raise _cannot_read(path, error) from error


def _with_lock_if_any(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        if error.errno != errno.ENOLCK:  # what NFS says without lockd; HDF5 itself knows ENOSYS
            raise
        return h5py.File(path, "r", locking=False)


def _cannot_read(path: Path, error: OSError) -> WeightLawsError:
    for text, (found, expected, way_out) in _CAUSES.items():
        if text in str(error):
            return WeightLawsError(f"{path}: file", found, expected, way_out)
    return WeightLawsError(
        f"{path}: file",
        f"what HDF5 cannot read ({messages.short(error)})",
        "weights",
        messages.WHOLE_FILE,
    )


def parameter(name: str, dataset: h5py.Dataset) -> Parameter:
    """Return a dataset as a parameter; one that is stored under two names is the same as itself."""
    place = h5py.h5o.get_info(dataset.id)
    return Parameter(
        name,
        dataset.shape or (),
        str(dataset.dtype.name),
        dataset.__array__,
        # Texts and such of a damaged file can take gigabytes to read, or end the process.
        None if dataset.dtype.kind in "fiubc" else "no numbers",
        same_as=(dataset.file.filename, place.fileno, place.addr),
    )


def datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Return the datasets of an open file by path, with ``.`` in the place of ``/``.

    Raises
    ------
    WeightLawsError
        If two have then the same name, or what the file holds stands elsewhere: in what a link
        leads to, or nowhere, as the data of an array that was only declared.
    """
    found: dict[str, h5py.Dataset] = {}
    links: list[tuple[str, Any]] = []
    # Raised within visititems_links an error would be lost.
    file.visititems_links(lambda *to: links.append(to))
    for name, link in links:
        if not isinstance(link, h5py.HardLink):
            leads = f"a link to {getattr(link, 'filename', '')}{link.path}"
            raise WeightLawsError(
                f"{file.filename}: {name}", leads, "data in the file itself", _COPY_DATA
            )
        item = file[name]
        if not isinstance(item, h5py.Dataset):
            continue
        dotted = name.replace("/", ".")
        if dotted in found:
            both = f"both {found[dotted].name} and /{name}"
            raise WeightLawsError(
                f"{file.filename}: dataset {dotted}", both, "one of them", "rename one of them"
            )
        _check_stored(file.filename, item)
        found[dotted] = item
    return found


def _check_stored(file: str, dataset: h5py.Dataset) -> None:
    """Refuse a dataset whose numbers are not in its file."""
    stored = dataset.id.get_storage_size()
    if dataset.is_virtual or dataset.external:
        found = "data of other files"
    elif dataset.dtype.kind == "f" and dataset.nbytes > _MOST_COMPRESSION * stored:
        found = f"{stored} bytes for an array of shape {dataset.shape}"
    else:
        return
    raise WeightLawsError(f"{file}: {dataset.name!s}", found, "data in the file itself", _COPY_DATA)
