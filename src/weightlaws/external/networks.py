"""Trained networks as they come: models in memory, torchvision's, and files of weights.

================ ===================================================================================
source           what it is
================ ===================================================================================
torchvision:name a model of torchvision's with its default weights
a path           a file of weights, or a folder of shards, see `formats.detect`
a mapping        a state dict: arrays or tensors by name
a module         of torch
================ ===================================================================================

In a module the types of its parts tell what is a weight matrix. In a file or a state dict shapes
and names tell it, see `layers`, and how its axes are ordered, see `matrices`.

Nothing in a file is ever run.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weightlaws.arrays import Shapes
from weightlaws.errors import WeightLawsError
from weightlaws.external import modules, torchvision_models
from weightlaws.external.formats import detect
from weightlaws.external.layers import Layer, shapes_of, sorted_out
from weightlaws.external.numbers import Matrix
from weightlaws.external.parameters import Parameter
from weightlaws.external.selection import Selection

if TYPE_CHECKING:
    import torch

    Source = str | Path | Mapping[str, Any] | torch.nn.Module

log = logging.getLogger(__name__)

# Mappings within each other in a state dict: what nests deeper holds itself.
_DEEPEST = 20


@dataclass(frozen=True)
class Network:
    """A trained network that is open, so that its layers can be read.

    Attributes
    ----------
    name
        Fit for a file: ``torchvision-vgg16``, ``my-model``; of what is in memory its class.
    layers
        Its weight matrices by name, in the order of the source.
    skipped
        Why a parameter is left out, by its full name.
    n_trained
        Number of its trained weights, in layers or not.
    """

    name: str
    layers: dict[str, Layer]
    skipped: dict[str, str]
    n_trained: int

    @property
    def share(self) -> float:
        """Of all trained weights those in layers; less once a layer is found not to be finite."""
        return sum(prod(layer.shape) for layer in self.layers.values()) / self.n_trained

    def matrices(self) -> Iterator[tuple[str, Matrix]]:
        """Read the layers, one at a time. One that is not finite goes over to `skipped`.

        Yields
        ------
        name, matrix
            The matrix is (out, in): float64 if it is stored so, else float32. All are finite.

        Raises
        ------
        WeightLawsError
            If data are damaged, or no layer is finite.
        """
        for name, layer in [*self.layers.items()]:
            matrix = layer.read()
            n_bad = matrix.size - np.count_nonzero(np.isfinite(matrix))
            if not n_bad:
                yield name, matrix
                continue
            del self.layers[name]
            self.skipped[name] = f"{n_bad} of {matrix.size} weights NaN or infinite"
            if not self.layers:
                raise WeightLawsError(
                    f"{self.name}: layer {name}",
                    self.skipped[name],
                    "finite weights in some layer",
                    "name a network whose training did not diverge",
                )


@contextmanager
def opened(
    source: "Source", *, headers_only: bool = False, selection: Selection | None = None
) -> Iterator[Network]:
    """Open a network, so that its layers can be read while it is open.

    Parameters
    ----------
    source
        See the module. torchvision downloads a model that is not there yet.
    headers_only
        Whether shapes are all that is asked for. Of files headers are then read, where the format
        has them; of torchvision's models nothing, so that none is downloaded.
    selection
        Which layers are wanted; all by default.

    Raises
    ------
    WeightLawsError
        If there is no such network; if the file has no known format, is damaged or would run code;
        if it has no weight matrix, or a pattern of the selection matches nothing.
    """
    selection = selection or Selection()
    with _parameters(source, headers_only, selection.state_dict) as parameters:
        found = sorted_out(_shown(source), parameters, selection)
        yield Network(_name(source), found.layers, found.skipped, found.n_trained)


def layers(
    source: "Source", *, finite: bool = True, selection: Selection | None = None
) -> Iterator[tuple[str, Matrix]]:
    """Read the weight matrices of a network, one at a time; see `opened` and `Network.matrices`.

    What is left out is logged with the reason.

    Parameters
    ----------
    finite
        Whether layers with NaN or infinity are left out.
    """
    with opened(source, selection=selection) as network:
        logged = {**network.skipped}
        for name, reason in logged.items():
            log.info("%s: %s is left out: %s", _shown(source), name, reason)
        if finite:
            yield from network.matrices()
        else:
            yield from ((name, layer.read()) for name, layer in network.layers.items())
        for name in network.skipped.keys() - logged:
            log.warning("%s: %s is left out: %s", _shown(source), name, network.skipped[name])


def layer_shapes(source: "Source", *, selection: Selection | None = None) -> Shapes:
    """Shapes (out, in) of a network's layers, by name; see `opened`. Numbers are not read."""
    with opened(source, headers_only=True, selection=selection) as network:
        return shapes_of(network.layers)


def skipped(source: "Source", *, selection: Selection | None = None) -> dict[str, str]:
    """Why a parameter is left out, by its full name; see `opened`. Numbers are not read."""
    with opened(source, headers_only=True, selection=selection) as network:
        return network.skipped


def checkpoint_name(source: str) -> str:
    """Return a network's name, fit for a file: ``torchvision-vgg16``, ``my-model``.

    Raises
    ------
    WeightLawsError
        If the source has no letter or digit to make one of.
    """
    return fit_name(source if _is_model(source) else Path(source).stem, source)


def source_file(source: str) -> Path | None:
    """Return the file of a network, after checking that it is there; None of torchvision's models.

    Raises
    ------
    WeightLawsError
        If it is not there, or by its name not of a known format.
    """
    if _is_model(source):
        return None
    detect.check_file(Path(source))
    return Path(source)


def fit_name(text: str, source: object) -> str:
    """Replace in the name of a source what does not fit in that of a file.

    Raises
    ------
    WeightLawsError
        If no letter or digit is left.
    """
    name = _fit(text)
    if not name:
        raise WeightLawsError(
            f"{source}: name",
            repr(text),
            "a letter from A to Z or a digit in it",
            "rename it, or in a study write the key name beside it",
        )
    return name


def _fit(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")


def _is_model(source: object) -> bool:
    return isinstance(source, str) and source.startswith(torchvision_models.PREFIX)


def _shown(source: "Source") -> str:
    """Return a source as messages name it."""
    return str(source) if isinstance(source, str | Path) else type(source).__name__


def _name(source: "Source") -> str:
    """Return the name of a network; what fits for no file only matters where one is written."""
    if isinstance(source, str | Path):
        return _fit(str(source) if _is_model(source) else Path(source).stem) or "network"
    return type(source).__name__


@contextmanager
def _parameters(
    source: "Source", headers_only: bool, state_dict: str | None
) -> Iterator[list[Parameter]]:
    """Open a network, so that its parameters can be read while it is open."""
    if _is_model(source):
        yield torchvision_models.parameters(str(source), headers_only=headers_only)
    elif isinstance(source, str | Path):
        path = Path(source)
        with detect.opened(path, headers_only=headers_only, state_dict=state_dict) as parameters:
            yield parameters
    elif isinstance(source, Mapping):
        yield [_of_value(str(name), value) for name, value in _nested(source, state_dict).items()]
    elif modules.is_module(source):
        yield modules.parameters(source, headers_only=headers_only)
    else:
        raise WeightLawsError(
            "network", f"a {type(source).__name__}", "a path, a state dict or a module", "give one"
        )


def _nested(content: Mapping[str, Any], key: str | None) -> Mapping[str, Any]:
    """Return the state dict at a path of keys, or without one the only one that there is."""
    inner = dict(_state_dicts(content))
    if key is None and len(inner) == 1:
        return next(iter(inner.values()))
    if key not in inner:
        raise WeightLawsError(
            f"state dict: {key or 'a mapping'}",
            "several state dicts" if inner and key is None else "no arrays by name",
            f"one of {', '.join(inner)}" if inner else "a mapping of names to arrays",
            "choose one with its key, as `state_dict`" if inner else "give one",
        )
    return inner[key]


def _state_dicts(
    content: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Find mappings that hold arrays or tensors, by the path of keys to them."""
    if any(isinstance(v, np.ndarray) or modules.is_tensor(v) for v in content.values()):
        yield ".".join(path) or ".", content
        return
    for key, value in content.items():
        if isinstance(value, Mapping) and len(path) < _DEEPEST:
            yield from _state_dicts(value, (*path, str(key)))


def _of_value(name: str, value: object) -> Parameter:
    if isinstance(value, np.ndarray):
        reason = None if value.dtype.kind in "fiubc" else "no numbers"
        return Parameter(name, value.shape, value.dtype.name, partial(np.asarray, value), reason)
    if modules.is_tensor(value):
        parameter = modules.of_tensor(name, value)
        return replace(parameter, reason=modules.META) if value.is_meta else parameter
    return Parameter(name, (), "", lambda: None, f"a {type(value).__name__}, not a tensor")
