"""What does asking for images ahead buy? The loop that trains, against itself without it.

    python benchmarks/prefetch.py

One run is an epoch of 784-10-10-10-10 in batches of 100: of 4,000 images, as in the default study,
and of 60,000, as in MNIST. Both loops start from the same weights and read the same shuffles. They
take turns, and each pair of runs gives a ratio of processor times. The last column is the median of
the ratios: above 1, asking ahead pays. The benchmark stops if any weight differs.
"""

import importlib.util
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
from threadpoolctl import threadpool_limits

from weightlaws.arrays import Bytes, Integers, Singles
from weightlaws.training import numba_kernels
from weightlaws.training.engine import BETA_1, BETA_2, EPSILON

EPOCHS = {4_000: 150, 60_000: 20}
WIDTHS = np.array([784, 10, 10, 10, 10], np.int64)


def without_prefetch(folder: Path) -> ModuleType:
    """Return the module of the loops with the one call that asks ahead taken out."""
    source = Path(numba_kernels.__file__).read_text()
    call = "_prefetch(images, order[place + _AHEAD])"
    if source.count(call) != 1:
        raise SystemExit(f"numba_kernels.py should have {call!r} once: bring this file up to date.")
    path = folder / "without_prefetch.py"
    path.write_text(source.replace(call, "pass"))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Network:
    """One network in training by one of the two modules."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        entries = int((WIDTHS[:-1] * WIDTHS[1:]).sum())
        self.weights = (np.random.default_rng(1).standard_normal(entries) * 0.05).astype(np.float32)
        self.moments = np.zeros((2, entries), np.float32)
        self.steps = 0

    def epoch(self, images: Bytes, labels: Bytes, order: Integers) -> float:
        """Train for an epoch; return its processor time in seconds."""
        no_start: Singles = np.empty((0, 10), np.float32)
        start = time.process_time()
        self.module.train_epoch(
            images,
            labels,
            order,
            WIDTHS,
            self.weights,
            *self.moments,
            self.steps,
            no_start,
            1.0,
            100,
            1e-3,
            0.0,
            BETA_1,
            BETA_2,
            EPSILON,
        )
        self.steps += len(order) // 100
        return time.process_time() - start


def main() -> None:
    """Print a line for each number of images."""
    with TemporaryDirectory() as folder, threadpool_limits(1):
        bare = without_prefetch(Path(folder))
        print(f"{'images':>8} {'epochs':>8} {'without / with':>16}")
        for n_images, epochs in EPOCHS.items():
            rng = np.random.default_rng(0)
            images = rng.integers(0, 256, (n_images, 784), dtype=np.uint8)
            labels = rng.integers(0, 10, n_images, dtype=np.uint8)
            pair = Network(numba_kernels), Network(bare)
            ratios = []
            for epoch in range(epochs + 1):
                order, swap = rng.permutation(n_images), epoch % 2
                times = [one.epoch(images, labels, order) for one in pair[:: -1 if swap else 1]]
                if epoch:  # the first one compiles
                    ratios.append(times[1 - swap] / times[swap])
            if not np.array_equal(pair[0].weights, pair[1].weights):
                raise SystemExit("The two loops trained different weights.")
            print(f"{n_images:>8} {epochs:>8} {median(ratios):>16.3f}")


if __name__ == "__main__":
    main()
