"""Plug-ins of training: a data set or an initial law is one file in the folder of its kind.

Plug-ins are imported by name when they are used. So no digest of a stage's code covers them, and a
new file makes no job run again; the specs of shards carry the digests of the files they use.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal

Kind = Literal["datasets", "initial_laws"]


def folder(kind: Kind) -> Path:
    """Return the folder of a kind of plug-ins."""
    return Path(__file__).parent / kind


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of all plug-ins of a kind: ``fashion_mnist.py`` is ``fashion-mnist``."""
    stems = (path.stem for path in folder(kind).glob("*.py") if not path.stem.startswith("_"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems))


def file(kind: Kind, name: str) -> Path:
    """Return the file of a plug-in."""
    return folder(kind) / f"{name.replace('-', '_')}.py"


def plugin(kind: Kind, name: str) -> ModuleType:
    """Import a plug-in.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in names(kind):
        raise ValueError(f"expected one of {', '.join(names(kind))}, found {name!r}")
    return import_module(f"weightlaws.training.{kind}.{file(kind, name).stem}")
