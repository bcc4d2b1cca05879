"""Parameters of a network in memory, told apart by the types of its modules."""

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from weightlaws.external.parameters import Parameter

if TYPE_CHECKING:
    import torch
    from typing_extensions import TypeIs


@dataclass(frozen=True)
class _Type:
    """What the parameters of a module are: weights of some layout, or none for a reason."""

    weights: tuple[str, ...] = ()
    layout: str = "torch"
    reason: str | None = None


# What stands in the place of a weight that is pruned or normalised.
_PARTS = ("", "_orig", "_v", "_bar")
_IN_PROJECTION = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
_RECURRENT = ("weight_ih", "weight_hh", "weight_hr")


def _types() -> dict[type, _Type]:
    """Return what is known of torch's modules, the more special before the more general."""
    from torch import nn

    return {
        nn.Linear: _Type(("weight",)),
        nn.modules.conv._ConvTransposeNd: _Type(("weight",), "transposed"),
        nn.modules.conv._ConvNd: _Type(("weight",)),
        nn.MultiheadAttention: _Type(_IN_PROJECTION),
        nn.RNNBase: _Type(_RECURRENT),
        nn.RNNCellBase: _Type(_RECURRENT),
        nn.Embedding: _Type(reason="an embedding, by its type"),
        nn.EmbeddingBag: _Type(reason="an embedding, by its type"),
        nn.LayerNorm: _Type(reason="the scale of a norm, by its type"),
        nn.GroupNorm: _Type(reason="the scale of a norm, by its type"),
        nn.RMSNorm: _Type(reason="the scale of a norm, by its type"),
        nn.modules.batchnorm._NormBase: _Type(reason="the scale of a norm, by its type"),
        nn.Bilinear: _Type(reason="a bilinear form, which takes two inputs"),
    }


def is_module(source: object) -> "TypeIs[torch.nn.Module]":
    """Tell whether something is a module of torch, without importing it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)


def is_tensor(value: object) -> "TypeIs[torch.Tensor]":
    """Tell whether something is a tensor of torch, without importing it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


#: Why a tensor without numbers is left out.
META = "on the meta device, where there are no numbers"
_LAZY = "no numbers yet: its module is lazy, and has seen no input"


def parameters(model: "torch.nn.Module", *, headers_only: bool = False) -> list[Parameter]:
    """Return the parameters and buffers of a model, with what the types of modules say of them.

    A weight that is parametrised by ``torch.nn.utils.parametrize`` comes as the module computes it
    at evaluation. What is in modules of other types than torch's is left to its name.

    Parameters
    ----------
    headers_only
        Whether the numbers are not asked for, so that there need not be any.
    """
    import torch

    known, found = _known(model), dict[str, Parameter]()
    buffers = {name for name, _ in model.named_buffers(remove_duplicate=False)}
    for name, tensor in model.state_dict().items():
        stem, within, rest = name.rpartition("parametrizations.")
        if within:
            name = stem + rest.partition(".")[0]
            if name in found:
                continue
            tensor = _computed(model.get_submodule(stem[:-1]), name.removeprefix(stem))
        if not isinstance(tensor, torch.Tensor):  # what modules add to their state
            continue
        if torch.nn.parameter.is_lazy(tensor):
            found[name] = Parameter(name, (), "", lambda: None, _LAZY)
            continue
        parameter = of_tensor(name, tensor)
        kind, groups = known.get(name, (None, 1))
        if kind is not None:
            typed = kind.reason is None
            parameter = replace(
                parameter, typed=typed, layout=kind.layout, groups=groups, reason=kind.reason
            )
        elif name in buffers and tensor.is_floating_point():
            parameter = replace(parameter, reason="a buffer, which is not trained")
        if tensor.is_meta and not headers_only:
            parameter = replace(parameter, reason=META)
        found[name] = parameter
    return [*found.values()]


def of_tensor(name: str, tensor: "torch.Tensor") -> Parameter:
    """Return a tensor as a parameter, with what speaks against reading it as a weight."""
    import torch

    dtype, shape = str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)
    if tensor.layout != torch.strided:
        return Parameter(name, shape, dtype, tensor.detach, f"{tensor.layout}, not a dense tensor")
    if tensor.is_meta:
        return Parameter(name, shape, dtype, tensor.detach)
    storage = tensor.untyped_storage()
    reason = None
    if tensor.nbytes > storage.nbytes():
        reason = f"shape {shape}: repeats the {storage.nbytes()} bytes that are stored"
    axes = sorted(zip(tensor.stride(), shape, strict=True))  # alike for a matrix and its transpose
    same_as = (storage.data_ptr(), tensor.storage_offset(), dtype, *axes) if axes else None
    return Parameter(name, shape, dtype, tensor.detach, reason, same_as=same_as)


def _known(model: "torch.nn.Module") -> dict[str, tuple[_Type, int]]:
    """Return what types tell of parameters, by full name, with the groups of convolutions."""
    types, found = _types(), dict[str, tuple[_Type, int]]()
    for path, module in model.named_modules(remove_duplicate=False):
        kind = next((types[known] for known in types if isinstance(module, known)), None)
        if kind is None and type(module).__name__ == "Conv1D" and hasattr(module, "nf"):
            kind = _Type(("weight",), "in_out")  # of the package transformers
        if kind is None:
            continue
        groups = getattr(module, "groups", 1) if kind.weights == ("weight",) else 1
        names = {**module._parameters, **module._buffers}
        # A weight that is computed is none of the module's own parameters.
        names |= dict.fromkeys(getattr(module, "parametrizations", ()))
        for name in names:
            recurrent = kind.weights is _RECURRENT and name.startswith(_RECURRENT)
            weights = {weight + part for weight in kind.weights for part in _PARTS}
            if kind.reason is not None or recurrent or name in weights:
                found[f"{path}.{name}" if path else name] = kind, groups
    return found


def _computed(module: "torch.nn.Module", name: str) -> "torch.Tensor":
    """Compute a parametrised weight as at evaluation, and leave the module as it was."""
    import torch

    before = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        with torch.no_grad():
            found: torch.Tensor = getattr(module, name).detach().clone()
    finally:
        for part, training in before:
            part.training = training
    return found
