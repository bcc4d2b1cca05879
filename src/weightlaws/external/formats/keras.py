"""Networks of Keras: HDF5 of its versions 2 and 3, and archives (``.keras``).

===================== ==========================================================================
file                  where an array stands
===================== ==========================================================================
``.h5``               ``model_weights/{layer}/{layer}/kernel:0``; of weights alone the same without
                      ``model_weights``
``.weights.h5``       ``layers/{class}_{number}/vars/0``: numbered, and layers of a class, too
``.keras``            an archive of ``config.json`` and such a file, ``model.weights.h5``
===================== ==========================================================================

Either way a parameter gets the name ``{layer}.kernel``. The configuration, where there is one, says
the name and class of a layer, and the class how the axes of its kernel are ordered. In a file of
weights alone the layers' default names and the lengths of biases tell the class. Kernels are
(*kernel, in, out). Those of other orders come as torch has them: transposed convolutions as
(in, out, *kernel), depthwise ones as (in x multiplier, 1, *kernel). Kernels of attention and of
EinsumDense, with several axes in or out, come as (in, out).

Sources: ``keras/src/saving/saving_lib.py`` and ``keras/src/legacy/saving/legacy_h5_format.py``.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from mmap import ACCESS_READ, mmap
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
# How a configuration begins where it stands in a file of HDF5.
_START = re.compile(rb'\{"(class_name|module|config|keras_version|backend)":')


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


def config_in(path: Path) -> str | None:
    """Return the configuration that stands in a file of a whole model; None of weights alone.

    It is an attribute of HDF5, a text of variable length. Of a damaged file the library can take
    gigabytes to read one, or crash. As it is stored in one piece, it is found as text.
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        if content.find(b"model_config\0") < 0:
            return None
        for match in _START.finditer(content):
            end = content.find(b"\0", match.start())
            text = content[match.start() : end].decode("utf-8", "replace")
            try:
                found, length = json.JSONDecoder().raw_decode(text)
            except ValueError:
                continue
            if _inside(found):
                return text[:length]
    raise ValueError("model_config has no layers")


def parameters(file: h5py.File, config: str | bytes | None) -> list[Parameter]:
    """Return the variables of a network in an open file of Keras's.

    Parameters
    ----------
    config
        The network's configuration as JSON, if there is one.
    """
    layers = _layers(json.loads(config)) if config is not None else None
    datasets = hdf5.datasets(file)
    variables = {name: _variable(name, str(data.name), layers) for name, data in datasets.items()}
    named = {variable.name for variable in variables.values()}
    shapes = {v.name: datasets[name].shape or () for name, v in variables.items()}
    found = []
    for name, dataset in datasets.items():
        variable = variables[name]
        parameter = hdf5.parameter(name, dataset)
        if dataset.dtype == np.dtype("V2"):  # h5py has no other type for bfloat16
            read = partial(_bfloat16, dataset)
            parameter = replace(parameter, dtype="bfloat16", read=read, reason=None)
        if _OPTIMISER.match(name):
            found.append(replace(parameter, reason=messages.OPTIMISER))
            continue
        if len(named) == len(variables):  # else two would have one name
            parameter = replace(parameter, name=variable.name)
        found.append(_oriented(variable, parameter, shapes, known=layers is not None))
    return found


@dataclass(frozen=True)
class _Layer:
    """A layer of a configuration; of a wrapper, such as TimeDistributed, that within."""

    name: str
    class_name: str
    settings: Mapping[str, Any]


def _layers(config: object) -> dict[str, _Layer]:
    """Return the layers of a configuration by name, and by path in a file that numbers them.

    A name that layers of several classes have is left out.
    """
    found: dict[str, _Layer] = {}
    twice = set()
    stack: list[tuple[Any, str]] = [(config, "")]
    while stack:
        part, path = stack.pop()
        count: dict[str, int] = {}
        for layer in _inside(part):
            made = _layer(layer)
            if made is None:
                continue
            spelled = _snake(str(layer["class_name"]))
            number = count[spelled] = count.get(spelled, -1) + 1
            place = f"{path}layers/{spelled}{f'_{number}' if number else ''}"
            found[place] = made
            if found.setdefault(made.name, made).class_name != made.class_name:
                twice.add(made.name)
            stack.append((layer, f"{place}/"))
    return {key: layer for key, layer in found.items() if key not in twice}


def _inside(part: object) -> list[Any]:
    """Return the layers of a model's configuration; before Keras 2.2 they were all of it."""
    settings = part.get("config") if isinstance(part, dict) else None
    layers = settings.get("layers") if isinstance(settings, dict) else settings
    return layers if isinstance(layers, list) else []


def _layer(part: object) -> _Layer | None:
    settings = part.get("config") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(settings, dict):
        return None
    name, inner = settings.get("name"), settings.get("layer")
    if not isinstance(name, str):
        return None
    if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
        return _Layer(name, _snake(str(inner.get("class_name"))), inner["config"])
    return _Layer(name, _snake(str(part.get("class_name"))), settings)


def _snake(name: str) -> str:
    """Spell a class as Keras does in paths: ``Conv2DTranspose`` is ``conv2d_transpose``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _variable(name: str, path: str, layers: Mapping[str, _Layer] | None) -> _Variable:
    """Tell the name of a variable, and the class of its layer."""
    *parts, last = path.strip("/").split("/")
    known = layers or {}
    if "vars" in parts:
        parts = parts[: parts.index("vars")]
        owners = [known.get("/".join(parts[: depth + 1])) for depth in range(len(parts))]
        within = [k for k, part in enumerate(parts) if part not in _CONTAINERS]
    else:
        last = last.partition(":")[0]
        owners = [known.get(part) for part in parts]
        within = [k for k, part in enumerate(parts) if k or part not in _CONTAINERS]
        # The path repeats the name of the layer that it is under, at times with a number.
        first = [parts[k] for k in within[:2]]
        if len(first) == 2 and re.fullmatch(rf"{re.escape(first[0])}(_\d+)?", first[1]):
            del within[1]
    names = [layer.name if (layer := owners[k]) else parts[k] for k in within]
    owner, settings = _owner(parts, owners, within)
    if last.isdigit() and len(last) < 4:
        roles = _VARIABLES.get(owner, ())
        last = roles[int(last)] if int(last) < len(roles) else last
    return _Variable(".".join([*names, last]) or name, owner, settings)


def _owner(
    parts: Sequence[str], owners: Sequence[_Layer | None], within: Sequence[int]
) -> tuple[str, Mapping[str, Any]]:
    """Return class and settings of the layer that a path leads to.

    It is the last that the configuration names, or a part of it, which goes by its own name.
    """
    if not within:
        return "", {}
    spelled = re.sub(r"_\d+$", "", parts[within[-1]])
    if owners[within[-1]] is None and (spelled in _VARIABLES or spelled == "cell"):
        return ("lstm_cell" if spelled == "cell" else spelled), {}  # cells are alike in this
    last = next((layer for k in reversed(within) if (layer := owners[k])), None)
    return (last.class_name, last.settings) if last else (spelled, {})


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
