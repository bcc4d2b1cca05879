"""The torch engine's work on a device: it trains and assesses chunks of stacked networks.

Weights of a layer are (member, out, in), biases (member, out). The host launches the device's work,
and none of these functions waits for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from weightlaws.training.engine import Activation

_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
}


@dataclass(frozen=True)
class Images:
    """Images on the device: pixels uint8 or float32 (image, pixel), labels int64 (image,)."""

    pixels: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Centre:
    """The scale of centred logits, and what they count from: those at the start.

    These are (member, image, class), on training and on test images.
    """

    scale: float
    train: Tensor
    test: Tensor

    def centred(self, logits: Tensor, batch: Tensor) -> Tensor:
        """Centre and scale logits (member, class, image) on training images (member, image)."""
        places = batch.long()[..., None].expand(-1, -1, logits.shape[1])
        return self.scale * (logits - self.train.gather(1, places).mT)


@dataclass(frozen=True)
class Stack:
    """Networks: weights and biases by layer, of which there may be none, and the activation."""

    layers: list[Tensor]
    biases: list[Tensor]
    activation: Activation

    @property
    def parameters(self) -> list[Tensor]:
        """All weights, and then all biases."""
        return [*self.layers, *self.biases]


@dataclass(frozen=True)
class Chunk:
    """Members that train together: their places in the shard, networks, optimiser."""

    members: slice
    stack: Stack
    optimiser: torch.optim.Optimizer
    centre: Centre | None


def train(chunk: Chunk, images: Images, orders: Tensor, batch_size: int) -> Tensor:
    """Train a chunk for an epoch in these orders (member, image); return its mean batch losses."""
    batches = orders.to(images.pixels.device, non_blocking=True).split(batch_size, dim=1)
    total = torch.zeros(len(orders), dtype=torch.float64, device=images.pixels.device)
    # One place for all batches: on the CPU, fresh memory of this size is slow.
    size = batches[0].numel(), images.pixels.shape[1]
    space = images.pixels.new_empty(size, dtype=torch.float32)
    for batch in batches:
        chosen = batch.flatten()
        pixels = scale_pixels(images.pixels.index_select(0, chosen), space[: len(chosen)])
        labels = images.labels.index_select(0, chosen).view(batch.shape)
        logits = forward(chunk.stack, pixels.view(*batch.shape, -1))
        if chunk.centre is not None:
            logits = chunk.centre.centred(logits, batch)
        losses = functional.cross_entropy(logits, labels, reduction="none").mean(dim=1)
        losses.sum().backward()
        chunk.optimiser.step()
        chunk.optimiser.zero_grad()
        total += losses.detach()
    return total / len(batches)


def scale_pixels(pixels: Tensor, into: Tensor) -> Tensor:
    """Write bytes p as (p / 255 - 0.5) / 0.5, which is in [-1, 1], with the published rounding.

    Single precision stays as it is. Products with powers of 2 are exact, and so p / 127.5 - 1 is
    the same. The divisor is a tensor: CUDA divides by a number by multiplying with its rounded
    inverse.
    """
    if pixels.dtype == torch.float32:
        return into.copy_(pixels)
    return into.copy_(pixels).div_(into.new_full((), 127.5)).sub_(1)


def forward(stack: Stack, images: Tensor) -> Tensor:
    """Logits (member, class, image) on images (member, image, pixel) or, for all, (image, pixel).

    With images last, the gradients come out laid out as the weights are.
    """
    activate = _ACTIVATIONS[stack.activation]
    values = torch.matmul(stack.layers[0], images.mT)
    for place, weights in enumerate(stack.layers):
        if place > 0:
            values = torch.bmm(weights, activate(values))
        if stack.biases:
            values = values.add_(stack.biases[place][..., None])
    return values


def _blocks(stack: Stack, images: Images, at_once: int) -> Iterator[tuple[slice, Tensor]]:
    """Logits (member, class, image) on so many images at once, and which they are."""
    for first in range(0, len(images.labels), at_once):
        block = slice(first, first + at_once)
        pixels = images.pixels[block]
        scaled = scale_pixels(pixels, torch.empty_like(pixels, dtype=torch.float32))
        yield block, forward(stack, scaled)


@torch.no_grad()
def all_logits(stack: Stack, images: Images, at_once: int) -> Tensor:
    """Logits (member, image, class) on all images, so many at once."""
    first, last = stack.layers[0], stack.layers[-1]
    logits = first.new_empty((len(first), len(images.labels), last.shape[1]))
    for block, found in _blocks(stack, images, at_once):
        logits[:, block] = found.mT
    return logits


@torch.no_grad()
def assess(chunk: Chunk, images: Images, at_once: int) -> tuple[Tensor, Tensor, Tensor]:
    """Count right answers; whether all logits are 0; whether all entries are finite: (member,).

    Right are those of the centred logits, where there is a centre; 0 are the network's own.
    """
    members = len(chunk.stack.layers[0])
    right = torch.zeros(members, dtype=torch.int64, device=images.labels.device)
    dead = torch.ones(members, dtype=torch.bool, device=images.labels.device)
    for block, logits in _blocks(chunk.stack, images, at_once):
        dead &= (logits == 0).flatten(1).all(dim=1)
        if chunk.centre is not None:
            # To multiply them too would not change their order.
            logits = logits - chunk.centre.test[:, block].mT
        right += (logits.argmax(dim=1) == images.labels[block]).sum(dim=1)
    finite = [values.isfinite().flatten(1).all(dim=1) for values in chunk.stack.parameters]
    return right, dead, torch.stack(finite).all(dim=0)
