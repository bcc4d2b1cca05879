"""MNIST: handwritten digits, through torchvision."""

from functools import partial

from weightlaws.training.dataset import DatasetInfo
from weightlaws.training.torchvision import from_torchvision

INFO = DatasetInfo(
    shape=(1, 28, 28),
    classes=10,
    images=(60_000, 10_000),
    sha256="2edad8764efab7a0d9f88935d1a5179814ed944ec7ab65377fea543b692f103a",
)
load = partial(from_torchvision, "MNIST")
