"""What the library finds in a network that a test stores."""

from dataclasses import dataclass

import numpy as np
import torch

from weightlaws.external import networks
from weightlaws.external.selection import Selection


@dataclass
class Found:
    matrices: dict[str, np.ndarray]
    notes: dict[str, tuple[str, ...]]
    parameters: dict[str, tuple[str, ...]]
    skipped: dict[str, str]
    share: float


def found(source, **selection):
    """Read a network: a path, a state dict or a module."""
    with networks.opened(source, selection=Selection(**selection)) as network:
        return Found(
            dict(network.matrices()),
            {name: layer.notes for name, layer in network.layers.items()},
            {name: layer.parameters for name, layer in network.layers.items()},
            network.skipped,
            network.share,
        )


def saved(path, tensors, **selection):
    """Read a state dict that PyTorch has saved."""
    torch.save(tensors, path)
    return found(path, **selection)


def random(*shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(sum(shape) + len(shape))
    return torch.randn(shape, generator=generator).to(dtype)
