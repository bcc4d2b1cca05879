"""How fast do networks train? Each engine against plain loops and against the bare products.

    python benchmarks/training.py [--quick]

One step is a batch of 100 images of 28 x 28 pixels through 784-10-10-10-10 (n = 10) or 784-n-n-10.
All figures are microseconds per network and step with all cores of the machine at work:

- dataloader: one network in plain PyTorch, its images made tensors and scaled one by one by
  torchvision's MNIST in a DataLoader, as in the published code; torch has a thread for each core;
- plain: the same without DataLoader, on images that were scaled beforehand;
- cpu: the numba engine, a network a thread; torch_cpu, torch_cuda: the torch engine;
- cpu_sgd, cpu_adamw, cpu_tanh, cpu_gelu, cpu_biases: the numba engine with one choice changed;
- bound: the step's matrix products by NumPy and one pass of Adam, in a process for each core.

A second table takes the step of the numba engine apart, on one core of each process, in
microseconds: reading and scaling the images, the products and activations forward, the loss, the
same backward, and the optimiser; beside them the parts of the bound.

Runs take turns in each round, and count with their median. The last line is a JSON object.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from weightlaws.arrays import Floats, Singles, Splits
from weightlaws.training import numba_kernels
from weightlaws.training.dataset import load_dataset
from weightlaws.training.engine import BETA_1, BETA_2, EPSILON, Recipe
from weightlaws.training.networks import layer_shapes
from weightlaws.training.numba_kernels import adam
from weightlaws.training.setup import choose_engine, initial_networks, member_shuffles
from weightlaws.training.torchvision import import_torchvision

BATCH, RATE = 100, 1e-3
HIDDEN = {10: (10, 10, 10), 40: (40, 40), 160: (160, 160), 640: (640, 640)}
CORES = len(os.sched_getaffinity(0))
PUBLISHED = Recipe(BATCH, RATE, 0.0)
CHOICES = {
    "cpu_sgd": replace(PUBLISHED, optimiser="sgd"),
    "cpu_adamw": replace(PUBLISHED, optimiser="adamw", weight_decay=0.01),
    "cpu_tanh": replace(PUBLISHED, activation="tanh"),
    "cpu_gelu": replace(PUBLISHED, activation="gelu"),
    "cpu_biases": replace(PUBLISHED, biases=True),
}
# What an engine's run trains: some tenths of a second.
MEMBERS_AND_EPOCHS = {
    10: (8 * CORES, 10),
    40: (8 * CORES, 4),
    160: (4 * CORES, 4),
    640: (2 * CORES, 1),
}

# A step of the numba engine, and what its bound has of it.
PARTS = ("images", "forward", "loss", "backward", "adam")
BOUND_PARTS = ("bound_forward", "bound_backward", "bound_adam")

torchvision = import_torchvision()


def mnist_of(splits: Splits, folder: Path) -> Dataset[Any]:
    """Return torchvision's own MNIST, transforms included, of these images."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, name in (("train", "train"), ("test", "t10k")):
        for kind, values in (
            ("images-idx3", splits[f"{split}_images"][:, 0]),
            ("labels-idx1", splits[f"{split}_labels"]),
        ):
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            (raw / f"{name}-{kind}-ubyte").write_bytes(header + values.tobytes())
    transform = torchvision.transforms.Compose(
        [torchvision.transforms.ToTensor(), torchvision.transforms.Normalize((0.5,), (0.5,))]
    )
    mnist: Dataset[Any] = torchvision.datasets.MNIST(folder, train=True, transform=transform)
    return mnist


def scaled_batches(splits: Splits) -> Callable[[], Iterator[tuple[Tensor, Tensor]]]:
    """Return what draws an epoch's batches from images scaled beforehand."""
    images = torch.from_numpy(splits["train_images"]).flatten(1).float().div(255).sub(0.5).div(0.5)
    labels = torch.from_numpy(splits["train_labels"]).long()

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for batch in torch.randperm(len(images)).split(BATCH):
            yield images[batch], labels[batch]

    return batches


def plain_loop(
    hidden: tuple[int, ...], batches: Callable[[], Iterator[tuple[Tensor, Tensor]]], steps: int
) -> Callable[[], object]:
    """Return a run of so many steps of one network in plain PyTorch."""
    widths = [784, *hidden, 10]
    modules: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        modules += [nn.Linear(fan_in, fan_out, bias=False), nn.ReLU()]
    network, criterion = nn.Sequential(*modules[:-1]), nn.CrossEntropyLoss()
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)

    def run() -> None:
        torch.set_num_threads(CORES)
        for _, (images, labels) in zip(range(steps), batches(), strict=False):
            optimiser.zero_grad()
            loss = criterion(network(images.view(-1, 784)), labels)
            loss.backward()
            optimiser.step()

    return run


def engine_epochs(
    hidden: tuple[int, ...],
    splits: Splits,
    keys: tuple[str, str],
    members: int,
    epochs: int,
    recipe: Recipe,
) -> Callable[[], object]:
    """Return so many epochs of so many members in one of the engines."""
    shapes, images = layer_shapes(784, hidden, 10), len(splits["train_images"])
    engine = choose_engine(*keys, CORES)(
        splits,
        initial_networks(
            shapes, range(members), seed=0, initialisation="gaussian", biases=recipe.biases
        ),
        member_shuffles(range(members), seed=0, images=images, epochs=0),
        recipe,
    )
    return lambda: [engine.train_epoch() for _ in range(epochs)]


def bare_products(hidden: tuple[int, ...], steps: int) -> Floats:
    """Time the products and the pass of Adam of a step on one core, in microseconds (3,)."""
    rng = np.random.default_rng(0)

    def array(*shape: int) -> Singles:
        return rng.standard_normal(shape).astype(np.float32)

    layers = [
        (array(BATCH, fan_in), array(fan_out, fan_in), array(BATCH, fan_out))
        for fan_out, fan_in in layer_shapes(784, hidden, 10).values()
    ]
    out = [tuple(np.empty_like(values) for values in layer) for layer in layers]
    weights, gradient = (array(sum(matrix.size for _, matrix, _ in layers)) for _ in range(2))
    first, second = np.zeros_like(weights), np.zeros_like(weights)

    def forward(_: int) -> None:
        for (below, matrix, _above), into in zip(layers, out, strict=True):
            np.matmul(below, matrix.T, out=into[2])

    def backward(_: int) -> None:
        for place, ((below, matrix, above), into) in enumerate(zip(layers, out, strict=True)):
            np.matmul(above.T, below, out=into[1])
            if place > 0:
                np.matmul(above, matrix, out=into[0])

    def optimise(step: int) -> None:
        adam(weights, gradient, first, second, step, RATE, 0.0, BETA_1, BETA_2, EPSILON)

    return mean_times([forward, backward, optimise], steps)


def engine_parts(hidden: tuple[int, ...], steps: int) -> Floats:
    """Time the parts of the numba engine's step on one core, in microseconds (5,)."""
    splits = load_dataset("digits", Path())
    images = splits["train_images"].reshape(len(splits["train_images"]), -1)
    widths = np.array([images.shape[1], *hidden, 10])
    ends = numba_kernels._ends(widths, BATCH)
    pixels = numba_kernels._batch(BATCH, widths[0])
    rng = np.random.default_rng(0)
    weights = rng.standard_normal(ends[0][-1]).astype(np.float32) / 30
    gradient, first, second = (np.zeros_like(weights) for _ in range(3))
    units, slopes = (np.empty(ends[1][-1], np.float32) for _ in range(2))
    gates, activation = np.empty(0, np.float32), numba_kernels.RELU
    order = rng.permutation(len(images))
    network = (pixels, widths, ends, weights, units, activation, gates)

    def row(step: int) -> int:
        return step * BATCH % (len(images) - BATCH)

    def read(step: int) -> None:
        numba_kernels._gather(images, order, row(step), pixels)

    def forward(_: int) -> None:
        numba_kernels._forward(*network)

    def loss(step: int) -> None:
        chosen = order[row(step) : row(step) + BATCH]
        logits = numba_kernels._matrix(units, ends[1][-2], BATCH, widths[-1])
        numba_kernels._cross_entropy(logits, splits["train_labels"], chosen, 1.0)

    def backward(_: int) -> None:
        numba_kernels._backward(*network, slopes, gradient)

    def optimise(step: int) -> None:
        adam(weights, gradient, first, second, step, RATE, 0.0, BETA_1, BETA_2, EPSILON)

    return mean_times([read, forward, loss, backward, optimise], steps)


def mean_times(parts: Sequence[Callable[[int], object]], steps: int) -> Floats:
    """Take so many steps, each all parts in turn, with BLAS on one core; microseconds of a part."""
    times = np.zeros(len(parts))
    with threadpool_limits(1, user_api="blas"):
        for step in range(steps + 1):
            marks = [time.perf_counter()]
            for part in parts:
                part(1 + step)
                marks.append(time.perf_counter())
            if step > 0:  # the first one compiles, and fills caches
                times += np.diff(marks)
    return 1e6 * times / steps


def on_all_cores(
    timed: Callable[[tuple[int, ...], int], Floats], hidden: tuple[int, ...], cores: Executor
) -> Floats:
    """Time parts of a step with all cores at work, in microseconds of one core."""
    steps = 60_000 // max(hidden)
    return np.mean([*cores.map(timed, [hidden] * CORES, [steps] * CORES)], axis=0)


def runs(
    hidden: tuple[int, ...], splits: Splits, mnist: Dataset[Any]
) -> dict[str, tuple[Callable[[], object], int]]:
    """Return what to time, and how many steps of networks each run makes."""
    steps = len(splits["train_images"]) // BATCH
    loader = DataLoader(mnist, batch_size=BATCH, shuffle=True)
    members, epochs = MEMBERS_AND_EPOCHS[max(hidden)]
    engines = {"cpu": ("numba", "cpu", members), "torch_cpu": ("torch", "cpu", members)}
    if torch.cuda.is_available():
        engines["torch_cuda"] = ("torch", "cuda", 1000)
    engines |= dict.fromkeys(CHOICES, engines["cpu"])
    return {
        "dataloader": (plain_loop(hidden, lambda: iter(loader), steps), steps),
        "plain": (plain_loop(hidden, scaled_batches(splits), steps), steps),
        **{
            name: (
                engine_epochs(
                    hidden, splits, (engine, device), members, epochs, CHOICES.get(name, PUBLISHED)
                ),
                steps * members * epochs,
            )
            for name, (engine, device, members) in engines.items()
        },
    }


def microseconds(run: Callable[[], object], steps: int) -> float:
    """Time one run, per network and step, when the threads of the one before have come to rest."""
    time.sleep(0.3)
    start = time.perf_counter()
    run()
    return 1e6 * (time.perf_counter() - start) / steps


def measure(
    hidden: tuple[int, ...], splits: Splits, cores: Executor, rounds: int
) -> dict[str, float]:
    """Return the median times of all runs, by name."""
    with TemporaryDirectory() as folder:
        timed = runs(hidden, splits, mnist_of(splits, Path(folder)))
    for run, _ in timed.values():
        run()  # compiles, and fills caches
    found = [
        {name: microseconds(*timing) for name, timing in timed.items()}
        | named(PARTS, on_all_cores(engine_parts, hidden, cores))
        | named(BOUND_PARTS, on_all_cores(bare_products, hidden, cores))
        for _ in range(rounds)
    ]
    times = {name: median(one[name] for one in found) for name in found[0]}
    return times | {"bound": sum(times[name] for name in BOUND_PARTS) / CORES}


def named(names: Sequence[str], values: Floats) -> dict[str, float]:
    """Return the values by name."""
    return dict(zip(names, values.tolist(), strict=True))


def main() -> None:
    """Time all, print a table of figures and ratios, and end with them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 50 s")
    rounds = 2 if parser.parse_args().quick else 7

    splits = load_dataset("digits", Path())
    figures: dict[str, float] = {"cores": CORES}
    print(f"{CORES} cores; microseconds per network and step, and ratios to the cpu engine")
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as cores:
        for n, hidden in HIDDEN.items():
            times = measure(hidden, splits, cores, rounds)
            print(f"n = {n}, 784-{'-'.join(map(str, hidden))}-10")
            for name, value in times.items():
                if name not in (*PARTS, *BOUND_PARTS):
                    print(f"{name:>12} {value:10.1f} {value / times['cpu']:8.2f}")
                figures[f"{name}_us_at_{n}"] = value
            print("  on one core: " + ", ".join(f"{name} {times[name]:.1f}" for name in PARTS))
            print(
                "               " + ", ".join(f"{name} {times[name]:.1f}" for name in BOUND_PARTS)
            )
            figures[f"cpu_to_bound_at_{n}"] = times["cpu"] / times["bound"]
    figures["cpu_us_per_network_step"] = figures["cpu_us_at_10"]
    figures["dataloader_us_per_network_step"] = figures["dataloader_us_at_10"]
    figures["ratio"] = figures["dataloader_us_at_10"] / figures["cpu_us_at_10"]
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))


if __name__ == "__main__":
    main()
