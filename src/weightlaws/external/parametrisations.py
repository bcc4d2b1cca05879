"""Weights that a network computes from several parameters: pruned and normalised ones.

================ ======================================== ==========================================
parametrisation  stored                                   the weight
================ ======================================== ==========================================
pruning          ``weight_orig``, ``weight_mask``         their product
weight norm      ``weight_g``, ``weight_v``, or           v scaled so that each slice has the norm
                 ``original0``, ``original1``             in g; slices go by the axes where g has 1
spectral norm    ``weight_orig``, ``weight_u``,           weight / (u W v), W the weight as a matrix
                 ``weight_v``, or ``original``, ``0._u``,
                 ``0._v``
================ ======================================== ==========================================

What else ``torch.nn.utils.parametrize`` stores does not tell what is computed from it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from weightlaws.arrays import Floats
from weightlaws.external.combined import Combinations, Combined
from weightlaws.external.numbers import Matrix, floats
from weightlaws.external.parameters import Parameter

Parts = tuple[Parameter, ...]


def combinations(parameters: Mapping[str, Parameter]) -> Combinations:
    """Find the weights of a network that are computed from several of its parameters."""
    weights: list[Combined] = []
    refused: dict[str, str] = {}
    for name, stored in _groups(parameters).items():
        by_role = {role: parameters[part] for role, part in stored.items()}
        made = next(filter(None, (make(name, by_role) for make in _MAKE)), None)
        if made is not None:
            weights.append(made)
            continue
        roles = ", ".join(sorted(stored))
        reason = f"a part of a parametrised weight that cannot be computed ({roles} are stored)"
        refused |= dict.fromkeys(stored.values(), reason)
    return Combinations(tuple(weights), refused)


_NEW = re.compile(r"((?:.*\.)?)parametrizations\.([^.]+)\.(.+)")
_OLD = re.compile(r"(.*)_(orig|mask|g|v|u|bar)")
# What a name must end in to be a part of a parametrisation, and what must then stand beside it.
_BESIDE = {"orig": ("mask", "u"), "bar": ("u",), "g": ("v",)}


def _groups(parameters: Mapping[str, Parameter]) -> dict[str, dict[str, str]]:
    """Return what belongs together: by the weight's name the stored names by their roles."""
    groups: dict[str, dict[str, str]] = {}
    for name in parameters:
        if found := _NEW.fullmatch(name):
            groups.setdefault(found[1] + found[2], {})[found[3]] = name
        elif found := _OLD.fullmatch(name):
            weight, role = found[1], found[2]
            alone = role in ("orig", "bar") and weight.endswith("weight")
            if alone or any(f"{weight}_{other}" in parameters for other in _BESIDE.get(role, ())):
                roles = ("orig", "mask", "g", "v", "u", "bar")
                stored = {r: f"{weight}_{r}" for r in roles if f"{weight}_{r}" in parameters}
                groups.setdefault(weight, stored)
    # Two matrices called g and v need not be those of a weight norm.
    return {
        name: stored
        for name, stored in groups.items()
        if {*stored} != {"g", "v"} or _is_norm(parameters[stored["g"]], parameters[stored["v"]])
    }


def _combined(
    name: str, parts: Parts, compute: Callable[..., Floats], weight: Parameter, note: str
) -> Combined:
    """Return a weight that is computed from numbers of its parts, in float64."""

    def read() -> Matrix:
        found = compute(*(np.asarray(floats(part.read()), np.float64) for part in parts))
        return found if weight.dtype == "float64" else found.astype(np.float32)

    effective = replace(weight, name=name, read=read, reason=None, same_as=None)
    return Combined(effective, tuple(part.name for part in parts), (note,))


def _pruned(name: str, stored: Mapping[str, Parameter]) -> Combined | None:
    if {*stored} != {"orig", "mask"} or stored["orig"].shape != stored["mask"].shape:
        return None
    parts = stored["orig"], stored["mask"]
    return _combined(name, parts, np.multiply, parts[0], "pruned: the weight times its mask")


def _is_norm(g: Parameter, v: Parameter) -> bool:
    """Tell whether g has one number for all of v, or for each slice along one axis."""
    if g.shape in ((), (1,)):
        return True
    along = [axis for axis, n in enumerate(g.shape) if n > 1]
    fits = len(g.shape) == len(v.shape) and all(g.shape[axis] == v.shape[axis] for axis in along)
    return fits and len(along) <= 1 < len(v.shape)


def _weight_norm(name: str, stored: Mapping[str, Parameter]) -> Combined | None:
    if {*stored} == {"g", "v"}:
        g, v = stored["g"], stored["v"]
    elif {*stored} == {"original0", "original1"}:
        g, v = stored["original0"], stored["original1"]
    else:
        return None
    return _combined(name, (g, v), _scaled, v, "weight norm") if _is_norm(g, v) else None


def _scaled(g: Floats, v: Floats) -> Floats:
    """Scale slices of v to the norms in g; those of zeros stay zeros."""
    sliced = g.ndim == v.ndim
    axes = tuple(axis for axis in range(v.ndim) if not sliced or g.shape[axis] == 1)
    norm = np.sqrt((v * v).sum(axis=axes, keepdims=True))
    g = g if sliced else g.reshape((1,) * v.ndim)
    return np.asarray(v * np.divide(g, norm, out=np.zeros_like(norm + g), where=norm > 0))


_SPECTRAL = (
    ("orig", "u", "v"),
    ("bar", "u", "v"),
    ("original", "0._u", "0._v"),
)


def _spectral_norm(name: str, stored: Mapping[str, Parameter]) -> Combined | None:
    roles = next((roles for roles in _SPECTRAL if {*roles} == {*stored}), None)
    if roles is None:
        return None
    weight, u, v = (stored[role] for role in roles)
    sides = [
        axis
        for axis in range(min(2, len(weight.shape)))
        if u.shape == (weight.shape[axis],)
        and v.shape == (prod(weight.shape) // weight.shape[axis],)
    ]
    if not sides or not prod(weight.shape):
        return None
    compute = partial(_divided, sides)
    return _combined(name, (weight, u, v), compute, weight, "spectral norm, as at evaluation")


def _divided(sides: list[int], weight: Floats, u: Floats, v: Floats) -> Floats:
    """Divide a weight by u W v, with the axis that u belongs to first in W.

    It is the first, but of transposed convolutions the second. Where both are of one length, it is
    the one with the larger u W v, as u and v come from iterations towards the largest.
    """
    norms = (u @ np.moveaxis(weight, side, 0).reshape(len(u), -1) @ v for side in sides)
    with np.errstate(divide="ignore", invalid="ignore"):  # as the network does
        return np.asarray(weight / max(norms, key=abs))


_MAKE = (_pruned, _weight_norm, _spectral_norm)
