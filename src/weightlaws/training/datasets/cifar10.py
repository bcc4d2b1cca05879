"""CIFAR-10: coloured pictures of animals and vehicles, through torchvision."""

from functools import partial

from weightlaws.training.dataset import DatasetInfo
from weightlaws.training.torchvision import from_torchvision

INFO = DatasetInfo(
    shape=(3, 32, 32),
    classes=10,
    images=(50_000, 10_000),
)
load = partial(from_torchvision, "CIFAR10")
