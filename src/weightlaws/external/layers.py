"""What of a network's parameters is a layer: a weight matrix (out, in), with what is known of it.

A parameter is left out for a reason, which is told with its name:

- the type of its module, or its format, says that it is no weight;
- it is a part of a parametrisation that cannot be computed, see `parametrisations`;
- it is the same array as another, or a moving average of it;
- its numbers are complex, or integers, or quantised in no layout of `quantised`;
- it is an optimiser's, a mask, a table, a norm's or an embedding by its name, see `names`;
- it has no two axes, or more than a convolution, or a single row or column, see `matrices`;
- a pattern excludes it.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from weightlaws.arrays import Shape, Shapes
from weightlaws.errors import WeightLawsError
from weightlaws.external import matrices, names, parametrisations, quantised, rounding
from weightlaws.external.combined import Combined
from weightlaws.external.formats import messages
from weightlaws.external.matrices import Split
from weightlaws.external.numbers import Matrix, floats
from weightlaws.external.parameters import Parameter
from weightlaws.external.selection import Selection

# What the reasons of formats and modules say of what is no weight of the network.
_UNTRAINED = re.compile(
    r"buffer|optimi[sz]er|not a (dense )?tensor|outside of|a constant|objects of|no numbers"
)
_FLOATS = ("float128", "float64", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Layer:
    """A weight matrix of a network.

    Attributes
    ----------
    name
        Its parameter's without a trailing ``.weight`` or ``.kernel``, and without a prefix that all
        names have. One of several matrices in a parameter has its own name behind that.
    shape
        (out, in).
    read
        Returns the matrix: float64 if it is stored so, else float32. It need not be finite.
    parameters
        Names of the arrays that it is made of.
    notes
        What a reader of its numbers should know.
    kernel
        The kernel's shape of a convolution, whose columns are (in, *kernel); else empty.
    """

    name: str
    shape: Shape
    read: Callable[[], Matrix]
    parameters: tuple[str, ...]
    notes: tuple[str, ...]
    kernel: tuple[int, ...] = ()


def shapes_of(layers: Mapping[str, Layer]) -> Shapes:
    """Return the shapes (out, in) of layers, by name."""
    return {name: layer.shape for name, layer in layers.items()}


@dataclass(frozen=True)
class SortedOut:
    """A network's parameters, told apart.

    Attributes
    ----------
    layers
        By name, in the order of the parameters.
    skipped
        Why a parameter is left out, by its full name; of several matrices in a parameter one by
        one, by the name that the layer would have.
    n_trained
        Number of all trained weights, in layers or not. Packed ones that are left out count by
        their room, at 4 bits each.
    """

    layers: dict[str, Layer]
    skipped: dict[str, str]
    n_trained: int


@dataclass(frozen=True)
class _Reason:
    """Why a parameter is left out, and whether it is trained, so that it counts as a weight."""

    text: str
    trained: bool = True


class _Network:
    """What is known of a network when its parameters are told apart.

    Attributes
    ----------
    weights
        Its parameters, those of one weight as one, in the order of the file.
    shapes
        Of these, and of all that is stored, by name without TensorFlow's ``:0``.
    refused
        Why a parameter's weight cannot be computed, by its name.
    originals
        The name of the weight that a parameter is a moving average of, by the parameter's name.
    tied
        Names of parameters that are one array.
    """

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        found = [kind.combinations(parameters) for kind in (parametrisations, quantised)]
        first = {weight.parts[0]: weight for kind in found for weight in kind.weights}
        used = {part for weight in first.values() for part in weight.parts}
        self.weights = [
            first.get(name) or Combined(parameter, (name,))
            for name, parameter in parameters.items()
            if name in first or name not in used
        ]
        arrays = [weight.parameter for weight in self.weights]
        self.shapes = {names.plain(p.name): p.shape for p in (*parameters.values(), *arrays)}
        self.refused = {name: reason for kind in found for name, reason in kind.refused.items()}
        self._prefix = names.common_prefix([n for n, p in parameters.items() if p.reason is None])
        dotless = {p.name.replace(".", ""): p for p in arrays}
        self.originals = {
            p.name: original.name
            for p in arrays
            for name in names.originals(p.name)
            if (original := dotless.get(name)) is not None and original.shape == p.shape
        }
        self.tied: dict[Hashable, list[str]] = {}
        for p in arrays:
            if p.same_as is not None:
                self.tied.setdefault(p.same_as, []).append(p.name)

    def layer_name(self, parameter: Parameter) -> str:
        """Return the name of a parameter's layer."""
        name = names.plain(parameter.name).removeprefix(self._prefix)
        return re.sub(r"(.)\.(weight|kernel)$", r"\1", name)

    def bias(self, parameter: Parameter) -> tuple[int, ...] | None:
        """Return the shape of the bias that stands beside a weight, if there is one."""
        stem, dot, _ = names.plain(parameter.name).rpartition(".")
        return self.shapes.get(f"{stem}{dot}bias") if dot else None

    def notes(self, parameter: Parameter) -> tuple[str, ...]:
        """Say what other names a weight has, and what moving averages of it there are."""
        others = [n for n in self.tied.get(parameter.same_as, []) if n != parameter.name]
        averages = [name for name, of in self.originals.items() if of == parameter.name]
        found = (("the same array as", others), ("left out is its moving average", averages))
        return tuple(f"{what} {', '.join(which)}" for what, which in found if which)


def sorted_out(source: object, parameters: Iterable[Parameter], selection: Selection) -> SortedOut:
    """Tell the layers of a network from its other parameters.

    Parameters
    ----------
    source
        The network, as messages name it.

    Raises
    ------
    WeightLawsError
        If there is no layer, or two have one name, or a name that cannot be stored.
    WeightLawsError
        If a pattern of the selection matches nothing, or as `Selection.names_of` does.
    """
    network = _Network(_by_name(source, parameters))
    layers: dict[str, Layer] = {}
    skipped: dict[str, str] = {}
    left_out: dict[Hashable, int] = {}
    latest = _Latest(source)
    taken: dict[Hashable, str] = {}
    for weight in network.weights:
        parameter, base = weight.parameter, network.layer_name(weight.parameter)
        reason = _reason(weight, network, selection.names(base))
        if reason is None and parameter.same_as in taken:
            reason = _Reason(f"the same array as {taken[parameter.same_as]}", trained=False)
        if reason is not None:
            skipped |= dict.fromkeys(weight.parts, reason.text)
            array = parameter.name if parameter.same_as is None else parameter.same_as
            left_out[array] = reason.trained * _size(parameter)
            continue
        if parameter.same_as is not None:
            taken[parameter.same_as] = parameter.name
        messages.check_layer(source, base)
        for layer in _matrices(weight, base, network, latest):
            if layer.name in layers:
                raise WeightLawsError(
                    f"{source}: layer {layer.name}",
                    f"both {layers[layer.name].parameters[0]} and {parameter.name}",
                    "one parameter",
                    "rename one of them",
                )
            layers[layer.name] = layer
    selection.check(source, layers, skipped)
    wanted: dict[str, Layer] = {}
    for name, layer in layers.items():
        unwanted = selection.reason(name)
        if unwanted is None:
            wanted[name] = layer
            continue
        left_out[f"layer {name}"] = prod(layer.shape)
        of_one = sum(other.parameters == layer.parameters for other in layers.values())
        skipped |= dict.fromkeys(layer.parameters if of_one == 1 else (name,), unwanted)
    if not wanted:
        raise WeightLawsError(
            f"{source}: parameters",
            f"no weight matrix among {len(skipped)} ({_some(skipped)})",
            "at least one floating-point matrix or convolution",
            "name a file that holds a network's weights, or, if a name misleads, include it by "
            "its full name",
        )
    names = selection.names_of(source, {name: each.parameters for name, each in wanted.items()})
    wanted = {names[old]: replace(layer, name=names[old]) for old, layer in wanted.items()}
    analysed = sum(prod(layer.shape) for layer in wanted.values())
    others = sum(size for array, size in left_out.items() if array not in taken)
    return SortedOut(wanted, skipped, analysed + others)


def _by_name(source: object, parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    """Return parameters by name; of two of one name that which is left out has to yield."""
    found: dict[str, Parameter] = {}
    for parameter in parameters:
        other = found.get(parameter.name)
        if other is not None and other.reason is None and parameter.reason is None:
            both, way_out = "two parameters of this name", "rename one of them"
            raise WeightLawsError(f"{source}: {parameter.name}", both, "one", way_out)
        if other is None or other.reason is not None:
            found[parameter.name] = parameter
    return found


def _some(skipped: Mapping[str, str]) -> str:
    """Name the first of those that are left out, with the reasons of two of them."""
    first = [*skipped.items()][:5]
    named = (f"{name}: {reason}" if k < 2 else name for k, (name, reason) in enumerate(first))
    return (", ".join(named) or "none") + (", ..." if len(skipped) > 5 else "")


def _matrices(weight: Combined, base: str, network: _Network, latest: "_Latest") -> Iterator[Layer]:
    """Return the layers that a weight consists of."""
    parameter = weight.parameter
    cut, kernel = _split(parameter, network), _kernel(parameter, network)
    for k, name in enumerate(cut.names or ("",)):
        rounded = rounding.note(parameter.dtype, cut.shape)
        notes = (*weight.notes, *cut.notes, *network.notes(parameter))
        yield Layer(
            f"{base}.{name}" if name else base,
            cut.shape,
            partial(latest.matrix, weight, cut, k),
            weight.parts,
            notes if rounded is None else (*notes, rounded),
            kernel,
        )


class _Latest:
    """The array read last, as several matrices in it are read one after the other."""

    def __init__(self, source: object) -> None:
        self._source = source
        self._weight: Combined | None = None
        self._array: Any = None

    def matrix(self, weight: Combined, cut: Split, k: int) -> Matrix:
        """Read one of the matrices in a weight.

        Raises
        ------
        WeightLawsError
            If its data are damaged.
        """
        if self._weight is not weight:
            try:
                self._array = cut.cut(floats(weight.parameter.read()))
            except WeightLawsError:
                raise
            except Exception as error:  # what damaged data fail with can be anything
                place = f"{self._source}: {weight.parameter.name}"
                raise messages.damaged(place, error) from error
            self._weight = weight
        matrix: Matrix = np.array(self._array[k], order="C")  # not the network's own memory
        if k + 1 >= len(cut.names):
            self._weight = self._array = None
        return matrix


def _split(parameter: Parameter, network: _Network) -> Split:
    return matrices.split(replace(parameter, name=names.plain(parameter.name)), network.shapes)


def _kernel(parameter: Parameter, network: _Network) -> tuple[int, ...]:
    return matrices.kernel(replace(parameter, name=names.plain(parameter.name)), network.shapes)


def _size(parameter: Parameter) -> int:
    """Return the number of weights that a parameter has room for."""
    return prod(parameter.shape) * quantised.PACKED.get(parameter.dtype, 1)


def _reason(weight: Combined, network: _Network, asked_for: bool) -> _Reason | None:
    """Tell why a weight is no layer, or None if it is one.

    Parameters
    ----------
    asked_for
        Whether its very name is among those to include, so that what it sounds like is no reason.
    """
    parameter, bias = weight.parameter, network.bias(weight.parameter)
    told = network.refused.get(parameter.name) or parameter.reason
    if told is not None:
        return _Reason(told, not _UNTRAINED.search(told))
    if not asked_for and (original := network.originals.get(parameter.name)):
        return _Reason(f"a moving average of {original}", trained=False)
    kind = None
    if not (parameter.typed or asked_for):
        # No embedding has a bias for each row.
        with_bias = bias in (parameter.shape[:1], parameter.shape[-1:])
        kind = names.known_kind(parameter.name, with_bias=with_bias)
    by_name = None if kind is None else _Reason(f"{kind.reason}, by its name", kind.trained)
    # What is a vector is better called so, but for those that are no part of the network.
    if by_name is not None and not by_name.trained:
        return by_name
    return _by_numbers(parameter) or by_name or _by_shape(parameter, bias, network)


def _by_numbers(parameter: Parameter) -> _Reason | None:
    dtype, shape = parameter.dtype, parameter.shape
    if "complex" in dtype:
        return _Reason(f"{dtype}: complex numbers")
    if dtype not in _FLOATS:
        return _Reason(f"{dtype}: integers or a mask", trained=False)
    if not prod(shape):
        return _Reason(f"shape {shape}: empty", trained=False)
    if len(shape) < 2:
        return _Reason(f"shape {shape}: a vector or number, such as a bias or a norm")
    if len(shape) > 5:
        return _Reason(f"shape {shape}: more axes than a convolution in three dimensions has")
    return None


def _by_shape(
    parameter: Parameter, bias: tuple[int, ...] | None, network: _Network
) -> _Reason | None:
    shape = parameter.shape
    if bias == shape:
        return _Reason(f"shape {shape}: the scale of a norm, with a bias for each number")
    cut = _split(parameter, network)
    if min(cut.shape) > 1:
        return None
    of = " of each group" if parameter.groups > 1 else " of each part" if cut.names else ""
    return _Reason(f"shape {shape}: a single row or column{of}")
