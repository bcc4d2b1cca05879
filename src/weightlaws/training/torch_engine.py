"""The engine that trains the members of a shard as stacked tensors, on any device of torch's.

Optimisers work entry by entry, so a step on stacked weights is a step of each member. The gradient
of the sum of all losses has the gradient of each member in its slice. The members are cut into
chunks whose working memory fits the device. A chunk trains a whole epoch before the next one does.
"""

import copy
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from weightlaws.arrays import Floats, Shapes, Singles, Splits
from weightlaws.errors import WeightLawsError
from weightlaws.training.engine import (
    BETA_1,
    BETA_2,
    EPSILON,
    MOMENTUM,
    Assessment,
    Networks,
    Optimiser,
    Recipe,
    n_entries,
    split_biases,
    split_layers,
)
from weightlaws.training.torch_kernels import (
    Centre,
    Chunk,
    Images,
    Stack,
    all_logits,
    assess,
    train,
)

# Bytes for a chunk on the CPU: what leaves the caches costs more than larger products save.
_CPU_MEMORY = 32 * 2**20
# Share for a chunk of what networks leave free on a CUDA device; libraries need some too.
_CUDA_SHARE = 0.5
# What torch calls the first and the second moment of each optimiser.
_MOMENTS: dict[Optimiser, tuple[str, ...]] = {
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "sgd": ("momentum_buffer",),
}


class TorchEngine:
    """Trains networks with torch; see ``engine.Engine`` for what it is made of and does.

    Parameters
    ----------
    splits, networks, shuffles, recipe, start
        As for every engine. The generators are copied.
    device
        Where to train.
    threads
        Threads that draw an epoch's orders while the device works on the epoch before; on the CPU
        also those that torch computes with, everywhere in the process.
    memory
        Bytes on the device that a chunk may use beside its networks; one member may exceed them.
        By default half of what networks leave free on a CUDA device, 32 MiB on the CPU.

    Raises
    ------
    WeightLawsError
        If the device has too little memory; so do the methods.
    """

    def __init__(
        self,
        splits: Splits,
        networks: Networks,
        shuffles: Sequence[np.random.Generator],
        recipe: Recipe,
        start: Networks | None = None,
        *,
        device: torch.device,
        threads: int = 1,
        memory: int | None = None,
    ) -> None:
        # Full float32 products on any device: reduced precision would be another experiment.
        torch.set_float32_matmul_precision("highest")
        if device.type == "cpu":
            torch.set_num_threads(threads)
        self._device, self._recipe = device, recipe
        self._shapes, self._steps = networks.shapes, networks.steps
        self._n_members, self._n_entries = networks.weights.shape
        with self._enough_memory():
            self._train_images = _on_device(splits, "train", device)
            self._test_images = _on_device(splits, "test", device)
            self._memory = self._default_memory(networks) if memory is None else memory
            most = self._memory // _bytes_per_member(
                networks.shapes, recipe, *self._train_images.pixels.shape
            )
            self._chunks = [
                self._chunk(networks, start or networks, members)
                for members in _slices(self._n_members, max(1, most))
            ]
        # Orders are drawn ahead of their use, which the caller's generators shall not show.
        self._shuffles = [copy.deepcopy(rng) for rng in shuffles]
        self._pool = ThreadPoolExecutor(threads)
        self._start_drawing()

    @property
    def description(self) -> dict[str, Any]:
        """Engine, device and version of torch."""
        cuda = self._device.type == "cuda"
        return {
            "engine": "torch",
            "device": torch.cuda.get_device_name(self._device) if cuda else self._device.type,
            "torch": str(torch.__version__),
        }

    def train_epoch(self) -> Floats:
        """Pass once over the training images; return the mean batch loss of each member."""
        for row in self._drawing:
            row.result()
        orders, batch_size = self._orders, self._recipe.batch_size
        # Before the work is launched, not after: a device's queue is short, and so launching an
        # epoch takes about as long as the epoch.
        self._start_drawing()
        with self._enough_memory():
            losses = [
                train(chunk, self._train_images, orders[chunk.members], batch_size)
                for chunk in self._chunks
            ]
            self._steps += -(-orders.shape[1] // batch_size)
            return torch.cat(losses).numpy(force=True)

    def assess(self) -> Assessment:
        """Classify the test images."""
        with self._enough_memory():
            found = [
                assess(chunk, self._test_images, self._at_once(chunk.members))
                for chunk in self._chunks
            ]
            right, dead, finite = (
                torch.cat(values).numpy(force=True) for values in zip(*found, strict=True)
            )
        return Assessment(right / len(self._test_images.labels), dead, finite)

    def networks(self) -> Networks:
        """Return the networks as they are now; training goes on in arrays of its own."""
        first, *second = _MOMENTS[self._recipe.optimiser]
        weights, first_moment = self._entries(), self._entries(first)
        second_moment = self._entries(*second) if second else np.zeros_like(weights)
        return Networks(self._shapes, weights, first_moment, second_moment, self._steps)

    def _entries(self, moment: str | None = None) -> Singles:
        """Copy the weights and biases, or a moment of theirs, to (member, entry)."""
        entries = np.empty((self._n_members, self._n_entries), dtype=np.float32)
        for chunk in self._chunks:
            parts = _parts(entries[chunk.members], self._shapes)
            for part, values in zip(parts, chunk.stack.parameters, strict=True):
                found = values if moment is None else chunk.optimiser.state[values][moment]
                part[:] = found.numpy(force=True)
        return entries

    def _start_drawing(self) -> None:
        """Have the next epoch's orders (member, image) drawn."""
        self._orders = torch.empty(
            (self._n_members, len(self._train_images.labels)),
            dtype=torch.int32,
            pin_memory=self._device.type == "cuda",
        )
        self._drawing = [
            self._pool.submit(_draw, rng, order)
            for rng, order in zip(self._shuffles, self._orders.numpy(), strict=True)
        ]

    def _default_memory(self, networks: Networks) -> int:
        """Bytes for a chunk, of what networks, and logits that others count from, leave free."""
        if self._device.type == "cpu":
            return _CPU_MEMORY
        kept = 3 * networks.weights.nbytes  # weights and two moments
        if self._recipe.output_scale is not None:
            images = len(self._train_images.labels) + len(self._test_images.labels)
            kept += 4 * self._n_members * images * _classes(networks.shapes)
        free, _ = torch.cuda.mem_get_info(self._device)
        return int(_CUDA_SHARE * (free - kept))

    def _at_once(self, members: slice) -> int:
        """Images that members are evaluated on together."""
        if self._recipe.output_scale is not None:
            # Whatever memory is free, so that a job that goes on rounds the start's logits alike.
            return self._recipe.batch_size
        n_pixels = self._train_images.pixels.shape[1]
        widest = max(fan_out for fan_out, _ in self._shapes.values())
        per_image: int = 5 * n_pixels + 16 * (members.stop - members.start) * widest
        return max(1, self._memory // per_image)

    def _chunk(self, networks: Networks, start: Networks, members: slice) -> Chunk:
        """Copy members to the device, with an optimiser that goes on where theirs is."""

        def on_device(entries: Singles) -> list[Tensor]:
            parts = _parts(entries[members], networks.shapes)
            return [torch.tensor(part, device=self._device) for part in parts]

        def stack(parameters: list[Tensor]) -> Stack:
            n = len(networks.shapes)
            return Stack(parameters[:n], parameters[n:], recipe.activation)

        recipe, centre = self._recipe, None
        if recipe.output_scale is not None:
            drawn = stack(on_device(start.weights))
            train_start, test_start = (
                all_logits(drawn, images, self._at_once(members))
                for images in (self._train_images, self._test_images)
            )
            centre = Centre(recipe.output_scale, train_start, test_start)
        parameters = [values.requires_grad_() for values in on_device(networks.weights)]
        optimiser = _optimiser(parameters, recipe)
        names = _MOMENTS[recipe.optimiser]
        arrays = (networks.first_moment, networks.second_moment)[: len(names)]
        moments = zip(*map(on_device, arrays), strict=True)
        for values, found in zip(parameters, moments, strict=True):
            optimiser.state[values] = dict(zip(names, found, strict=True))
            if recipe.optimiser != "sgd":
                step = torch.tensor(float(networks.steps), device=self._device)
                optimiser.state[values]["step"] = step
        return Chunk(members, stack(parameters), optimiser, centre)

    @contextmanager
    def _enough_memory(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise WeightLawsError(
                f"memory of {self.description['device']}",
                f"too little for {self._n_members} members",
                "room for their networks, all images and a batch of them",
                f"choose a smaller shard_size (torch: {'. '.join(str(error).split('. ')[:3])})",
            ) from error


def _optimiser(parameters: list[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    rate, decay = recipe.step_size, recipe.weight_decay
    if recipe.optimiser == "sgd":
        # A velocity of 0 makes its first step as torch does, along the gradient.
        return torch.optim.SGD(
            parameters, lr=rate, momentum=MOMENTUM, weight_decay=decay, fused=True
        )
    made_by = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    betas = (BETA_1, BETA_2)
    return made_by(parameters, lr=rate, betas=betas, eps=EPSILON, weight_decay=decay, fused=True)


def _parts(entries: Singles, shapes: Shapes) -> list[Singles]:
    """Cut (member, entry) into all matrices, and then all biases: views."""
    return [*split_layers(entries, shapes).values(), *split_biases(entries, shapes).values()]


def _draw(rng: np.random.Generator, order: npt.NDArray[np.int32]) -> None:
    order[:] = rng.permutation(len(order))  # nearly all of it without the interpreter's lock


def _on_device(splits: Splits, split: str, device: torch.device) -> Images:
    images, labels = splits[f"{split}_images"], splits[f"{split}_labels"]
    return Images(
        pixels=torch.tensor(images.reshape(len(images), -1), device=device),
        labels=torch.tensor(labels, dtype=torch.int64, device=device),
    )


def _classes(shapes: Shapes) -> int:
    *_, (classes, _) = shapes.values()
    return classes


def _bytes_per_member(shapes: Shapes, recipe: Recipe, n_images: int, n_pixels: int) -> int:
    """Bytes that training needs for a member beside its network: a bound of the peak."""
    gradients = 4 * n_entries(shapes, recipe.biases)
    # An image is there as bytes and as floats, a neuron as product and activation and with their
    # gradients, an order as int32.
    image = 5 * n_pixels + 16 * sum(fan_out for fan_out, _ in shapes.values())
    if recipe.output_scale is not None:
        # Its place as int64; what its logits count from, the difference, scaled, and two gradients.
        image += 8 + 20 * _classes(shapes)
    return gradients + recipe.batch_size * image + 4 * n_images


def _slices(n_members: int, most: int) -> list[slice]:
    """Cut the members into the fewest slices of at most ``most``, as equal as can be."""
    n_slices = -(-n_members // most)
    edges = [n_members * k // n_slices for k in range(n_slices + 1)]
    return [slice(*ends) for ends in pairwise(edges)]
