"""Files of weights that tests make, and what is read from them."""

import os
from pathlib import Path

import h5py
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


def link(to):
    return lambda file, _: file.__setitem__("b", to)


def virtual(file, other):
    layout = h5py.VirtualLayout((6, 5, 5), "f8")
    layout[:] = h5py.VirtualSource(str(other), "a", (6, 5, 5))
    file.create_virtual_dataset("b", layout)


def external(file, other):
    whole = [(str(other), 0, h5py.h5f.UNLIMITED)]
    file.create_dataset("b", (6, 5, 5), "f8", external=whole)


def declared(shape, **options):
    return lambda file, _: file.create_dataset("b", shape, "f4", chunks=True, **options)


# What HDF5 files can have in place of data, and what is found then.
ELSEWHERE = {
    "external link": (link(h5py.ExternalLink("other.h5", "/a")), "b: found a link to other.h5/a"),
    "any file": (link(h5py.ExternalLink("/etc/passwd", "/")), "b: found a link to /etc/passwd/"),
    "soft link": (link(h5py.SoftLink("/a")), "b: found a link to /a"),
    "link to itself": (link(h5py.SoftLink("/b")), "b: found a link to /b"),
    "broken link": (link(h5py.SoftLink("/c")), "b: found a link to /c"),
    "virtual dataset": (virtual, "b: found data of other files"),
    "external storage": (external, "b: found data of other files"),
    "declared": (declared((6, 10**6, 10**6)), "b: found 0 bytes for an array"),
    "members": (declared((10**12, 5, 5), compression="gzip"), "b: found 0 bytes for an array"),
}


def tensor(shape, first, last):
    """What a header of safetensors says of an array."""
    return {"dtype": "F32", "shape": shape, "data_offsets": [first, last]}


# Headers of safetensors that do not fit 64 bytes of data.
HEADERS = {
    "larger than the file": {"a": tensor([10**6, 10**6], 0, 4 * 10**12)},
    "larger than its bytes": {"a": tensor([10**6, 10**6], 0, 64)},
    "larger than any": {"a": tensor([2**33, 2**33], 0, 64)},
    "overlapping": {"a": tensor([2, 6], 0, 48), "b": tensor([2, 6], 16, 64)},
    "twice the same bytes": {"a": tensor([4, 4], 0, 64), "b": tensor([4, 4], 0, 64)},
    "out of range": {"a": tensor([4, 4], 0, 64), "b": tensor([4, 4], 64, 128)},
    "before the start": {"a": tensor([4, 4], -64, 0)},
    "with a hole": {"a": tensor([2, 2], 48, 64)},
}
