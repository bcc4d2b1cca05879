"""The matrices (out, in) that a weight of any number of axes consists of.

=================== ========================= =====================================================
weight              axes                      matrices
=================== ========================= =====================================================
linear layer        (out, in)                 itself
GPT-2's Conv1D      (in, out)                 its transpose
convolution         (out, in, *kernel)        (out, in x kernel)
of Keras            (*kernel, in, out)        (out, in x kernel), in the same order
in G groups         (out, in / G, *kernel)    G of (out / G, in / G x kernel)
transposed          (in, out, *kernel)        (out x kernel, in), which takes an input to outputs
attention of Flax   (in, head, size)          (head x size, in)
its output          (head, size, out)         (out, head x size)
experts             (expert, out, in)         one for each expert, as it is stored
queries, keys and   (3 d, d)                  three of (d, d)
values in one
gates of an LSTM    (4 d, in)                 four of (d, in); of a GRU three
=================== ========================= =====================================================
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from weightlaws.arrays import Shape
from weightlaws.external.numbers import Matrix
from weightlaws.external.parameters import Parameter


@dataclass(frozen=True)
class Split:
    """How a weight is cut into matrices.

    Attributes
    ----------
    names
        Of the matrices, to be put behind the weight's; empty if there is one.
    shape
        (out, in) of each.
    cut
        Makes them of the stored array, (matrix, out, in).
    notes
        What holds for each of them.
    """

    names: tuple[str, ...]
    shape: Shape
    cut: Callable[[Matrix], Any]
    notes: tuple[str, ...] = ()


def split(parameter: Parameter, shapes: Mapping[str, tuple[int, ...]]) -> Split:
    """Tell what matrices a weight consists of.

    Parameters
    ----------
    parameter
        A weight of at least two axes.
    shapes
        Of all the network's parameters, by name: what stands beside a weight can tell about it.
    """
    parameter, notes = _oriented(parameter, shapes)
    layout = parameter.layout
    if not parameter.typed and layout == "torch" and _is_experts(parameter):
        n, rows, columns = parameter.shape
        experts = tuple(f"expert{k}" for k in range(n))
        return Split(experts, (rows, columns), lambda a: a, ("axes taken as (expert, out, in)",))
    n, (rows, columns), stack = _STACKS[layout](parameter)
    if n > 1:
        return Split(tuple(f"group{k}" for k in range(n)), (rows, columns), stack, notes)
    names, note = _fused(parameter, (rows, columns), shapes)
    if names:
        each = rows // len(names)
        return Split(
            names, (each, columns), lambda a: stack(a).reshape(len(names), each, columns), note
        )
    one_channel = layout == "torch" and len(parameter.shape) > 2 and parameter.shape[1] == 1
    if one_channel and not parameter.typed and rows > 1:
        note = (
            *note,
            "one input channel: rows are not of one map if each has a channel of its own",
        )
    return Split((), (rows, columns), stack, (*notes, *note))


def kernel(parameter: Parameter, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the kernel's shape of a convolution whose matrices are (out, in x kernel).

    It is empty of what is no convolution, and of a transposed one. Parameters as for `split`.
    """
    parameter, _ = _oriented(parameter, shapes)
    layout = parameter.layout
    axes = {"torch": parameter.shape[2:], "keras": parameter.shape[:-2]}.get(layout, ())
    experts = not parameter.typed and layout == "torch" and _is_experts(parameter)
    return () if experts else axes


_Stack = tuple[int, Shape, Callable[[Matrix], Any]]


def _torch(parameter: Parameter) -> _Stack:
    out, groups = parameter.shape[0], parameter.groups
    shape = out // groups, prod(parameter.shape[1:])
    return groups, shape, lambda a: a.reshape(groups, *shape)


def _keras(parameter: Parameter) -> _Stack:
    out, fan_in, groups = parameter.shape[-1], parameter.shape[-2], parameter.groups
    kernel = tuple(range(len(parameter.shape) - 2))
    shape = out // groups, fan_in * prod(parameter.shape[:-2])
    return (
        groups,
        shape,
        lambda a: a.transpose(a.ndim - 1, a.ndim - 2, *kernel).reshape(groups, *shape),
    )


def _in_out(parameter: Parameter) -> _Stack:
    fan_in, out = parameter.shape
    return 1, (out, fan_in), lambda a: a.T[None]


def _transposed(parameter: Parameter) -> _Stack:
    groups = parameter.groups
    fan_in, out = parameter.shape[0] // groups, prod(parameter.shape[1:])
    return (
        groups,
        (out, fan_in),
        lambda a: a.reshape(groups, fan_in, out).transpose(0, 2, 1),
    )


def _to_heads(parameter: Parameter) -> _Stack:
    fan_in, out = parameter.shape[0], prod(parameter.shape[1:])
    return 1, (out, fan_in), lambda a: a.reshape(fan_in, out).T[None]


def _from_heads(parameter: Parameter) -> _Stack:
    fan_in, out = prod(parameter.shape[:-1]), parameter.shape[-1]
    return 1, (out, fan_in), lambda a: a.reshape(fan_in, out).T[None]


_STACKS: dict[str, Callable[[Parameter], _Stack]] = {
    "torch": _torch,
    "keras": _keras,
    "in_out": _in_out,
    "transposed": _transposed,
    "to_heads": _to_heads,
    "from_heads": _from_heads,
}

_TO_HEADS = re.compile(r"(^|\.)(query|key|value)\.kernel$")
_FROM_HEADS = re.compile(r"(?P<stem>(?:.*\.)?)out\.kernel$")
_KERNELS = re.compile(r"(^|\.)(\w*_)?kernel$")
_CONV1D = re.compile(r"(^|\.)(c_attn|c_fc|c_proj|q_attn)\.weight$")
_FIRST_CONV1D = re.compile(r"(^|\.)(c_attn|c_fc)\.weight$")


def _oriented(
    parameter: Parameter, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Parameter, tuple[str, ...]]:
    """Return a weight with the order of its axes, and notes.

    Where its format does not say the order, its name does, or the length of its bias.
    """
    if parameter.typed or parameter.layout != "torch":
        return parameter, ()
    layout, shape = _layout(parameter, shapes), parameter.shape
    bias = shapes.get(f"{parameter.name.removesuffix('weight')}bias", ())
    if layout != "torch" or len(shape) < 3 or len(bias) != 1 or bias[0] == shape[0]:
        return replace(parameter, layout=layout), ()
    groups, rest = divmod(bias[0], shape[1])
    if rest or not groups or shape[0] % groups:
        return parameter, ()
    return (
        replace(parameter, layout="transposed", groups=groups),
        ("a transposed convolution, by the length of its bias",),
    )


def _layout(parameter: Parameter, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return the order of a weight's axes by its name."""
    name, shape = parameter.name, parameter.shape
    if _KERNELS.search(name) and len(shape) == 3:
        if _TO_HEADS.search(name):
            return "to_heads"
        out = _FROM_HEADS.fullmatch(name)
        if out and len(shapes.get(f"{out['stem']}query.kernel", ())) == 3:
            return "from_heads"
    if _KERNELS.search(name):
        return "keras"
    if _CONV1D.search(name) and len(shape) == 2:
        # The first layers of a block are wide: (d, 3 d) and (d, 4 d) in this order, else (3 d, d).
        first = [of for other, of in shapes.items() if _FIRST_CONV1D.search(other)]
        if first and all(len(of) == 2 and of[1] > of[0] for of in first):
            return "in_out"
    return "torch"


# In a module of experts any weight of three axes is one of theirs. Outside, it is if it is no
# module's: the weight of a module in that place would be a convolution's.
_EXPERTS = re.compile(
    r"(^|\.)((\w*_)?experts?|switch_mlp)\.(?!\d)|(^|\.)(gate_up_proj|(gate|up|down)_proj|w[123]|w[io])$"
)


def _is_experts(parameter: Parameter) -> bool:
    shape = parameter.shape
    return len(shape) == 3 and min(shape[1:]) > 1 and bool(_EXPERTS.search(parameter.name))


@dataclass(frozen=True)
class _Fused:
    """Weights that stand in one matrix, below each other.

    Attributes
    ----------
    name
        A pattern that its name has, without ``.weight``.
    parts
        Names of the weights.
    ratio
        How many rows for a column tell that they are all of one size; 0 if they always are. None if
        their rows are in another order, which takes more than the shape to undo.
    what
        What they are, for a note where they are not told apart.
    """

    name: re.Pattern[str]
    parts: tuple[str, ...]
    ratio: int | None
    what: str


_QKV = ("query", "key", "value")
_OF_QKV = "queries, keys and values"
_FUSED = (
    _Fused(re.compile(r"(^|\.)(in_proj_weight|c_attn|Wqkv)$"), _QKV, 3, _OF_QKV),
    _Fused(re.compile(r"(^|\.)(\w*_)?qkv(_proj|_linear)?(\.\d+)?$"), _QKV, 3, _OF_QKV),
    _Fused(re.compile(r"(^|\.)(query_key_value|wqkv)$"), _QKV, None, _OF_QKV),
    _Fused(re.compile(r"(^|\.)(\w*_)?kv(_proj)?$"), ("key", "value"), 2, "keys and values"),
    _Fused(re.compile(r"(^|\.)(gate_up_proj|w12)$"), ("gate", "up"), 0, "gate and projection"),
)

_GATES = {
    "torch": {4: ("input", "forget", "cell", "output"), 3: ("reset", "update", "new")},
    "keras": {4: ("input", "forget", "cell", "output"), 3: ("update", "reset", "new")},
}
_RECURRENT = re.compile(r"(?P<stem>(?:.*\.)?)weight_(?:ih|hh)(?P<layer>(?:_l\d+)?(?:_reverse)?)$")
_RECURRENT_KERAS = re.compile(r"(?P<stem>(?:.*\.)?)(?:recurrent_)?kernel$")


def _fused(
    parameter: Parameter, shape: Shape, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the weights that stand in one matrix, if any, and notes."""
    names = _gates(parameter.name, shape, shapes)
    if names is not None:
        return names, () if names else ("gates in one matrix: its shape does not tell them apart",)
    rows, columns = shape
    name = parameter.name.removesuffix(".weight")
    for fused in _FUSED:
        if not fused.name.search(name):
            continue
        # A convolution in one dimension has them by heads in one network and not in another.
        if len(parameter.shape) != 3 and fused.ratio is not None:
            fits = rows == fused.ratio * columns if fused.ratio else rows % len(fused.parts) == 0
            if fits:
                return fused.parts, ()
        return (), (f"{fused.what} in one matrix: their places in it are not known",)
    return (), ()


def _gates(
    name: str, shape: Shape, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[str, ...] | None:
    """Return the names of a recurrent layer's gates; none if it is not known, None if it has none.

    The recurrent weights (gates x d, d), or with a projection to p numbers (gates x d, p) beside
    its weights (p, d), tell how many there are.
    """
    if found := _RECURRENT.fullmatch(name):
        stem, layer = found["stem"], found["layer"]
        hidden = shapes.get(f"{stem}weight_hh{layer}")
        projection = shapes.get(f"{stem}weight_hr{layer}")
        gates = _GATES["torch"]
    elif (found := _RECURRENT_KERAS.fullmatch(name)) and (
        kernel := shapes.get(f"{found['stem']}recurrent_kernel")
    ):
        hidden, projection, gates = kernel[::-1], None, _GATES["keras"]
    else:
        return None
    if hidden is None or len(hidden) != 2 or not min(hidden):
        return ()
    size = hidden[1] if projection is None else projection[1]
    n, rest = divmod(hidden[0], size)
    if rest or hidden[0] != shape[0]:
        return ()
    return None if n == 1 else gates.get(n, ())
