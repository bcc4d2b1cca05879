"""A user's own ensembles: networks of one architecture, in a file or in a folder.

=========== ========================================================================================
an ensemble what it holds
=========== ========================================================================================
HDF5 file   an array (member, out, in) of floats for each layer, all of as many members. A layer is
            named by its path in the file, with ``.`` in the place of ``/``. Arrays of fewer axes or
            of integers are left out; so are single rows and columns.
folder      one network a file, of one kind of files that `checkpoints` reads; members are numbered
            from 0 in the natural order of the files' names, 2 before 10. Other files are left out.
=========== ========================================================================================

Weights are read as float32. What comes as float64 is rounded to it, by at most 6e-8 of its size.
A weight beyond its range, 3.4e38, becomes infinite, and its member counts as diverged.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
from natsort import natsorted

from weightlaws.arrays import Shapes, Singles
from weightlaws.errors import WeightLawsError
from weightlaws.external import networks
from weightlaws.external.formats import detect, hdf5, messages

log = logging.getLogger(__name__)

HDF5_SUFFIXES = (".h5", ".hdf5")


@dataclass(frozen=True)
class UserEnsemble:
    """The content of a user's ensemble.

    Attributes
    ----------
    name
        Of its file or folder, fit for a file.
    members
        Number of its networks.
    shapes
        (out, in) of each layer's weights, in the order of the file or of the first file.
    files
        The file, or the files of the folder in the order of the members.
    """

    name: str
    members: int
    shapes: Shapes
    files: list[Path]


def describe(path: Path | str) -> UserEnsemble:
    """Look what an ensemble consists of, by the headers of its files where these have headers.

    Raises
    ------
    WeightLawsError
        If there is no such file or folder, there are fewer than two members, or they are not of
        one architecture.
    WeightLawsError
        If a file of a folder is no network that can be read, or data of a file stand elsewhere.
    """
    path = Path(path)
    if path.is_dir():
        files = _files(path)
        shapes = networks.layer_shapes(str(files[0]))
        for file in files[1:]:
            _check_shapes(file, networks.layer_shapes(str(file)), shapes)
        name, members = path.resolve().name if path.name in ("", "..") else path.name, len(files)
    else:
        files, name = [path], path.stem
        with _opened(path) as file:
            datasets = _layers(path, file)
            shapes = {layer: dataset.shape[1:] for layer, dataset in datasets.items()}
            members = next(iter(datasets.values())).shape[0]
    if members < 2:
        raise WeightLawsError(
            f"{path}: members",
            f"{members}",
            "at least two",
            "put more networks in it, or name the one under checkpoints",
        )
    return UserEnsemble(networks.fit_name(name, path), members, shapes, files)


def member_files(path: Path | str, first: int, last: int) -> list[Path]:
    """Return what a range of an ensemble's members is read from.

    Raises
    ------
    WeightLawsError
        If there are no networks in the folder, or of several kinds.
    """
    path = Path(path)
    return _files(path)[first : last + 1] if path.is_dir() else [path]


def read_members(
    path: Path | str, shapes: Mapping[str, Sequence[int]], first: int, last: int
) -> Iterator[tuple[int, str, Singles]]:
    """Read the weights of a range of an ensemble's members, a matrix at a time.

    Parameters
    ----------
    path
        The ensemble's file or folder.
    shapes
        The expected shapes, as `describe` returns them.
    first, last
        Numbers of the first and the last member to read.

    Yields
    ------
    member, layer, weights
        Each member and layer once, float32 (out, in), rounded from what they are stored as. They
        need not be finite.

    Raises
    ------
    WeightLawsError
        If the members or layers are not there or not of these shapes.
    WeightLawsError
        If a file of a folder cannot be read.
    """
    path = Path(path)
    expected = {layer: (out, fan_in) for layer, (out, fan_in) in shapes.items()}
    if path.is_dir():
        files = _files(path)
        _check_members(path, len(files), last)
        for member, file in enumerate(files[first : last + 1], first):
            found: Shapes = {}
            for layer, matrix in networks.layers(str(file), finite=False):
                found[layer] = matrix.shape
                _check_shape(file, layer, matrix.shape, expected.get(layer))
                yield member, layer, to_float32(matrix)
            _check_shapes(file, found, expected)
        return
    with _opened(path) as opened:
        datasets = _layers(path, opened)
        _check_shapes(path, {name: data.shape[1:] for name, data in datasets.items()}, expected)
        for layer, dataset in datasets.items():
            _check_members(path, dataset.shape[0], last)
            try:
                values = dataset[first : last + 1]
            except OSError as error:
                raise WeightLawsError(
                    f"{path}: {layer}", f"damaged data ({error})", "numbers", "write the file again"
                ) from error
            for member, matrix in enumerate(values, first):
                yield member, layer, to_float32(matrix)


def to_float32(matrix: npt.NDArray[np.floating]) -> Singles:
    """Round to float32; numbers beyond its range become infinite."""
    with np.errstate(over="ignore"):  # the caller refuses infinite weights
        return matrix.astype(np.float32)


def _files(folder: Path) -> list[Path]:
    """Return the networks of a folder, which are files of one kind, in natural order."""
    inside = natsorted(
        (path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")),
        key=lambda path: path.name,
    )
    files = [path for path in inside if path.suffix.lower() in detect.SUFFIXES]
    kinds = sorted({path.suffix.lower() for path in files})
    if len(kinds) != 1:
        raise WeightLawsError(
            f"{folder}: folder",
            f"files ending in {' and '.join(kinds)}" if kinds else "no networks",
            f"files of one kind of {', '.join(detect.SUFFIXES)}, one for each member",
            "leave one kind in the folder: a network in two would count twice"
            if kinds
            else "put the files of the trained networks there",
        )
    for path in inside:
        if path not in files:
            log.info("%s is left out: it does not end in %s", path, kinds[0])
    return files


def _check_shapes(file: Path, found: Shapes, expected: Shapes) -> None:
    """Refuse layers that are not the ensemble's, by the first that differs."""
    for layer in [*expected, *(layer for layer in found if layer not in expected)]:
        _check_shape(file, layer, found.get(layer), expected.get(layer))


def _check_shape(
    file: Path, layer: str, found: tuple[int, int] | None, expected: tuple[int, int] | None
) -> None:
    if found != expected:
        raise WeightLawsError(
            f"{file}: layer {layer}",
            f"{found or 'no such layer'}",
            f"{expected or 'no such layer'}, as in the ensemble's other members",
            "keep networks of one architecture in an ensemble",
        )


def _check_members(path: Path, found: int, last: int) -> None:
    if last >= found:
        raise WeightLawsError(
            f"{path}: members",
            f"{found}",
            f"at least {last + 1}",
            "the ensemble has changed since the run began; run snakemake again",
        )


def _opened(path: Path) -> h5py.File:
    if path.suffix.lower() not in HDF5_SUFFIXES or not path.is_file():
        raise WeightLawsError(
            f"{path}: ensemble",
            "no such file" if not path.exists() else f"a file ending in '{path.suffix}'",
            f"a folder of networks, or a file ending in {' or '.join(HDF5_SUFFIXES)}",
            "correct the path, or put each network in a file of its own in a folder",
        )
    try:
        return h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        raise WeightLawsError(
            f"{path}: file", f"what HDF5 cannot read ({error})", "arrays", "write the file again"
        ) from error


def _layers(path: Path, file: h5py.File) -> dict[str, h5py.Dataset]:
    """Return a file's layers, after checking that they have members in common."""
    layers: dict[str, h5py.Dataset] = {}
    for name, dataset in hdf5.datasets(file).items():
        shape: tuple[int, ...] = dataset.shape or ()
        place = f"dataset {name}"
        if dataset.dtype.kind != "f" or len(shape) < 3 or min(shape[1:]) < 2:
            log.info("%s: %s is left out: %s of shape %s", path, place, dataset.dtype, shape)
            continue
        if len(shape) > 3:
            way_out = "reshape it, a convolution to (member, out, in k k), or remove it"
            raise WeightLawsError(
                f"{path}: {place}", f"shape {shape}", "(member, out, in)", way_out
            )
        messages.check_layer(path, name)
        layers[name] = dataset
        n_members = next(iter(layers.values())).shape[0]
        if shape[0] != n_members:
            way_out = "store every layer of the same members"
            expected = f"{n_members} as in the others"
            raise WeightLawsError(f"{path}: {place}", f"{shape[0]} members", expected, way_out)
    if not layers:
        raise WeightLawsError(
            f"{path}: file", "no layer", "arrays of floats (member, out, in)", "store weights so"
        )
    return layers
