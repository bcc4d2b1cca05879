"""Networks of Keras: HDF5 of its versions 2 and 3, and archives (``.keras``).

===================== ==========================================================================
file                  where an array stands
===================== ==========================================================================
``.h5``               ``model_weights/{layer}/{layer}/kernel:0``; of weights alone the same without
                      ``model_weights``
``.weights.h5``       ``layers/{class}_{number}/vars/0``: numbered; the group says the layer's name
``.keras``            an archive of ``config.json`` and such a file, ``model.weights.h5``
===================== ==========================================================================

Either way a parameter gets the name ``{layer}.kernel``. The configuration, where there is one, says
the class of a layer, and the class how the axes of its kernel are ordered. Kernels are
(*kernel, in, out). Those of other orders come as torch has them: transposed convolutions as
(in, out, *kernel), depthwise ones as (in x multiplier, 1, *kernel). Kernels of attention and of
EinsumDense, with several axes in or out, come as (in, out).

Sources: ``keras/src/saving/saving_lib.py`` and ``keras/src/legacy/saving/legacy_h5_format.py``.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import numpy.typing as npt

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import hdf5, messages
from weightlaws.external.parameters import Parameter

if TYPE_CHECKING:
    import torch

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MOST_CONFIG = 2**28
_OPTIMISER = re.compile(r"^_?optimizer(_weights|_experimental)?(\.|$)")
# Containers in a path that are not part of a layer's name.
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies", "model_weights")

Array = npt.NDArray[Any]
_KERNEL = ("kernel", "bias")
# What `vars/0`, `vars/1`, ... are, by class in Keras's spelling of paths.
_VARIABLES: dict[str, tuple[str, ...]] = {
    "dense": _KERNEL,
    "einsum_dense": _KERNEL,
    **{f"{part}_dense": _KERNEL for part in ("query", "key", "value", "output", "_output")},
    **{f"conv{axes}d": _KERNEL for axes in "123"},
    **{f"conv{axes}d_transpose": _KERNEL for axes in "123"},
    **{f"depthwise_conv{axes}d": ("depthwise_kernel", "bias") for axes in "12"},
    **{f"separable_conv{axes}d": ("depthwise_kernel", "pointwise_kernel", "bias") for axes in "12"},
    "embedding": ("embeddings",),
    **dict.fromkeys(
        ("lstm_cell", "gru_cell", "simple_rnn_cell", "conv_lstm_cell"),
        ("kernel", "recurrent_kernel", "bias"),
    ),
}
_ATTENTION = re.compile(r"(^|\.)(query|key|value)(_dense)?\.kernel$")
_ATTENTION_OUT = re.compile(r"(^|\.)(attention_output|output_dense|_output_dense)\.kernel$")
_CELLS = re.compile(r"(lstm|gru|simple_rnn)(_cell)?$")


@dataclass(frozen=True)
class _Variable:
    """A dataset by the name of its variable, and what the class of its layer is."""

    name: str
    class_name: str
    settings: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return self.name.rpartition(".")[2]


def is_archive(archive: zipfile.ZipFile) -> bool:
    """Tell whether an archive is one of Keras's."""
    return _CONFIG in archive.namelist() and "metadata.json" in archive.namelist()


def is_keras(file: h5py.File) -> bool:
    """Tell whether an open file of HDF5 is one of Keras's."""
    if {"model_weights", "_layer_checkpoint_dependencies"} & {*file}:
        return True
    if {"keras_version", "layer_names", "model_config"} & {*file.attrs}:
        return True
    names: list[str] = []
    file.visit(names.append)
    return any(name == "vars" or name.endswith("/vars") for name in names)


@contextmanager
def opened_archive(path: Path, _: bool) -> Iterator[list[Parameter]]:
    """Open an archive of Keras's.

    Raises
    ------
    WeightLawsError
        If it has no weights in one file, or they are compressed.
    """
    with zipfile.ZipFile(path) as archive:
        if _WEIGHTS not in archive.namelist():
            raise WeightLawsError(
                f"{path}: file", f"no {_WEIGHTS} in the archive", "the network's weights in one "
                "file", "save it again with model.save(path), without shards",
            )  # fmt: skip
        for name in (_CONFIG, _WEIGHTS):
            if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
                raise messages.compressed(path)
        config, content = archive.read(_CONFIG), io.BytesIO(archive.read(_WEIGHTS))
    with h5py.File(content, "r") as file:
        yield [
            # The file is in memory, and has no name to tell it from others.
            replace(parameter, same_as=(str(path), parameter.same_as))
            for parameter in parameters(file, config)
        ]


def parameters(file: h5py.File, config: str | bytes | None = None) -> list[Parameter]:
    """Return the variables of a network in an open file of Keras's.

    Parameters
    ----------
    config
        The network's configuration as JSON; a whole model in one file has its own.
    """
    text = file.attrs.get("model_config", config)
    classes = _classes(json.loads(text[:_MOST_CONFIG])) if isinstance(text, str | bytes) else None
    datasets = hdf5.datasets(file)
    variables = {name: _variable(file, name, data, classes) for name, data in datasets.items()}
    named = {variable.name for variable in variables.values()}
    shapes = {v.name: datasets[name].shape or () for name, v in variables.items()}
    found = []
    for name, dataset in datasets.items():
        variable = variables[name]
        parameter = hdf5.parameter(name, dataset)
        if dataset.attrs.get("dtype") == "bfloat16" and dataset.dtype.itemsize == 2:
            parameter = replace(parameter, dtype="bfloat16", read=partial(_bfloat16, dataset))
        if _OPTIMISER.match(name):
            found.append(replace(parameter, reason=messages.OPTIMISER))
            continue
        if len(named) == len(variables):  # else two would have one name
            parameter = replace(parameter, name=variable.name)
        found.append(_oriented(variable, parameter, shapes, known=classes is not None))
    return found


def _classes(config: object) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return class and settings of the layers in a configuration by name.

    Of a wrapper, such as TimeDistributed, it is those of the layer within. A name that layers of
    several classes have is left out.
    """
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    twice = set()
    stack: list[Any] = [config]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack.extend(part)
        if not isinstance(part, dict):
            continue
        stack.extend(part.values())
        name, settings = part.get("class_name"), part.get("config")
        if not (isinstance(name, str) and isinstance(settings, dict)):
            continue
        inner = settings.get("layer")
        if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
            layer, kind, own = settings.get("name"), inner.get("class_name"), inner["config"]
        else:
            layer, kind, own = settings.get("name"), name, settings
        if not isinstance(layer, str):
            continue
        new = _snake(str(kind)), own
        if found.setdefault(layer, new)[0] != new[0]:
            twice.add(layer)
    return {name: layer for name, layer in found.items() if name not in twice}


def _snake(name: str) -> str:
    """Spell a class as Keras does in paths: ``Conv2DTranspose`` is ``conv2d_transpose``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _variable(
    file: h5py.File,
    name: str,
    dataset: h5py.Dataset,
    classes: Mapping[str, tuple[str, Mapping[str, Any]]] | None,
) -> _Variable:
    """Tell the name of a variable, and the class of its layer."""
    path = str(dataset.name).strip("/").split("/")
    if "vars" in path[:-1]:
        names, spelled = _of_groups(file, path[: path.index("vars")])
        number = path[-1]
    else:
        *inner, number = path
        inner = [part for k, part in enumerate(inner) if k or part not in _CONTAINERS]
        number = number.partition(":")[0]
        # The path repeats the name of the layer that it is under, at times with a number.
        twice = len(inner) > 1 and re.fullmatch(rf"{re.escape(inner[0])}(_\d+)?", inner[1])
        names = [inner[0], *inner[2:]] if twice else inner
        spelled = [re.sub(r"_\d+$", "", part) for part in names]
    known = classes or {}
    # The layer that the configuration names is the last in the path, or, of a part of a layer that
    # it does not name, the part goes by its own name.
    settings: Mapping[str, Any] = {}
    owner = spelled[-1] if spelled else ""
    for layer in reversed(names):
        if layer in known:
            if layer == names[-1] or not _VARIABLES.get(owner):
                owner, settings = known[layer]
            break
    if number.isdigit():
        roles = _VARIABLES.get(owner, ())
        kind = roles[int(number)] if len(number) < 4 and int(number) < len(roles) else number
    else:
        kind = number
    return _Variable(".".join([*names, kind]) or name, owner, settings)


def _of_groups(file: h5py.File, path: list[str]) -> tuple[list[str], list[str]]:
    """Return the names of the layers along a path, and their classes as the path spells them."""
    names, spelled = [], []
    for depth, part in enumerate(path, 1):
        if part in _CONTAINERS:
            continue
        group = file.get("/".join([*path[:depth], "vars"]))
        own = group.attrs.get("name") if group is not None else None
        names.append(own.replace("/", ".") if isinstance(own, str) and own else part)
        spelled.append(re.sub(r"_\d+$", "", part))
    # A cell stands in its layer under this name alone: its class is that of its own name.
    if spelled and spelled[-1] == "cell":
        cell = re.sub(r"_\d+$", "", names[-1])
        spelled[-1] = cell if cell in _VARIABLES else "lstm_cell"
    return names, spelled


def _oriented(
    variable: _Variable, parameter: Parameter, shapes: Mapping[str, tuple[int, ...]], *, known: bool
) -> Parameter:
    """Say of a parameter how its axes are ordered, or bring them into an order of torch's."""
    shape, name = parameter.shape, variable.name
    if variable.kind == "embeddings":
        return replace(parameter, reason="an embedding, by its layer")
    if not variable.kind.endswith("kernel"):
        return replace(parameter, layout="keras") if len(shape) > 1 else parameter
    bias = shapes.get(f"{name.removesuffix(variable.kind)}bias")
    kind = variable.class_name
    if not known and variable.kind == "kernel" and len(shape) > 2 and bias is not None:
        kind = _by_bias(kind, shape, bias)
    if _ATTENTION.search(name) and len(shape) == 3:
        return _reshaped(parameter, (shape[0], prod(shape[1:])))
    if _ATTENTION_OUT.search(name) and len(shape) == 3:
        return _reshaped(parameter, (prod(shape[:-1]), shape[-1]))
    if kind == "einsum_dense":
        return _einsum(parameter, variable.settings.get("equation"))
    axes = len(shape) - 2
    if kind.endswith("_transpose") and axes > 0:
        order = (axes + 1, axes, *range(axes))
        return _transposed(parameter, order, layout="transposed")
    groups = variable.settings.get("groups", 1)
    if variable.kind == "depthwise_kernel" or kind.startswith("depthwise_conv"):
        return _depthwise(parameter)
    if type(groups) is not int or groups < 1 or not shape or shape[-1] % groups:
        groups = 1
    return replace(parameter, typed=len(shape) > 1, layout="keras", groups=groups)


def _by_bias(kind: str, shape: tuple[int, ...], bias: tuple[int, ...]) -> str:
    """Tell a convolution's class by its bias, which has a number for each output."""
    outputs = {
        "conv": (shape[-1],),
        "conv_transpose": (shape[-2],),
        "depthwise_conv": (shape[-2] * shape[-1],),
    }
    if kind in _VARIABLES and bias == outputs.get(re.sub(r"\dd", "", kind)):
        return kind
    return next((name for name, of in outputs.items() if bias == of), kind)


def _einsum(parameter: Parameter, equation: object) -> Parameter:
    """Bring the kernel of an EinsumDense, such as of ``abc,cde->abde``, into (in, out)."""
    parts = re.fullmatch(r"([\w.]*),(\w*)->([\w.]*)", str(equation))
    if parts is None or len(parts[2]) != len(parameter.shape):
        return replace(parameter, reason="a kernel of EinsumDense without its equation")
    given, kernel, made = parts.groups()
    into = [axis for axis, letter in enumerate(kernel) if letter in given and letter not in made]
    out = [axis for axis, letter in enumerate(kernel) if letter in made and letter not in given]
    if len(into) + len(out) != len(kernel) or not into or not out:
        return replace(parameter, reason="a kernel of EinsumDense for several matrices")
    sizes = (prod(parameter.shape[k] for k in into), prod(parameter.shape[k] for k in out))
    return _reshaped(_transposed(parameter, (*into, *out)), sizes)


def _depthwise(parameter: Parameter) -> Parameter:
    *kernel, channels, multiplier = parameter.shape
    axes = len(kernel)
    moved = _transposed(parameter, (axes, axes + 1, *range(axes)))
    shape = (channels * multiplier, 1, *kernel)
    return replace(_reshaped(moved, shape), layout="torch", groups=max(1, channels))


def _transposed(
    parameter: Parameter, order: tuple[int, ...], *, layout: str = "torch"
) -> Parameter:
    shape = tuple(parameter.shape[axis] for axis in order)
    return _changed(parameter, shape, lambda array: array.transpose(order), layout)


def _reshaped(parameter: Parameter, shape: tuple[int, ...]) -> Parameter:
    return _changed(parameter, shape, lambda array: array.reshape(shape), "in_out")


def _changed(
    parameter: Parameter, shape: tuple[int, ...], change: Callable[[Array], Array], layout: str
) -> Parameter:
    def read() -> "Array | torch.Tensor":
        values = parameter.read()
        if isinstance(values, np.ndarray):
            return change(values)
        import torch  # for bfloat16

        bits = change(values.view(torch.int16).numpy())
        return torch.from_numpy(np.ascontiguousarray(bits)).view(torch.bfloat16)

    return replace(parameter, shape=shape, read=read, typed=True, layout=layout)


def _bfloat16(dataset: h5py.Dataset) -> "torch.Tensor":
    import torch

    bits = np.ascontiguousarray(dataset.__array__()).view(np.int16)
    return torch.from_numpy(bits).view(torch.bfloat16)
