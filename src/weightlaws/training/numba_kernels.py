"""Compiled loops that train and evaluate one network, holding no lock of the interpreter.

Products of matrices are BLAS's, by way of `np.dot`. What depends on the recipe comes as an
argument: numba keeps compiled code beside this file and knows when this file changes, but not when
another one does.

Arrays: ``images`` uint8 or float32 (image, pixel), float32 ones as they are used; ``labels`` uint8
(image,); ``widths`` int64, of all layers of units from the input on; ``weights``, the moments and
gradients float32 (entry,), the matrices of all layers one after another, each (out, in), and then
all biases, where there are some; ``start`` float32 (image, class), the logits that centred ones
count from, empty where they are not centred; ``gates`` float32, the slopes of `GELU` at all units,
empty where nobody asks for them. Optimiser and activation are numbers, and each has a loop of its
own: no loop asks for them at every entry.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.base import BaseContext
from numba.core.typing.context import BaseContext as TypingContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from weightlaws.arrays import Bytes, Images, Integers, Singles

# Images that are asked for ahead of the one being read, and the bytes of a line of the cache.
_AHEAD, _CACHE_LINE = 4, 64
_SMALLEST_NORMAL = np.finfo(np.float32).smallest_normal

ADAM, SGD, ADAMW = range(3)
RELU, TANH, GELU = range(3)
_ROOT_OF_HALF, _DENSITY_AT_0 = 0.5**0.5, (2 * math.pi) ** -0.5

#: Where each layer's weights, its units' activations, and its biases start.
Places = tuple[Integers, Integers, Integers]

compiled = njit(nogil=True, cache=True, error_model="numpy")


@intrinsic
def _prefetch(
    _context: TypingContext, rows: types.Type, _row: types.Type
) -> tuple[Signature, Callable[..., ir.Value]]:
    """Ask the processor for a row of a contiguous array, which changes no number.

    A shuffle reads images all over the memory, and waiting for each would take longer than scaling
    it.
    """

    def generate(
        context: BaseContext,
        builder: ir.IRBuilder,
        signature: Signature,
        arguments: Sequence[ir.Value],
    ) -> ir.Value:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        length = builder.extract_value(array.strides, 0)
        data = builder.bitcast(array.data, ir.IntType(8).as_pointer())
        start = builder.gep(data, [builder.mul(arguments[1], length)])
        int32, step = ir.IntType(32), ir.Constant(length.type, _CACHE_LINE)
        prefetch = builder.module.declare_intrinsic(
            "llvm.prefetch",
            [start.type],
            ir.FunctionType(ir.VoidType(), [start.type, int32, int32, int32]),
        )
        for_reading, keep_near, as_data = int32(0), int32(2), int32(1)
        with cgutils.for_range_slice(
            builder, ir.Constant(length.type, 0), length, step, intp=length.type
        ) as (offset, _):
            builder.call(prefetch, [builder.gep(start, [offset]), for_reading, keep_near, as_data])
        return context.get_dummy_value()

    return types.void(rows, types.intp), generate


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _gather(images: Images, order: Integers, start: int, pixels: Singles) -> None:
    """Copy images from a place of the order on, bytes scaled from 0..255 to [-1, 1]."""
    scale, shift = np.float32(1), np.float32(0)
    if images.itemsize == 1:
        scale, shift = np.float32(1 / 127.5), np.float32(-1)
    for row in range(len(pixels)):
        place = start + row
        if place + _AHEAD < len(order):
            _prefetch(images, order[place + _AHEAD])  # type: ignore[call-arg, arg-type]
        image = images[order[place]]
        for k in range(len(image)):
            pixels[row, k] = np.float32(image[k]) * scale + shift


@compiled
def _ends(widths: Integers, rows: int) -> Places:
    """Where each layer's weights, its activations of so many images, and biases start and end."""
    weights, units = np.zeros(len(widths), np.int64), np.zeros(len(widths), np.int64)
    for layer in range(len(widths) - 1):
        weights[layer + 1] = weights[layer] + widths[layer] * widths[layer + 1]
        units[layer + 1] = units[layer] + rows * widths[layer + 1]
    biases = np.zeros(len(widths), np.int64)
    biases[0] = weights[-1]
    for layer in range(len(widths) - 1):
        biases[layer + 1] = biases[layer] + widths[layer + 1]
    return weights, units, biases


@compiled
def _matrix(entries: Singles, start: int, rows: int, columns: int) -> Singles:
    return entries[start : start + rows * columns].reshape(rows, columns)


@compiled
def _batch(rows: int, columns: int) -> Singles:
    """Memory for a batch that starts with a line of the cache; products read it so much faster."""
    values = np.empty(rows * columns + _CACHE_LINE // 4, np.float32)
    return _matrix(values, (-values.ctypes.data % _CACHE_LINE) // 4, rows, columns)


@compiled
def _add_to_rows(rows: Singles, added: Singles) -> None:
    for place in range(len(rows)):
        row = rows[place]
        for k in range(len(row)):
            row[k] += added[k]


@compiled
def _sum_rows(rows: Singles, total: Singles) -> None:
    total[:] = 0
    for place in range(len(rows)):
        row = rows[place]
        for k in range(len(row)):
            total[k] += row[k]


@compiled
def _activate(values: Singles, activation: int, gates: Singles) -> None:
    """Replace the inputs of units by their activations, and fill the gates that are asked for."""
    if activation == RELU:
        for k in range(len(values)):
            # Not max(), so that NaN stays NaN.
            values[k] = np.float32(0) if values[k] < 0 else values[k]
    elif activation == TANH:
        for k in range(len(values)):
            values[k] = np.tanh(values[k])
    else:
        half, one = np.float32(0.5), np.float32(1)
        for k in range(len(values)):
            value = values[k]
            share = half * (one + math.erf(value * np.float32(_ROOT_OF_HALF)))
            values[k] = value * share
            if len(gates) > 0:
                density = np.float32(_DENSITY_AT_0) * np.exp(-half * value * value)
                gates[k] = share + value * density


@compiled
def _forward(
    pixels: Singles,
    widths: Integers,
    ends: Places,
    weights: Singles,
    units: Singles,
    activation: int,
    gates: Singles,
) -> Singles:
    """Fill the activations of all layers, but for the logits, which stay; return the logits."""
    below = pixels
    for layer in range(len(widths) - 1):
        fan_in, fan_out = widths[layer], widths[layer + 1]
        here = _matrix(units, ends[1][layer], len(pixels), fan_out)
        np.dot(below, _matrix(weights, ends[0][layer], fan_out, fan_in).T, here)
        if len(weights) > ends[0][-1]:
            _add_to_rows(here, weights[ends[2][layer] : ends[2][layer + 1]])
        if layer < len(widths) - 2:
            _activate(here.reshape(-1), activation, gates[ends[1][layer] : ends[1][layer + 1]])
        below = here
    return below


@compiled
def _centre(logits: Singles, start: Singles, chosen: Integers, scale: float) -> None:
    """Subtract the logits of the chosen images at the start, and scale what is left."""
    for place in range(len(logits)):
        row, origin = logits[place], start[chosen[place]]
        for k in range(len(row)):
            row[k] = np.float32(scale) * (row[k] - origin[k])


@compiled
def _cross_entropy(logits: Singles, labels: Bytes, chosen: Integers, scale: float) -> float:
    """Replace logits by the gradient of their mean loss, times a scale; return the loss."""
    loss = 0.0
    share = np.float32(scale / len(logits))
    for place in range(len(logits)):
        row, label = logits[place], labels[chosen[place]]
        top = row[0]
        for k in range(1, len(row)):
            top = row[k] if row[k] > top else top
        right, total = row[label] - top, np.float32(0)
        for k in range(len(row)):
            row[k] = np.exp(row[k] - top)
            total += row[k]
        loss += np.log(total) - right
        for k in range(len(row)):
            row[k] *= share / total
        row[label] -= share
    return loss / len(logits)


@compiled
def _backward(
    pixels: Singles,
    widths: Integers,
    ends: Places,
    weights: Singles,
    units: Singles,
    activation: int,
    gates: Singles,
    slopes: Singles,
    gradient: Singles,
) -> None:
    """Fill the gradient, from activations whose logits hold the gradient of the loss."""
    last, rows = len(widths) - 2, len(pixels)
    above = _matrix(units, ends[1][last], rows, widths[last + 1])
    for layer in range(last, 0, -1):
        fan_in, fan_out = widths[layer], widths[layer + 1]
        below = _matrix(units, ends[1][layer - 1], rows, fan_in)
        np.dot(above.T, below, _matrix(gradient, ends[0][layer], fan_out, fan_in))
        here = _matrix(slopes, ends[1][layer - 1], rows, fan_in)
        np.dot(above, _matrix(weights, ends[0][layer], fan_out, fan_in), here)
        if len(gradient) > ends[0][-1]:
            _sum_rows(above, gradient[ends[2][layer] : ends[2][layer + 1]])
        passed, flat = below.reshape(-1), here.reshape(-1)
        if activation == RELU:
            for k in range(len(flat)):
                flat[k] = flat[k] if passed[k] > 0 else np.float32(0)
        elif activation == TANH:
            for k in range(len(flat)):
                flat[k] *= np.float32(1) - passed[k] * passed[k]
        else:
            gate = gates[ends[1][layer - 1] : ends[1][layer]]
            for k in range(len(flat)):
                flat[k] *= gate[k]
        above = here
    if len(gradient) > ends[0][-1]:
        _sum_rows(above, gradient[ends[2][0] : ends[2][1]])
    np.dot(above.T, pixels, _matrix(gradient, 0, widths[1], widths[0]))


@compiled
def _decay(weights: Singles, share: float) -> None:
    """Take a share off all weights: the decoupled decay of AdamW (arXiv:1711.05101)."""
    kept = np.float32(1 - share)
    for k in range(len(weights)):
        weights[k] *= kept


@compiled
def descend(
    weights: Singles,
    gradient: Singles,
    velocity: Singles,
    learning_rate: float,
    weight_decay: float,
    momentum: float,
) -> None:
    """Take one step of gradient descent with momentum, with decay added to the gradient.

    The velocity is 0 before the first step, so that this is along the gradient. Velocities too
    small to be normal numbers become 0; see `adam`.
    """
    rate, decay = np.float32(learning_rate), np.float32(weight_decay)
    kept, tiny, zero = np.float32(momentum), np.float32(_SMALLEST_NORMAL), np.float32(0)
    for k in range(len(weights)):
        speed = kept * velocity[k] + (gradient[k] + decay * weights[k])
        speed = zero if abs(speed) < tiny else speed
        velocity[k] = speed
        weights[k] -= rate * speed


@compiled
def adam(
    weights: Singles,
    gradient: Singles,
    first: Singles,
    second: Singles,
    step: int,
    learning_rate: float,
    weight_decay: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Take one step of Adam, with weight decay added to the gradient (arXiv:1412.6980).

    Moments too small to be normal numbers become 0. They move no weight, but stay what they are
    (a tenth of the smallest number rounds to 0), and processors are slow at them: units that no
    image wakes any more would double the time of training.
    """
    root = np.sqrt(1 - beta_2**step)
    rate = np.float32(learning_rate * root / (1 - beta_1**step))
    offset, decay = np.float32(epsilon * root), np.float32(weight_decay)
    new_1, old_2, new_2 = np.float32(1 - beta_1), np.float32(beta_2), np.float32(1 - beta_2)
    tiny, zero = np.float32(_SMALLEST_NORMAL), np.float32(0)
    for k in range(len(weights)):
        slope = gradient[k] + decay * weights[k]
        mean = first[k] + new_1 * (slope - first[k])
        square = old_2 * second[k] + new_2 * (slope * slope)
        mean = zero if abs(mean) < tiny else mean
        square = zero if square < tiny else square
        first[k], second[k] = mean, square
        weights[k] -= rate * mean / (np.sqrt(square) + offset)


@compiled
def train_epoch(
    images: Images,
    labels: Bytes,
    order: Integers,
    widths: Integers,
    weights: Singles,
    first: Singles,
    second: Singles,
    steps: int,
    start: Singles,
    scale: float,
    batch_size: int,
    optimiser: int,
    activation: int,
    learning_rate: float,
    weight_decay: float,
    momentum: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> float:
    """Train one network on the images in this order; return the mean of the batches' losses.

    Logits that are not centred have the scale 1. Gradient descent has its velocity in ``first``.
    """
    rows = min(batch_size, len(order))
    ends = _ends(widths, rows)
    pixels = _batch(rows, widths[0])
    units, slopes = np.empty(ends[1][-1], np.float32), np.empty(ends[1][-1], np.float32)
    gates = np.empty(ends[1][-1] if activation == GELU else 0, np.float32)
    gradient = np.empty_like(weights)
    loss, batches = 0.0, 0
    for first_row in range(0, len(order), rows):
        chosen = order[first_row : first_row + rows]
        batch = pixels[: len(chosen)]
        _gather(images, order, first_row, batch)
        logits = _forward(batch, widths, ends, weights, units, activation, gates)
        if len(start) > 0:
            _centre(logits, start, chosen, scale)
        loss += _cross_entropy(logits, labels, chosen, scale)
        batches += 1
        _backward(batch, widths, ends, weights, units, activation, gates, slopes, gradient)
        if optimiser == SGD:
            descend(weights, gradient, first, learning_rate, weight_decay, momentum)
            continue
        if optimiser == ADAMW and weight_decay > 0:
            _decay(weights, learning_rate * weight_decay)
        adam(
            weights,
            gradient,
            first,
            second,
            steps + batches,
            learning_rate,
            weight_decay if optimiser == ADAM else 0.0,
            beta_1,
            beta_2,
            epsilon,
        )
    return loss / batches


@compiled
def assess(
    images: Images,
    labels: Bytes,
    widths: Integers,
    weights: Singles,
    activation: int,
    start: Singles,
    block: int,
) -> tuple[int, bool]:
    """Count the images classified rightly, and tell whether all logits of all of them are 0.

    Where there is a start, centred logits classify; those that are 0 are the network's own.
    """
    ends = _ends(widths, block)
    pixels = _batch(block, widths[0])
    units, no_gates = np.empty(ends[1][-1], np.float32), np.empty(0, np.float32)
    right, dead, order = 0, True, np.arange(len(images))
    for first_row in range(0, len(images), block):
        chosen = order[first_row : first_row + block]
        batch = pixels[: len(chosen)]
        _gather(images, order, first_row, batch)
        logits = _forward(batch, widths, ends, weights, units, activation, no_gates)
        for place in range(len(batch)):
            dead = dead and bool(np.all(logits[place] == 0))
        if len(start) > 0:
            _centre(logits, start, chosen, 1.0)  # a scale would not change their order
        for place in range(len(batch)):
            right += np.argmax(logits[place]) == labels[chosen[place]]
    return right, dead


@compiled
def outputs(
    images: Images, widths: Integers, weights: Singles, activation: int, block: int
) -> Singles:
    """Return one network's logits (image, class), which round as those that it evaluates do."""
    ends = _ends(widths, block)
    pixels = _batch(block, widths[0])
    units, no_gates = np.empty(ends[1][-1], np.float32), np.empty(0, np.float32)
    found = np.empty((len(images), widths[-1]), np.float32)
    order = np.arange(len(images))
    for first_row in range(0, len(images), block):
        batch = pixels[: min(block, len(images) - first_row)]
        _gather(images, order, first_row, batch)
        logits = _forward(batch, widths, ends, weights, units, activation, no_gates)
        # Not by slices, which take numba 30 MB more to compile.
        for place in range(len(batch)):
            for k in range(widths[-1]):
                found[first_row + place, k] = logits[place, k]
    return found
