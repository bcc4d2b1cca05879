"""Files of weights that tests make, and what is read from them."""

import os
from pathlib import Path

import numpy as np
import torch

from weightlaws.external.formats import detect


def random(*shape, dtype=torch.float32):
    """Random numbers that are the same for a shape in every test."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator).to(dtype)


def numbers(*shape, dtype=np.float32):
    """The same as an array."""
    return random(*shape).numpy().astype(dtype)


def parameters(path, state_dict=None, *, headers_only=True):
    """What a file holds, by name."""
    with detect.opened(Path(path), headers_only=headers_only, state_dict=state_dict) as found:
        assert len({parameter.name for parameter in found}) == len(found)
        return {parameter.name: parameter for parameter in found}


def shapes(path, state_dict=None):
    """Shapes of what a file has to be read, by name."""
    found = parameters(path, state_dict)
    return {name: each.shape for name, each in found.items() if each.reason is None}


def reasons(path, state_dict=None):
    """Why the rest is left out, by name."""
    found = parameters(path, state_dict)
    return {name: each.reason for name, each in found.items() if each.reason is not None}


def arrays(path, state_dict=None):
    """What a file has to be read, by name; float64 where numpy lacks the type."""
    with detect.opened(Path(path), headers_only=False, state_dict=state_dict) as found:
        values = {each.name: each.read() for each in found if each.reason is None}
    return {
        name: value.double().numpy() if isinstance(value, torch.Tensor) else np.array(value)
        for name, value in values.items()
    }


class Bomb:
    """What would make a folder where it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)
