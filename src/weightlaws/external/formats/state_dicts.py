"""Which of the tensors in a PyTorch file are the network's: a state dict, wherever it is nested.

A state dict is a dictionary or list with tensors of at least two axes, or a whole module. Training
scripts keep it beside optimisers and settings, under names of their own. If a file has one, it is
taken. If it has several, the error lists their keys.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from math import prod
from pathlib import Path
from typing import Any

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import messages, tensors
from weightlaws.external.formats.pickles import Array, Record, Storage, Tensor, Value
from weightlaws.external.parameters import Parameter

Load = Callable[[Storage], tensors.Bytes]
#: Stands for the whole file where a key in it is asked for.
WHOLE = "."

# Keys of what else a training keeps: optimisers, schedules, states of generators.
_OPTIMISER = re.compile(
    r"(\w+_)?(optim|optimi[sz]ers?|(lr_?)?sched(uler)?s?|(grad_?)?scaler|rng_states?)(_\w+)?", re.I
)
_SCRIPTED = "__torch__."
_MANGLED = re.compile(r"___torch_mangle_\d+\.")
# Of a damaged or hostile file: what nests deeper or has more entries is in no network.
_DEEPEST, _MOST = 100, 300_000

_EMBEDDINGS = ("Embedding", "EmbeddingBag")
_WEIGHTED = re.compile(r"(Linear|LazyLinear|NonDynamicallyQuantizableLinear|(Lazy)?Conv\w*\dd)$")


@dataclass(frozen=True)
class Described:
    """What the code of a scripted model says: buffers, and groups of convolutions, by class."""

    buffers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Leaf:
    """A value within a file, and what its module says of it.

    Attributes
    ----------
    path
        The keys that lead to it; a state dict's have dots in them.
    root
        How many of them lead to the whole module that it is in, or to what it stands in.
    optimiser
        Whether it is within what an optimiser keeps.
    """

    path: tuple[str, ...]
    value: Value
    root: int
    optimiser: bool = False
    reason: str | None = None
    typed: bool = False
    layout: str = "torch"
    groups: int = 1

    @property
    def name(self) -> str:
        return ".".join(self.path)


def parameters(
    path: Path,
    content: Value,
    load: Load,
    state_dict: str | None,
    described: Described = Described(),
) -> list[Parameter]:
    """Return what a file holds as parameters; what is outside of the state dict has a reason.

    Parameters
    ----------
    content
        Of the file's pickle.
    load
        Returns the bytes of a storage.
    state_dict
        The key of the state dict to take, dotted; None takes the only one that there is.

    Raises
    ------
    WeightLawsError
        If there is no state dict, or several and none is chosen, or not the one that is chosen.
    """
    leaves = [*_leaves(content, described)]
    key = _only_one(path, content, leaves) if state_dict is None else state_dict
    start = "" if key == WHOLE else f"{key}."
    inside = [leaf for leaf in leaves if leaf.name.startswith(start)]
    if not any(_is_array(leaf.value) for leaf in inside):
        raise WeightLawsError(
            f"{path}: file",
            f"no tensors under '{key}'",
            f"one of {_listed(_candidates(leaves))}",
            "correct the key of the state dict",
        )
    reason = f"outside of the state dict '{key}'"
    outside = [leaf for leaf in leaves if not leaf.name.startswith(start)]
    return [
        *(
            _parameter(path, leaf, leaf.name.removeprefix(start) or path.stem, load)
            for leaf in inside
        ),
        *(_left_out(leaf, reason) for leaf in outside if _is_array(leaf.value)),
    ]


def scripted(
    path: Path,
    module: Value,
    constants: Value,
    load: Load,
    state_dict: str | None,
    described: Described,
) -> list[Parameter]:
    """Return the parameters of a scripted model.

    One that was frozen has its weights as constants of its code, without names: ``constants.0``.

    Raises
    ------
    WeightLawsError
        As for `parameters`.
    """
    unnamed = [*_leaves(constants, described, ("constants",))]
    frozen = not any(_is_matrix(leaf.value) for leaf in _leaves(module, described))
    if frozen and any(_is_matrix(leaf.value) for leaf in unnamed):
        return parameters(path, {"constants": constants}, load, state_dict or WHOLE, described)
    reason = "a constant of the scripted model's code"
    return [
        *parameters(path, module, load, state_dict, described),
        *(_left_out(leaf, reason) for leaf in unnamed if _is_array(leaf.value)),
    ]


def _only_one(path: Path, content: Value, leaves: list[_Leaf]) -> str:
    """Return the key of the only state dict that there is."""
    found = _candidates(leaves)
    if len(found) == 1:
        return next(iter(found))
    if found:
        raise WeightLawsError(
            f"{path}: file",
            f"several state dicts: {_listed(found)}",
            "one network",
            f"choose one with its key, such as `state_dict: {next(iter(found))}` (weightlaws "
            f"analyse: --state-dict), or all with `state_dict: {WHOLE}`",
        )
    kind = content.kind if isinstance(content, Record) else type(content).__name__
    inner = _children(content)
    keys = ", ".join(repr(str(key)) for key, _ in (inner or [])[:8])
    raise WeightLawsError(
        f"{path}: file",
        f"a {messages.short(kind)}" + (f" with the keys {messages.short(keys)}" if keys else ""),
        "a state dict, which holds tensors by name, or such under a key",
        messages.SAVE_STATE_DICT,
    )


def _candidates(leaves: list[_Leaf]) -> dict[str, int]:
    """Return the keys under which a state dict stands, with the number of its matrices."""
    found: dict[str, int] = {}
    for leaf in leaves:
        if _is_matrix(leaf.value) and not leaf.optimiser:
            key = ".".join(leaf.path[: leaf.root]) or WHOLE
            found[key] = found.get(key, 0) + 1
    return found


def _listed(candidates: Mapping[str, int]) -> str:
    return ", ".join(
        f"'{key}' ({n} {'matrix' if n == 1 else 'matrices'})"
        for key, n in islice(candidates.items(), 20)
    )


def _leaves(content: Value, described: Described, path: tuple[str, ...] = ()) -> Iterator[_Leaf]:
    """Go through all that a file holds, once for each name that it has."""
    return _walk(_Leaf(path, content, len(path)), None, frozenset(), described, iter(range(_MOST)))


def _walk(
    leaf: _Leaf,
    root: int | None,
    above: frozenset[int],
    described: Described,
    budget: Iterator[int],
) -> Iterator[_Leaf]:
    """Go through a value that is within a module whose path has `root` keys, or within none."""
    if next(budget, None) is None:
        raise ValueError("more entries than any network has")
    inner = _children(leaf.value)
    if inner is None or id(leaf.value) in above or len(above) > _DEEPEST:
        if root is None or isinstance(
            leaf.value, Tensor | Array | Record
        ):  # not a module's settings
            yield leaf
        return
    module = _module(leaf.value, described)
    if module is not None and root is None:
        root = len(leaf.path)
    optimiser = leaf.optimiser or {"state", "param_groups"} <= {key for key, _ in inner}
    for key, value in inner:
        if isinstance(leaf.value, list) and isinstance(value, int | float | str):
            continue  # such as a history of losses
        name = key if isinstance(key, str) else messages.short(repr(key))
        depth = len(leaf.path) if root is None else root
        kept = optimiser or bool(not _is_array(value) and _OPTIMISER.fullmatch(name))
        child = _Leaf((*leaf.path, name), value, depth, kept)
        if module is not None:
            child = module(child)
        yield from _walk(child, root, above | {id(leaf.value)}, described, budget)


def _children(value: Value) -> list[tuple[Any, Any]] | None:
    """Return what is within a value by key; None if it is no container."""
    if isinstance(value, dict):
        return [*value.items()]
    if isinstance(value, list | tuple):
        return [*enumerate(value)]
    if not isinstance(value, Record):
        return None
    state = value.state if isinstance(value.state, dict) else {}
    if "_parameters" in state and "_modules" in state:
        parts = (state["_parameters"], state.get("_buffers"), state["_modules"])
        return [*chain.from_iterable(_children(part) or [] for part in parts)]
    if value.kind.startswith(_SCRIPTED):
        return [*(state.items() if state else _children(value.state) or [])]
    if value.kind in ("collections.OrderedDict", "collections.defaultdict"):
        pairs = value.arguments[0] if value.arguments else ()
        first = [(pair[0], pair[1]) for pair in pairs] if isinstance(pairs, list | tuple) else []
        return [*first, *value.items.items()]
    found = [*value.items.items(), *enumerate(value.elements), *state.items()]
    return found or None


def _module(value: Value, described: Described) -> Callable[[_Leaf], _Leaf] | None:
    """Return what tells of a module's attributes what they are; None of what is no module."""
    state = value.state if isinstance(value, Record) and isinstance(value.state, dict) else {}
    if not isinstance(value, Record):
        return None
    if "_parameters" in state and "_modules" in state:
        kind = value.kind
        inner = _children(state.get("_buffers")) or []
        buffers, groups = frozenset(str(key) for key, _ in inner), state.get("groups", 1)
    elif value.kind.startswith(_SCRIPTED):
        kind = _MANGLED.sub("", value.kind.removeprefix(_SCRIPTED))
        buffers = described.buffers.get(value.kind, frozenset())
        groups = described.groups.get(value.kind, 1)
    else:
        return None
    return partial(_of_module, kind, buffers, groups if type(groups) is int and groups > 0 else 1)


def _of_module(kind: str, buffers: frozenset[str], groups: int, leaf: _Leaf) -> _Leaf:
    """Say of an attribute of a module what it is."""
    name, attribute = kind.rpartition(".")[2], leaf.path[-1]
    own = kind.startswith("torch.nn.") and attribute == "weight"
    if attribute in buffers:
        return replace(leaf, reason="a buffer of its module, not a parameter")
    if own and name in _EMBEDDINGS:
        return replace(leaf, reason="an embedding, by the type of its module")
    if own and _WEIGHTED.match(name):
        layout = "transposed" if "Transpose" in name else "torch"
        return replace(leaf, typed=True, layout=layout, groups=groups if "Conv" in name else 1)
    return leaf


def _is_array(value: Value) -> bool:
    return isinstance(value, Tensor | Array)


def _is_matrix(value: Value) -> bool:
    return isinstance(value, Tensor | Array) and len(value.shape) > 1


def _left_out(leaf: _Leaf, reason: str) -> Parameter:
    reason = messages.OPTIMISER if leaf.optimiser else reason
    return Parameter(leaf.name, leaf.value.shape, leaf.value.dtype, lambda: None, reason)


def _parameter(path: Path, leaf: _Leaf, name: str, load: Load) -> Parameter:
    value, reason = leaf.value, messages.OPTIMISER if leaf.optimiser else leaf.reason
    if isinstance(value, Array):
        if "O" in value.dtype or "V" in value.dtype:
            reason = "objects of Python, which are never read"
        read = partial(tensors.array_numbers, value)
        return Parameter(
            name, value.shape, _numpy_name(value.dtype), read, reason, leaf.typed, leaf.layout,
            leaf.groups,
        )  # fmt: skip
    if not isinstance(value, Tensor):
        kind = value.kind if isinstance(value, Record) else type(value).__name__
        return Parameter(name, (), "", lambda: None, reason or f"a {_words(kind)}, not a tensor")
    if tensors.repeats(value):
        stored = tensors.stored_bytes(value.storage)
        reason = f"shape {value.shape}: repeats the {stored} bytes that are stored"
    return Parameter(
        name,
        value.shape,
        value.dtype,
        partial(tensors.numbers, value, load),
        reason,
        leaf.typed,
        leaf.layout,
        leaf.groups,
        (str(path), *tensors.same_numbers(value)) if prod(value.shape) > 1 else None,
    )


_KINDS = {
    "torch._utils._rebuild_sparse_tensor": "sparse tensor",
    "torch._utils._rebuild_nested_tensor": "nested tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "tensor without numbers (meta)",
    "torch._utils._rebuild_wrapper_subclass": "tensor of another library's class",
}


def _words(kind: str) -> str:
    return _KINDS.get(kind, messages.short(kind))


def _numpy_name(dtype: str) -> str:
    import numpy as np

    return np.dtype(dtype).name
