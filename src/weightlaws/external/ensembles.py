"""A user's own ensembles: networks of one architecture, in a file or in a folder.

============= ======================================================================================
an ensemble   what it holds
============= ======================================================================================
HDF5 file     an array (member, out, in) of floats for each layer, all of as many members. A layer
              is named by its path in the file, with ``.`` in the place of ``/``. With a dataset
              ``epochs`` the arrays are (member, epoch, out, in).
folder        one network a file, of one kind of files that `networks` reads; members are numbered
              from 0 in the natural order of the files' names, 2 before 10. Others are left out.
pattern       one network a file, of members and epochs; see `trajectories`
of folders    one network a subfolder, of which a checkpoint is chosen; see `model_zoos`
table         ``weights.npy`` with a flattened network a row, and ``layout.csv``; see
              `weight_tables`
============= ======================================================================================

What of a network is a layer is told alike in all of them, and as of a single network: see `layers`.

Weights are read as float32. What comes as float64 is rounded to it, by at most 6e-8 of its size.
A weight beyond its range, 3.4e38, becomes infinite, and its member counts as diverged.

Members must differ. `describe` compares what is quickly read: of one file the weights, of files
their bytes. `import_job.import_shard` keeps a digest of each member's weights, and the job that
lists all members compares these, whatever file they came in.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Shape, Shapes, Singles
from weightlaws.errors import WeightLawsError
from weightlaws.external import model_zoos, networks, stacks, trajectories, weight_tables
from weightlaws.external.alike import Told, alike
from weightlaws.external.layers import Layer, shapes_of
from weightlaws.external.selection import Selection
from weightlaws.external.stacks import Stack

log = logging.getLogger(__name__)

# Of files that are HDF5 or damaged; others are told by their content.
_HDF5_SUFFIXES = (".h5", ".hdf5")
# Bytes of a file that tell most files apart: from its middle, as beginnings and ends are alike.
_PROBE = 2**14


@dataclass(frozen=True)
class UserEnsemble:
    """The content of a user's ensemble.

    Attributes
    ----------
    name
        Of its file or folder, fit for a file.
    members
        Number of its networks.
    epochs
        Of each network, ascending; 0 alone where there is one.
    shapes
        (out, in) of each layer's weights, in the order of the file or of the first file.
    files
        All files, those of a folder in the order of the members.
    skipped
        Why a parameter is left out, by its name.
    notes
        What a reader of a layer's numbers should know, by its name.
    """

    name: str
    members: int
    epochs: list[int]
    shapes: Shapes
    files: list[Path]
    skipped: dict[str, str]
    notes: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Place:
    """Where the networks of an ensemble are: in files, or all in a stack.

    Attributes
    ----------
    files
        Of each member; of a stack all its files.
    names
        Of the members in files.
    stack
        Opens the stack; None if members are in files.
    doubts
        See `doubts`.
    """

    files: list[Path]
    names: Sequence[str]
    stack: AbstractContextManager[Stack] | None
    doubts: Callable[[], list[str]]


def describe(
    path: Path | str,
    *,
    selection: Selection | None = None,
    epoch: int | None = None,
    layout: str | None = None,
    name: str | None = None,
) -> UserEnsemble:
    """Look what an ensemble consists of, by the headers of its files where these have headers.

    Parameters
    ----------
    path
        Of its file or folder.
    selection
        Which layers are wanted; all by default.
    epoch
        Of the checkpoints in a folder of folders, or of the rows of a table; the last by default.
    layout
        Path of a table's layout, if it is not ``layout.csv`` beside the weights.
    name
        Of the ensemble, if it is not to be that of its file or folder.

    Raises
    ------
    WeightLawsError
        If there is no such file or folder, there are fewer than two members, they are not of one
        architecture, or some are equal.
    WeightLawsError
        If a file of a folder is no network that can be read, or data of a file stand elsewhere.
    """
    path, selection = Path(path), selection or Selection()
    places = _places(path, epoch, layout)
    place = _last(places)
    if place.stack is None:
        with networks.opened(place.files[0], headers_only=True, selection=selection) as network:
            layers, skipped = network.layers, network.skipped
            shapes = shapes_of(layers)
        # The import of each shard looks into all files.
        others = [each.files[0] for each in [*places.values()][:-1]]
        for file in (*place.files[1:], *others):
            found = networks.layer_shapes(file, selection=selection)
            _check_shapes(file, found, shapes)
        equal, names = _equal_files(place.files), place.names
        members = len(place.files)
    else:
        with place.stack as stack:
            sorted_out = stack.sorted_out(selection)
            layers, skipped = sorted_out.layers, sorted_out.skipped
            shapes, members = shapes_of(layers), stack.members(layers.values())
            equal = stack.equal_members(layers.values(), members)
            names = stack.member_names(members)
    if members < 2:
        raise WeightLawsError(
            f"{path}: members",
            f"{members}",
            "at least two",
            "put more networks in it, or name the one under checkpoints",
        )
    if equal:
        said = " and in ".join(_some([names[k] for k in same]) for same in equal[:3])
        raise WeightLawsError(
            f"{path}: members",
            f"equal weights in {said}",
            "networks that were trained independently",
            "keep one of those that are equal",
        )
    if trajectories.is_pattern(path):
        path = trajectories.folder_of(path)
    folder = path.resolve().name if path.name in ("", "..") else path.name
    fit = name or networks.fit_name(folder if path.is_dir() else path.stem, path)
    notes = {layer: read.notes for layer, read in layers.items() if read.notes}
    files = (
        place.files if place.stack else [file for each in places.values() for file in each.files]
    )
    return UserEnsemble(fit, members, [*places], shapes, files, skipped, notes)


def doubts(path: Path | str, *, epoch: int | None = None, layout: str | None = None) -> list[str]:
    """Say what about an ensemble's names and steps hints that members are not independent or alike.

    Raises
    ------
    WeightLawsError
        If there is no such ensemble.
    """
    return _last(_places(Path(path), epoch, layout)).doubts()


def member_files(
    path: Path | str,
    first: int,
    last: int,
    *,
    epoch: int | None = None,
    layout: str | None = None,
) -> list[Path]:
    """Return what a range of an ensemble's members is read from; arguments are as of `describe`.

    Raises
    ------
    WeightLawsError
        If there are no networks in the folder, or of several kinds.
    """
    places = _places(Path(path), epoch, layout)
    place = _last(places)
    if place.stack is not None:
        return place.files
    return [file for each in places.values() for file in each.files[first : last + 1]]


def member_names(
    path: Path | str,
    members: int,
    *,
    epoch: int | None = None,
    layout: str | None = None,
) -> list[str]:
    """Return the names of an ensemble's first members, as messages have them."""
    place = _last(_places(Path(path), epoch, layout))
    if place.stack is None:
        return [*place.names[:members]]
    with place.stack as stack:
        return stack.member_names(members)


def read_members(
    path: Path | str,
    shapes: Mapping[str, Sequence[int]],
    first: int,
    last: int,
    *,
    selection: Selection | None = None,
    epoch: int | None = None,
    layout: str | None = None,
) -> Iterator[tuple[int, int, str, Singles]]:
    """Read the weights of a range of an ensemble's members, a matrix at a time.

    Parameters
    ----------
    path
        The ensemble's file or folder.
    shapes
        The expected shapes, as `describe` returns them.
    first, last
        Numbers of the first and the last member to read.
    selection, epoch, layout
        As of `describe`.

    Yields
    ------
    member, epoch, layer, weights
        Each member, epoch and layer once, float32 (out, in), rounded from what they are stored as.
        They need not be finite.

    Raises
    ------
    WeightLawsError
        If the members or layers are not there or not of these shapes.
    WeightLawsError
        If a file of a folder cannot be read.
    """
    path, selection = Path(path), selection or Selection()
    expected = {layer: (out, fan_in) for layer, (out, fan_in) in shapes.items()}
    for number, place in _places(path, epoch, layout).items():
        for member, layer, weights in _read(path, place, expected, first, last, selection):
            yield member, number, layer, weights


def _read(
    path: Path, place: _Place, expected: Shapes, first: int, last: int, selection: Selection
) -> Iterator[tuple[int, str, Singles]]:
    """Read the weights of a range of members at one epoch; see `read_members`."""
    if place.stack is None:
        _check_members(path, len(place.files), last)
        for member, file in enumerate(place.files[first : last + 1], first):
            with networks.opened(file, selection=selection) as network:
                if member == first:
                    _log(file, network.layers, network.skipped)
                _check_shapes(file, shapes_of(network.layers), expected)
                for name, layer in network.layers.items():
                    yield member, name, to_float32(layer.read())
        return
    with place.stack as stack:
        sorted_out = stack.sorted_out(selection)
        _log(path, sorted_out.layers, sorted_out.skipped)
        _check_shapes(path, shapes_of(sorted_out.layers), expected)
        _check_members(path, stack.members(sorted_out.layers.values()), last)
        of_members = stack.layers(selection, first, last)
        for name in expected:
            for member, layers in enumerate(of_members, first):
                yield member, name, to_float32(layers[name].read())


def _log(source: Path, layers: Mapping[str, Layer], skipped: Mapping[str, str]) -> None:
    """Log what is left out of each member, and what is to be known of layers, by the first one."""
    for name, reason in skipped.items():
        log.info("%s: %s is left out: %s", source, name, reason)
    for name, layer in layers.items():
        for note in layer.notes:
            log.info("%s: layer %s: %s", source, name, note)


def to_float32(matrix: npt.NDArray[np.floating]) -> Singles:
    """Round to float32; numbers beyond its range become infinite."""
    with np.errstate(over="ignore"):  # the caller refuses infinite weights
        return matrix.astype(np.float32)


def _last(places: Mapping[int, _Place]) -> _Place:
    return places[max(places)]


def _places(path: Path, epoch: int | None, layout: str | None) -> dict[int, _Place]:
    """Find out what kind of ensemble stands at a path, by epoch; 0 where there is one."""
    if trajectories.is_pattern(path):
        found = trajectories.found_by(path)
        places = {
            number: _Place(files, found.names, None, lambda: found.doubts)
            for number, files in found.files.items()
        }
    elif _is_hdf5(path) and (epochs := stacks.hdf5_epochs(path)):
        places = {
            number: _Place([path], [], stacks.opened_hdf5(path, number), list) for number in epochs
        }
    else:
        return {0: _place(path, epoch, layout)}
    for key, value in (("epoch", epoch), ("layout", layout)):
        if value is not None:
            raise WeightLawsError(
                f"{path}: {key}",
                f"{value}",
                "none, as all epochs of a trajectory are taken",
                f"leave the {key} out",
            )
    return places


def _is_hdf5(path: Path) -> bool:
    return path.is_file() and (path.suffix.lower() in _HDF5_SUFFIXES or h5py.is_hdf5(path))


def _place(path: Path, epoch: int | None, layout: str | None) -> _Place:
    """Find out what kind of ensemble of one epoch stands at a path."""
    table = weight_tables.found_at(path, layout)
    if table is not None:
        return _Place(
            table.files,
            [],
            weight_tables.opened(table, epoch),
            partial(weight_tables.doubts, table, epoch),
        )
    if path.is_dir():
        zoo = model_zoos.found_in(path, epoch)
        return _Place(zoo.files, zoo.names, None, lambda: zoo.doubts)
    if not path.exists():
        raise WeightLawsError(
            f"{path}: ensemble",
            "no such file",
            "a folder of networks, or an HDF5 file of arrays (member, out, in)",
            "correct the path",
        )
    if not _is_hdf5(path):
        raise WeightLawsError(
            f"{path}: ensemble",
            "a file that is not HDF5",
            "a folder of networks, or an HDF5 file of arrays (member, out, in)",
            "name a single network under checkpoints, or put each network in a file of its own in "
            "a folder",
        )
    if epoch is not None:
        raise WeightLawsError(
            f"{path}: epoch",
            f"{epoch}",
            "none, as a file of arrays (member, out, in) has one network a member",
            "leave the epoch out",
        )
    return _Place([path], [], stacks.opened_hdf5(path), list)


def _equal_files(files: Sequence[Path]) -> list[list[int]]:
    """Return groups of members whose files are byte for byte equal.

    Most files are told apart by their sizes and some bytes; the others are read as a whole.
    """

    def look(told: Callable[[Path], Hashable], members: Sequence[int]) -> Iterator[Told]:
        return ((member, told(files[member])) for member in members)

    return alike(len(files), (partial(look, told) for told in (_size, _probe, _content)))


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _probe(file: Path) -> bytes:
    if file.is_dir():
        return b""
    with file.open("rb") as opened:
        opened.seek(_size(file) // 2)
        return opened.read(_PROBE)


def _content(file: Path) -> bytes:
    """Digest a file, or all files of a network in several."""
    digest = hashlib.sha256()
    for one in sorted(file.iterdir()) if file.is_dir() else [file]:
        if one.is_file():
            with one.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.digest()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _check_shapes(file: Path, found: Shapes, expected: Shapes) -> None:
    """Refuse layers that are not the ensemble's, by the first that differs."""
    for layer in [*expected, *(layer for layer in found if layer not in expected)]:
        _check_shape(file, layer, found.get(layer), expected.get(layer))


def _check_shape(file: Path, layer: str, found: Shape | None, expected: Shape | None) -> None:
    if found != expected:
        part = re.search(r"-\d+-of-\d+", file.name)
        raise WeightLawsError(
            f"{file}: layer {layer}",
            f"{found or 'no such layer'}",
            f"{expected or 'no such layer'}, as in the ensemble's other members",
            "the files are parts of one network, as it seems: name it under checkpoints"
            if part
            else "keep networks of one architecture in an ensemble",
        )


def _check_members(path: Path, found: int, last: int) -> None:
    if last >= found:
        raise WeightLawsError(
            f"{path}: members",
            f"{found}",
            f"at least {last + 1}",
            "the ensemble has changed since the run began; run snakemake again",
        )
