"""The engine for processors: each thread trains one network at a time, whose state its cache holds.

A network's numbers do not depend on who trains beside it: it is computed by one thread from its own
arrays, and BLAS is held to one thread, since products in several round otherwise.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import llvmlite.binding
import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  numba's products; loaded here, so that it is held too
from threadpoolctl import ThreadpoolController

from weightlaws.arrays import Floats, Images, Singles, Splits
from weightlaws.training import numba_kernels
from weightlaws.training.engine import (
    BETA_1,
    BETA_2,
    EPSILON,
    MOMENTUM,
    Activation,
    Assessment,
    Networks,
    Optimiser,
    Recipe,
)
from weightlaws.training.numba_kernels import assess, outputs, train_epoch

Result = TypeVar("Result")

# Images that go through a network together, when it is not trained on them.
_BLOCK = 100
_OPTIMISERS: dict[Optimiser, int] = {
    "adam": numba_kernels.ADAM,
    "sgd": numba_kernels.SGD,
    "adamw": numba_kernels.ADAMW,
}
_ACTIVATIONS: dict[Activation, int] = {
    "relu": numba_kernels.RELU,
    "tanh": numba_kernels.TANH,
    "gelu": numba_kernels.GELU,
}


class NumbaEngine:
    """Trains networks on the processor, one a thread; see `engine.Engine`.

    Parameters
    ----------
    splits, networks, shuffles, recipe, start
        As for every engine; the networks are copied.
    threads
        Networks that are trained at the same time.
    """

    def __init__(
        self,
        splits: Splits,
        networks: Networks,
        shuffles: Sequence[np.random.Generator],
        recipe: Recipe,
        start: Networks | None = None,
        *,
        threads: int = 1,
    ) -> None:
        self._images, self._test_images = (
            np.ascontiguousarray(images.reshape(len(images), -1))
            for images in (splits["train_images"], splits["test_images"])
        )
        self._labels, self._test_labels = splits["train_labels"], splits["test_labels"]
        shapes = list(networks.shapes.values())
        self._widths = np.array([shapes[0][1], *(fan_out for fan_out, _ in shapes)])
        self._shapes, self._steps = networks.shapes, networks.steps
        self._weights, self._first, self._second = (
            values.copy()
            for values in (networks.weights, networks.first_moment, networks.second_moment)
        )
        self._shuffles, self._recipe, self._threads = shuffles, recipe, threads
        self._activation = _ACTIVATIONS[recipe.activation]
        self._blas = ThreadpoolController().select(user_api="blas")
        self._start, self._test_start = (
            self._start_outputs(images, (start or networks).weights)
            for images in (self._images, self._test_images)
        )

    def _start_outputs(self, images: Images, weights: Singles) -> list[Singles]:
        """Logits (image, class) of each member at the start, empty where nothing is centred."""
        if self._recipe.output_scale is None:
            return [np.empty((0, self._widths[-1]), np.float32)] * len(weights)
        return self._each(
            lambda place: outputs(images, self._widths, weights[place], self._activation, _BLOCK)
        )

    @property
    def description(self) -> dict[str, Any]:
        """Engine, processor as numba and BLAS name it, and their versions."""
        blas = [
            f"{library['internal_api']} {library['version']} {library.get('architecture', '')}"
            for library in self._blas.info()
        ]
        return {
            "engine": "numba",
            "device": "cpu",
            "processor": llvmlite.binding.get_host_cpu_name(),
            "numba": numba.__version__,
            "blas": sorted({name.strip() for name in blas}),
        }

    def train_epoch(self) -> Floats:
        """Pass once over the training images; return the mean batch loss of each member."""
        losses = self._each(self._train_member)
        self._steps += -(-len(self._images) // self._recipe.batch_size)
        return np.array(losses)

    def _train_member(self, place: int) -> float:
        loss: float = train_epoch(
            self._images,
            self._labels,
            self._shuffles[place].permutation(len(self._images)),
            self._widths,
            self._weights[place],
            self._first[place],
            self._second[place],
            self._steps,
            self._start[place],
            self._recipe.output_scale or 1.0,
            self._recipe.batch_size,
            _OPTIMISERS[self._recipe.optimiser],
            self._activation,
            self._recipe.step_size,
            self._recipe.weight_decay,
            MOMENTUM,
            BETA_1,
            BETA_2,
            EPSILON,
        )
        return loss

    def assess(self) -> Assessment:
        """Classify the test images."""
        right, dead = zip(*self._each(self._assess_member), strict=True)
        return Assessment(
            accuracy=np.array(right) / len(self._test_images),
            dead_output=np.array(dead),
            finite=np.all(np.isfinite(self._weights), axis=1),
        )

    def _assess_member(self, place: int) -> tuple[int, bool]:
        counts: tuple[int, bool] = assess(
            self._test_images,
            self._test_labels,
            self._widths,
            self._weights[place],
            self._activation,
            self._test_start[place],
            _BLOCK,
        )
        return counts

    def networks(self) -> Networks:
        """Return the networks as they are now."""
        arrays = (self._weights.copy(), self._first.copy(), self._second.copy())
        return Networks(self._shapes, *arrays, self._steps)

    def _each(self, work: Callable[[int], Result]) -> list[Result]:
        """Do the work of each member, some at the same time."""
        with self._blas.limit(limits=1), ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(work, range(len(self._weights))))
