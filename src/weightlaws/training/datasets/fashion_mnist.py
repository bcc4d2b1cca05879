"""Fashion-MNIST: pictures of clothes, through torchvision."""

from functools import partial

from weightlaws.training.dataset import DatasetInfo
from weightlaws.training.torchvision import from_torchvision

INFO = DatasetInfo(
    shape=(1, 28, 28),
    classes=10,
    images=(60_000, 10_000),
)
load = partial(from_torchvision, "FashionMNIST")
