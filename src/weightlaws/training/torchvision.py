"""Data sets and models of torchvision, also beside a torch without its compiled operators."""

from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from weightlaws.arrays import Splits
from weightlaws.errors import WeightLawsError

# A torch.library.Library takes its schemas with it when it is collected.
_SCHEMAS: list[Any] = []


def from_torchvision(name: str, folder: Path) -> Splits:
    """Load both splits of a data set from a folder, and download them if they are not there.

    Parameters
    ----------
    name
        A class in ``torchvision.datasets``.
    folder
        The folder where torchvision keeps its data sets.

    Raises
    ------
    WeightLawsError
        If the data set is not in the folder and cannot be downloaded.
    """
    dataset_class: Any = getattr(import_torchvision().datasets, name)
    splits = {}
    for split, train in (("train", True), ("test", False)):
        try:
            data = dataset_class(root=folder, train=train, download=True)
        except (OSError, RuntimeError, ValueError, AssertionError) as error:
            reason = " ".join(str(error).split())
            raise WeightLawsError(
                f"data set {name}",
                f"no complete files in {folder.resolve()}, and no download ({reason})",
                f"files there as torchvision.datasets.{name}(root='{folder}') keeps them",
                "connect to the network, or put the files there, or name another folder under "
                "'data' in the configuration, or choose the data set 'digits', which needs no "
                "download",
            ) from error
        images = np.asarray(data.data, dtype=np.uint8)
        # Grey images come without a channel axis, coloured ones with it last.
        images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
        splits[f"{split}_images"] = np.ascontiguousarray(images)
        splits[f"{split}_labels"] = np.asarray(data.targets, dtype=np.uint8)
    return splits


def import_torchvision() -> ModuleType:
    """Import torchvision, also beside a torch for which its compiled operators were not built.

    The registry's torchvision wheel is built against a CUDA torch. Beside a CPU torch its library
    of operators does not load, and the import then fails for want of the operators' schemas
    (``torchvision::nms`` and ``torchvision::qnms``). Declaring the two schemas is enough for data
    sets and models, which use neither.

    Raises
    ------
    WeightLawsError
        If it is not installed.
    """
    if find_spec("torchvision") is None:
        raise WeightLawsError(
            "torchvision",
            "no such package",
            "it for what is named after it, and for MNIST, Fashion-MNIST and CIFAR-10",
            "run pip install 'weightlaws[torchvision]'",
        )
    import torch

    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        _SCHEMAS.append(torch.library.Library("torchvision", "DEF"))
        for operator in ("nms", "qnms"):
            _SCHEMAS[-1].define(
                f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
        import torchvision
    module: ModuleType = torchvision
    return module
