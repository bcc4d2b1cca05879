"""Quantised weights whose scales are stored beside them, and what they stand for.

================== ============================== ==================================================
layout             stored for a layer             a weight
================== ============================== ==================================================
scaled fp8, int8   ``weight``, ``weight_scale``   weight x scale: one for all, a row, a block of
                   or ``weight_scale_inv``, or    columns, or 128 x 128 weights; the name
                   ``scale_weight``               ``_inv`` notwithstanding, as published
bitsandbytes int8  ``weight``, ``SCB``            weight x SCB / 127, of rows
bitsandbytes 4-bit ``weight``, ``.absmax``,       table[code] x absmax, of blocks of the flattened
                   ``.quant_map``,                weights; absmax can be quantised in its turn
                   ``.quant_state...``
GPTQ               ``qweight``, ``qzeros``,       (code - zero - 1) x scale, of groups of inputs;
                   ``scales``, ``g_idx``          zeros are stored less one
AWQ                the same without ``g_idx``     (code - zero) x scale, with eight columns in the
                                                  order 0 2 4 6 1 3 5 7 in a number
MLX                ``weight`` (uint32),           code x scale + bias, of groups of inputs
                   ``scales``, ``biases``
compressed-tensors ``weight_packed``,             (code - 8) x scale, of groups of inputs
                   ``weight_scale``,
                   ``weight_shape``
MXFP4              ``..._blocks``, ``..._scales`` table[code] x 2^(scale - 127), of 32 inputs
PyTorch            ``weight`` (qint8)             as PyTorch dequantises it
================== ============================== ==================================================

Any other layout of integers is left out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from weightlaws.external.combined import Combinations, Combined
from weightlaws.external.numbers import Matrix, floats, integers
from weightlaws.external.parameters import Parameter

_TYPES = ("int8", "uint8", "int32", "uint32", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu")
_TORCH = ("qint8", "quint8", "qint32")
#: How many weights a stored number of a type has room for, at 4 bits each.
PACKED = {"uint8": 2, "int32": 8, "uint32": 8}

Codes = npt.NDArray[Any]
Stored = Mapping[str, Parameter]


def combinations(parameters: Stored) -> Combinations:
    """Find the quantised weights of a network, with what they are scaled by."""
    weights: list[Combined] = []
    refused: dict[str, str] = {}
    for name, parameter in parameters.items():
        if parameter.reason is not None or not parameter.shape:
            continue
        if parameter.dtype in _TORCH:
            read = partial(_dequantised_by_torch, parameter)
            weights.append(_combined(name, (parameter,), parameter.shape, read))
            continue
        stem, _, last = name.rpartition(".")
        quantised = parameter.dtype in _TYPES and (
            last in ("weight", "qweight", "weight_packed", "W_q") or last.endswith("_blocks")
        )
        if not quantised and not parameter.dtype.startswith("float8"):
            continue
        made = next(filter(None, (make(stem, last, parameters) for make in _MAKE)), None)
        if made is not None:
            weights.append(made)
        elif last not in ("weight_scale", "weight_scale_inv", "scales"):
            refused[name] = f"{parameter.dtype}: quantised weights, in no layout that is read"
    return Combinations(tuple(weights), refused)


def _dequantised_by_torch(parameter: Parameter) -> Matrix:
    return floats(parameter.read())


def _combined(
    name: str,
    parts: tuple[Parameter, ...],
    shape: tuple[int, ...],
    read: Callable[[], Matrix],
    how: str = "",
) -> Combined:
    weight = replace(parts[0], name=name, shape=shape, dtype="float32", read=read, same_as=None)
    note = f"dequantised from {how or parts[0].dtype}: level statistics are of rounded weights"
    return Combined(weight, tuple(part.name for part in parts), (note,))


def _beside(stem: str, name: str) -> str:
    return f"{stem}.{name}" if stem else name


def _found(parameters: Stored, stem: str, *names: str) -> Parameter | None:
    """Return the first parameter of these names that a module has."""
    return next(
        (parameters[key] for name in names if (key := _beside(stem, name)) in parameters), None
    )


def _spread(scale: npt.NDArray[Any], n: int, axis: int) -> npt.NDArray[Any] | None:
    """Repeat scales along an axis for n numbers: one for all, for each, for 128, for a group."""
    count = scale.shape[axis]
    if count in (1, n):
        return scale
    if count == -(-n // 128):
        repeated = np.repeat(scale, 128, axis)
        return repeated[:n] if axis == 0 else repeated[:, :n]
    return np.repeat(scale, n // count, axis) if n % count == 0 else None


def _scaled(stem: str, last: str, parameters: Stored) -> Combined | None:
    weight = parameters[_beside(stem, last)]
    scale = _found(parameters, stem, "weight_scale", "weight_scale_inv", "scale_weight")
    narrow = weight.dtype == "int8" or weight.dtype.startswith("float8_e")
    if last != "weight" or not narrow or scale is None or len(weight.shape) != 2:
        return None
    zero = _found(parameters, stem, "weight_zero_point")
    rows = weight.shape[0]
    shapes = [part.shape for part in (scale, zero) if part is not None]
    for shape in shapes:
        if len(shape) > 2 or (len(shape) == 1 and shape[0] not in (1, rows)):
            return None
        blocks = np.empty(_as_matrix(shape), np.bool_)
        if any(_spread(blocks, n, k) is None for k, n in enumerate(weight.shape)):
            return None

    def spread(part: Parameter) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = floats(part.read()).reshape(_as_matrix(part.shape))
        for axis, n in enumerate(weight.shape):
            repeated = _spread(found, n, axis)
            assert repeated is not None  # by the shapes, looked at above
            found = repeated
        return found

    def read() -> Matrix:
        values = floats(weight.read())
        values = values if zero is None else values - spread(zero)
        return np.asarray(values * spread(scale), np.float32)

    parts = (weight, scale) if zero is None else (weight, scale, zero)
    return _combined(weight.name, parts, weight.shape, read)


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the shape of scales with two axes: for all weights, for rows, for blocks."""
    rows, columns = (*shape, 1, 1)[:2]
    return rows, columns


def _bitsandbytes_int8(stem: str, last: str, parameters: Stored) -> Combined | None:
    weight, scale = parameters[_beside(stem, last)], _found(parameters, stem, "SCB", "weight.SCB")
    if weight.dtype != "int8" or scale is None or scale.shape != weight.shape[:1]:
        return None
    order = _found(parameters, stem, "weight_format")
    # 0 says that rows follow each other, as they do in all new files; others are in tiles.
    if order is not None and integers(order.read()).any():
        return None

    def read() -> Matrix:
        factors = floats(scale.read())[:, None] / np.float32(127)
        return np.asarray(floats(weight.read()) * factors, np.float32)

    parts = (weight, scale) if order is None else (weight, scale, order)
    return _combined(weight.name, parts, weight.shape, read)


def _bitsandbytes_4bit(stem: str, last: str, parameters: Stored) -> Combined | None:
    name = _beside(stem, last)
    weight, of_weight = parameters[name], f"{name}."
    stored = {
        key.removeprefix(of_weight): part
        for key, part in parameters.items()
        if key.startswith(of_weight)
    }
    states = [key for key in stored if key.startswith("quant_state.bitsandbytes__")]
    if weight.dtype != "uint8" or not states or not {"absmax", "quant_map"} <= {*stored}:
        return None
    try:
        state: dict[str, Any] = json.loads(integers(stored[states[0]].read()).tobytes())
        shape, size = tuple(map(int, state["shape"])), int(state["blocksize"])
        nested = "nested_absmax" in stored
        offset = float(state["nested_offset"]) if nested else 0.0
        nested_size = int(state["nested_blocksize"]) if nested else 1
    except (ValueError, KeyError, TypeError):
        return None
    if prod(shape) != 2 * prod(weight.shape) or size < 1 or nested_size < 1:
        return None

    def read() -> Matrix:
        factors = stored["absmax"].read()
        if nested:
            inner = floats(stored["nested_quant_map"].read())[integers(factors)]
            outer = np.repeat(floats(stored["nested_absmax"].read()), nested_size)
            factors = inner * outer[: len(inner)] + np.float32(offset)
        codes = _nibbles(integers(weight.read()).ravel(), high_first=True)
        values = floats(stored["quant_map"].read())[codes]
        each = np.repeat(np.asarray(factors, np.float32), size)[: len(values)]
        return np.asarray(values * each, np.float32).reshape(shape)

    parts = (weight, *(part for key, part in stored.items() if key != ""))
    return _combined(name, parts, shape, read, "4 bits")


def _nibbles(codes: Codes, *, high_first: bool = False) -> npt.NDArray[np.uint8]:
    """Split bytes into 4-bit numbers, along the last axis."""
    wide = codes.astype(np.uint8)
    halves = (wide >> 4, wide & 15) if high_first else (wide & 15, wide >> 4)
    return np.stack(halves, axis=-1).reshape(*codes.shape[:-1], -1)


def _unpacked(codes: Codes, bits: int) -> npt.NDArray[np.int32]:
    """Split 32-bit numbers into those of some bits, the lowest first, along the last axis."""
    words = np.ascontiguousarray(codes).view(np.uint32)
    if 32 % bits:  # numbers that cross words
        flat = words.view(np.uint8).reshape(*words.shape[:-1], -1)
        single = np.unpackbits(flat, axis=-1, bitorder="little")
        single = single.reshape(*words.shape[:-1], -1, bits)
        return np.asarray(single @ (1 << np.arange(bits)), np.int32)
    shifts = np.arange(0, 32, bits, dtype=np.uint32)
    found = (words[..., None] >> shifts) & np.uint32(2**bits - 1)
    return found.reshape(*codes.shape[:-1], -1).astype(np.int32)


def _gptq(stem: str, last: str, parameters: Stored) -> Combined | None:
    weight, scales = parameters[_beside(stem, last)], _found(parameters, stem, "scales")
    zeros, order = _found(parameters, stem, "qzeros"), _found(parameters, stem, "g_idx")
    if last != "qweight" or scales is None or zeros is None or len(weight.shape) != 2:
        return None
    groups, out = scales.shape if len(scales.shape) == 2 else (0, 0)
    if weight.shape[1] != out or not groups or zeros.shape[0] != groups:
        return None
    bits, rest = divmod(32 * zeros.shape[1], out)
    n_inputs = weight.shape[0] * 32 // bits if bits in (2, 4, 8) else 0
    if rest or not n_inputs or n_inputs % groups:
        return None
    stored = _unpacked(integers(zeros.read()), bits)
    # One version stores zeros less one, the other as they are. Files of symmetric codes tell
    # which: theirs are half of all codes, everywhere.
    if (stored == 2 ** (bits - 1) - 1).all():
        less = 1
    elif (stored == 2 ** (bits - 1)).all():
        less = 0
    else:
        return None

    def read() -> Matrix:
        codes = _unpacked(np.ascontiguousarray(integers(weight.read()).T), bits)
        group = np.arange(n_inputs) // (n_inputs // groups)
        group = group if order is None else integers(order.read()).astype(np.intp)
        factors, offsets = floats(scales.read()).T[:, group], stored.T[:, group] + less
        return np.asarray((codes - offsets) * factors, np.float32)

    parts = tuple(part for part in (weight, scales, zeros, order) if part is not None)
    return _combined(_beside(stem, "weight"), parts, (out, n_inputs), read, f"{bits} bits")


# The place of each of eight columns in a packed number.
_AWQ = [0, 4, 1, 5, 2, 6, 3, 7]


def _awq(stem: str, last: str, parameters: Stored) -> Combined | None:
    weight, scales = parameters[_beside(stem, last)], _found(parameters, stem, "scales")
    zeros = _found(parameters, stem, "qzeros")
    if last != "qweight" or scales is None or zeros is None or len(weight.shape) != 2:
        return None
    groups, out = scales.shape if len(scales.shape) == 2 else (0, 0)
    n_inputs, packed = weight.shape
    if packed * 8 != out or zeros.shape != (groups, packed) or n_inputs % groups:
        return None

    def columns(part: Parameter) -> npt.NDArray[np.int32]:
        codes = _unpacked(integers(part.read()), 4)
        return codes.reshape(len(codes), -1, 8)[:, :, _AWQ].reshape(len(codes), out)

    def read() -> Matrix:
        group = np.arange(n_inputs) // (n_inputs // groups)
        found = (columns(weight) - columns(zeros)[group]) * floats(scales.read())[group]
        return np.ascontiguousarray(found.T, np.float32)

    parts = weight, scales, zeros
    return _combined(_beside(stem, "weight"), parts, (out, n_inputs), read, "4 bits")


def _mlx(stem: str, last: str, parameters: Stored) -> Combined | None:
    weight, scales = parameters[_beside(stem, last)], _found(parameters, stem, "scales")
    biases = _found(parameters, stem, "biases")
    if weight.dtype != "uint32" or scales is None or biases is None or len(weight.shape) != 2:
        return None
    rows, packed = weight.shape
    if scales.shape != biases.shape or len(scales.shape) != 2 or scales.shape[0] != rows:
        return None
    # A group has 32, 64 or 128 columns. The file has their product with the bits alone; where
    # several fit, the usual 64 are taken.
    in_group, rest = divmod(32 * packed, scales.shape[1])
    fitting = [
        (size, in_group // size)
        for size in (64, 32, 128)
        if in_group % size == 0 and in_group // size in (2, 3, 4, 5, 6, 8)
    ]
    if rest or not fitting or (len(fitting) > 1 and fitting[0][0] != 64):
        return None
    size, bits = fitting[0]
    n_inputs = size * scales.shape[1]

    def read() -> Matrix:
        codes = _unpacked(integers(weight.read()), bits).reshape(rows, -1, size)
        found = codes * floats(scales.read())[..., None] + floats(biases.read())[..., None]
        return np.asarray(found, np.float32).reshape(rows, n_inputs)

    sure = "" if len(fitting) == 1 else ", taken as the usual ones: the file does not say it"
    how = f"{bits} bits in groups of {size} columns{sure}"
    return _combined(weight.name, (weight, scales, biases), (rows, n_inputs), read, how)


def _compressed(stem: str, last: str, parameters: Stored) -> Combined | None:
    weight, scale = parameters[_beside(stem, last)], _found(parameters, stem, "weight_scale")
    shape_part = _found(parameters, stem, "weight_shape")
    zero = _found(parameters, stem, "weight_zero_point")
    if last != "weight_packed" or scale is None or shape_part is None or zero is not None:
        return None
    shape = tuple(integers(shape_part.read()).ravel().tolist())
    if len(shape) != 2 or weight.shape != (shape[0], -(-shape[1] // 8)):
        return None
    rows, n_inputs = shape
    if len(scale.shape) != 2 or scale.shape[0] not in (1, rows) or n_inputs % scale.shape[1]:
        return None

    def read() -> Matrix:
        codes = _unpacked(integers(weight.read()), 4)[:, :n_inputs]
        factors: Codes = np.repeat(floats(scale.read()), n_inputs // scale.shape[1], axis=1)
        return np.asarray((codes - 8) * factors, np.float32)

    parts = weight, scale, shape_part
    return _combined(_beside(stem, "weight"), parts, (rows, n_inputs), read, "4 bits")


# Numbers of one sign, exponents of two bits and one bit behind the point.
_E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)


def _mxfp4(stem: str, last: str, parameters: Stored) -> Combined | None:
    weight = parameters[_beside(stem, last)]
    scales = _found(parameters, stem, f"{last.removesuffix('_blocks')}_scales")
    if not last.endswith("_blocks") or weight.dtype != "uint8" or scales is None:
        return None
    if weight.shape[-1] != 16 or weight.shape[:-1] != scales.shape or scales.dtype != "uint8":
        return None
    shape = (*scales.shape[:-1], 32 * scales.shape[-1])

    def read() -> Matrix:
        values = np.concatenate([_E2M1, -_E2M1])[_nibbles(integers(weight.read()))]
        exponents = integers(scales.read()).astype(np.int32) - 127
        return np.asarray(np.ldexp(values, exponents[..., None]), np.float32).reshape(shape)

    parts = weight, scales
    return _combined(_beside(stem, last.removesuffix("_blocks")), parts, shape, read, "4 bits")


_MAKE = (_scaled, _bitsandbytes_int8, _bitsandbytes_4bit, _gptq, _awq, _mlx, _compressed, _mxfp4)
