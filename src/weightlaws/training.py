"""Train all members of a shard together, as stacked tensors.

The network, loss, optimiser and scaling of pixels are those published with arXiv:2510.05218: a
bias-free ReLU multilayer perceptron, softmax cross-entropy averaged over the batch, Adam with
weight decay added to the gradient, pixels in [-1, 1]. Members share nothing but the images: each
has its own initial weights and shuffles. Adam works entry by entry, so that Adam on stacked weights
is Adam on each member, and the sum of the members' losses has each member's gradient in its slice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from weightlaws.networks import Shapes, initial_weights

# Streams of a member's random numbers. They depend on the study's seed and the member alone, so
# that conditions are compared on common random numbers and shards can be of any size.
WEIGHTS_STREAM, SHUFFLES_STREAM = 0, 1

# Images whose logits are computed at once: bounds the memory of wide networks' evaluation.
_EVALUATED_TOGETHER = 1000


class TrainingError(RuntimeError):
    """Training that cannot start or go on: no such device, diverged members, a run that ended."""


@dataclass(frozen=True)
class Snapshot:
    """A shard's state after an epoch; epoch 0 is the initialisation.

    Attributes
    ----------
    epoch
        Passes over the training images so far.
    weights
        By layer: float32 (member, out, in), a copy.
    loss
        Mean of the epoch's batch losses, float64 (member,); NaN at epoch 0.
    accuracy
        Share of the test images classified rightly, float64 (member,).
    dead_output
        Whether all logits are 0 on every test image, bool (member,).
    finite
        Whether the losses and weights have been finite so far, bool (member,).
    """

    epoch: int
    weights: dict[str, npt.NDArray[np.float32]]
    loss: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    dead_output: npt.NDArray[np.bool_]
    finite: npt.NDArray[np.bool_]


def member_rng(seed: int, member: int, stream: int) -> np.random.Generator:
    """Return the generator of one stream of one member's random numbers."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(member, stream)))


def choose_device(name: str) -> torch.device:
    """Return the device of this name; ``auto`` is CUDA where there is a device, else the CPU.

    Raises
    ------
    TrainingError
        If CUDA is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "device: found no CUDA device on this machine, though the study asks for 'cuda'; "
            "set device to 'auto' or 'cpu', or run where there is one"
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def train(
    splits: Mapping[str, npt.NDArray[np.uint8]],
    shapes: Shapes,
    members: Sequence[int],
    *,
    seed: int,
    initialisation: str,
    weight_decay: float,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    device: torch.device | None = None,
) -> Iterator[Snapshot]:
    """Train the members and yield their state at the start and after each epoch.

    Parameters
    ----------
    splits
        ``train_images`` and ``test_images``, uint8 (image, ...), ``train_labels`` and
        ``test_labels``, uint8 (image,).
    shapes
        Shapes (out, in) of the weight matrices by layer, from the input on.
    members
        Numbers of the members to train, with the study's ``seed`` all that makes them differ.
    initialisation
        A key of ``networks.INITIAL_LAWS``.
    weight_decay
        Adam's L2 penalty, added to the gradient.
    epochs, batch_size, learning_rate
        As usual; the last batch of an epoch is smaller where the batch size does not divide
        the number of images.
    device
        Where to train; the CPU if not given.

    Yields
    ------
    Snapshot
        ``epochs + 1`` of them.

    Raises
    ------
    TrainingError
        If no member's loss and weights are finite any more. One that diverged harms no other:
        training goes on, and its snapshots say so.
    """
    device = device or torch.device("cpu")
    # Full float32 products on any device: reduced precision would be another experiment.
    torch.set_float32_matmul_precision("highest")
    images, test_images = (_scaled(splits[f"{s}_images"], device) for s in ("train", "test"))
    labels, test_labels = (_labels(splits[f"{s}_labels"], device) for s in ("train", "test"))
    drawn = [
        initial_weights(shapes, initialisation, member_rng(seed, m, WEIGHTS_STREAM))
        for m in members
    ]
    weights = {
        name: torch.from_numpy(np.stack([member[name] for member in drawn]))
        .to(device)
        .requires_grad_()
        for name in shapes
    }
    shuffles = [member_rng(seed, m, SHUFFLES_STREAM) for m in members]
    layers = list(weights.values())
    optimiser = torch.optim.Adam(layers, lr=learning_rate, weight_decay=weight_decay, fused=True)

    loss = torch.full((len(members),), torch.nan, dtype=torch.float64)
    finite = _finite(layers)
    yield _snapshot(0, weights, loss, finite, test_images, test_labels)
    for epoch in range(1, epochs + 1):
        order = np.stack([rng.permutation(len(images)) for rng in shuffles])
        batches = torch.from_numpy(order).to(device).split(batch_size, dim=1)
        total = torch.zeros(len(members), dtype=torch.float64, device=device)
        for batch in batches:
            losses = _losses(layers, _select(images, batch), _select(labels, batch))
            optimiser.zero_grad()
            losses.sum().backward()
            optimiser.step()
            total += losses.detach()
        loss = total / len(batches)
        finite &= loss.isfinite() & _finite(layers)
        if not finite.any():
            raise TrainingError(
                f"members {members[0]} to {members[-1]} have all diverged: found losses or weights "
                f"that are not finite after epoch {epoch}, expected finite ones; lower "
                "learning_rate"
            )
        yield _snapshot(epoch, weights, loss, finite, test_images, test_labels)


def _finite(layers: Sequence[Tensor]) -> Tensor:
    """Whether all weights of each member (member,) are finite."""
    finite = [weights.detach().flatten(1).isfinite().all(dim=1) for weights in layers]
    return torch.stack(finite).all(dim=0)


def _scaled(images: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    """Flatten images and scale their pixels from 0..255 to [-1, 1], rounding as published."""
    pixels = torch.from_numpy(images.reshape(len(images), -1)).to(device)
    return (pixels.float() / 255 - 0.5) / 0.5


def _labels(labels: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64)).to(device)


def _select(values: Tensor, indices: Tensor) -> Tensor:
    """Return values[indices], by the call that copies whole rows."""
    return values.index_select(0, indices.flatten()).view(*indices.shape, *values.shape[1:])


def _losses(layers: Sequence[Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of each member (member,) on its batch of images (member, image, pixel)."""
    activation = images
    for weights in layers[:-1]:
        activation = functional.relu(torch.bmm(activation, weights.mT))
    logits = torch.bmm(activation, layers[-1].mT)
    losses: Tensor = functional.cross_entropy(logits.mT, labels, reduction="none")
    return losses.mean(dim=1)


@torch.no_grad()
def _logits(layers: Sequence[Tensor], images: Tensor) -> Tensor:
    """Logits (member, image, class) of all members on the same images (image, pixel)."""
    # The input layer of all members at once is one large product.
    members, width, _ = layers[0].shape
    together = images @ layers[0].flatten(0, 1).T
    activation = together.view(len(images), members, width).transpose(0, 1)
    for weights in layers[1:]:
        activation = torch.bmm(functional.relu(activation), weights.mT)
    return activation


def _snapshot(
    epoch: int,
    weights: Mapping[str, Tensor],
    loss: Tensor,
    finite: Tensor,
    images: Tensor,
    labels: Tensor,
) -> Snapshot:
    layers = [layer.detach() for layer in weights.values()]
    right = torch.zeros(len(loss), dtype=torch.int64, device=images.device)
    dead = torch.ones(len(loss), dtype=torch.bool, device=images.device)
    for some, their_labels in zip(
        images.split(_EVALUATED_TOGETHER), labels.split(_EVALUATED_TOGETHER), strict=True
    ):
        logits = _logits(layers, some)
        right += (logits.argmax(dim=2) == their_labels).sum(dim=1)
        dead &= (logits == 0).flatten(1).all(dim=1)
    return Snapshot(
        epoch=epoch,
        weights={name: layer.numpy(force=True).copy() for name, layer in weights.items()},
        loss=loss.cpu().numpy(),
        accuracy=right.cpu().numpy() / len(images),
        dead_output=dead.cpu().numpy(),
        finite=finite.numpy(force=True).copy(),
    )
