"""The set-up of training: initial weights, shuffles, and the engine."""

import ctypes
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np

from weightlaws.arrays import Shapes, Splits
from weightlaws.errors import WeightLawsError
from weightlaws.training.engine import Engine, Networks, Recipe, n_entries
from weightlaws.training.networks import initial_weights

# Streams of a member's random numbers. They depend on the study's seed and the member alone, so
# that conditions are compared on common random numbers and shards can be of any size.
WEIGHTS_STREAM, SHUFFLES_STREAM = 0, 1


class MakeEngine(Protocol):
    """Makes an engine, with the arguments that `engine.Engine` names."""

    def __call__(
        self,
        splits: Splits,
        networks: Networks,
        shuffles: Sequence[np.random.Generator],
        recipe: Recipe,
        start: Networks | None = None,
    ) -> Engine:
        """Make it; without ``start`` the networks are as they were drawn."""
        ...


def member_rng(seed: int, member: int, stream: int) -> np.random.Generator:
    """Return the generator of one stream of one member's random numbers."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(member, stream)))


def initial_networks(
    shapes: Shapes, members: Sequence[int], *, seed: int, initialisation: str, biases: bool = False
) -> Networks:
    """Draw the members' weights; their optimiser has made no step.

    Parameters
    ----------
    shapes
        Shapes (out, in) of the weight matrices by layer, from the input on.
    members
        Numbers of the members. With the study's ``seed`` a number fixes a member.
    initialisation
        The name of the initial law.
    biases
        Whether neurons have biases, which start at 0 and so take no random numbers.
    """
    drawn = [
        initial_weights(shapes, initialisation, member_rng(seed, member, WEIGHTS_STREAM))
        for member in members
    ]
    weights = np.zeros((len(drawn), n_entries(shapes, biases)), np.float32)
    for row, one in zip(weights, drawn, strict=True):
        matrices = np.concatenate([matrix.ravel() for matrix in one.values()])
        row[: len(matrices)] = matrices
    return Networks(shapes, weights, np.zeros_like(weights), np.zeros_like(weights), 0)


def member_shuffles(
    members: Sequence[int], *, seed: int, images: int, epochs: int
) -> list[np.random.Generator]:
    """Return the members' generators of shuffles as they are after so many epochs.

    An epoch's order is ``rng.permutation(images)``.
    """
    shuffles = [member_rng(seed, member, SHUFFLES_STREAM) for member in members]
    for rng in shuffles:
        for _ in range(epochs):
            rng.permutation(images)
    return shuffles


def choose_engine(engine: str, device: str, threads: int) -> MakeEngine:
    """Return a maker of engines for a study's keys ``engine`` and ``device``.

    Parameters
    ----------
    engine
        ``numba``, ``torch`` or ``auto``: torch on a CUDA device, numba on the processor.
    device
        ``cpu``, ``cuda`` or ``auto``: a CUDA device if there is one, else the processor.
    threads
        Threads to use on the processor.

    Raises
    ------
    WeightLawsError
        If CUDA is asked for and there is none, or numba is asked for on CUDA.
    """
    if engine == "numba" and device == "cuda":
        raise WeightLawsError(
            "engine",
            "'numba' with device 'cuda'",
            "'torch' or 'auto' there",
            "choose one of them, as numba trains on the processor",
        )
    # Torch takes seconds and hundreds of megabytes to import, so only where it is needed.
    cuda = engine != "numba" and device != "cpu" and _has_cuda()
    if device == "cuda" and not cuda:
        raise WeightLawsError(
            "device",
            "no CUDA device on this machine",
            "one, as the study asks for 'cuda'",
            "set device to 'auto' or 'cpu', or run where there is one",
        )
    if cuda or engine == "torch":
        import torch

        from weightlaws.training.torch_engine import TorchEngine

        return partial(TorchEngine, device=torch.device("cuda" if cuda else "cpu"), threads=threads)
    from weightlaws.training.numba_engine import NumbaEngine

    return partial(NumbaEngine, threads=threads)


def _has_cuda() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")  # the driver
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
