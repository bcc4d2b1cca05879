"""From law to function: what networks do that are drawn from fitted laws.

A whole network is drawn, or one layer of a trained network, which keeps the others; then it
classifies the test images as trained networks do. Two controls stand beside the laws. Networks put
together from layers of different trained networks have the true law of each layer, and independent
layers: no law of independent layers is nearer to the trained ones. Networks with the neurons of
a hidden layer permuted in one of its two matrices alone keep all but which neuron is which.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from weightlaws.arrays import Bytes, Floats, Images, Singles
from weightlaws.inference.drawn_names import ALL, JOINT, NOTHING, OTHERS, PERMUTED, TRAINED
from weightlaws.inference.intervals import student_interval
from weightlaws.laws.base import check_matrices
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.names import BIPARTITE, INDEPENDENT, ONE_SIDED
from weightlaws.laws.network import NetworkLaw, check_layers
from weightlaws.laws.one_sided import OneSided
from weightlaws.training.networks import labelled_side

_ACTIVATIONS: dict[str, Callable[[Singles], Singles]] = {
    "relu": lambda values: np.maximum(values, 0),
    "tanh": np.tanh,
    "gelu": lambda values: values * ndtr(values),
}
# Activations of a layer that are there at once.
_CHUNK = 2**23


class Sampler(Protocol):
    """A law of matrices that draws them."""

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n matrices, (n, rows, columns)."""
        ...


#: A law of whole networks, or a law for each layer, which are then independent.
LawOfNetworks = NetworkLaw | Sequence[Sampler]


def accuracies(
    networks: Sequence[Sequence[npt.ArrayLike]],
    images: Images,
    labels: Bytes,
    activation: str = "relu",
) -> Floats:
    """Share of images that networks classify rightly.

    The network is that of `training.engine` without biases, in single precision, and of equal
    logits the first wins.

    Parameters
    ----------
    networks
        Ensembles of n networks: of each layer, in order, matrices (n, out, in). What a first layer
        makes of the images is found once for all ensembles that have the same array there.
    images : (image, ...)
        Bytes, which are scaled to [-1, 1], or single precision, used as it is.
    labels : (image,)
    activation
        Of hidden neurons, one of `training.engine`.

    Returns
    -------
    (ensemble, n)

    Raises
    ------
    ValueError
        If layers do not follow on each other, or ensembles or images are of other sizes.
    """
    shapes = [[layer.shape for layer in check_layers(layers)] for layers in networks]
    pixels = images.reshape(len(images), -1).T
    if not shapes or any(shape != shapes[0] for shape in shapes):
        raise ValueError(f"expected ensembles of networks of one shape, found {shapes}")
    if len(labels) != len(images) or shapes[0][0][2] != len(pixels):
        raise ValueError(
            f"expected labels and inputs for images of shape {images.shape}, "
            f"found {len(labels)} labels and layers {shapes[0]}"
        )
    scaled = pixels.astype(np.float32)
    if images.dtype == np.uint8:
        # As `torch_kernels.scale_pixels`: exact but for one division.
        scaled = scaled / np.float32(127.5) - np.float32(1)
    activate = _ACTIVATIONS[activation]
    n, widest = shapes[0][0][0], max(shape[1] for shape in shapes[0])
    step = max(1, _CHUNK // (widest * len(images)))
    right = np.empty((len(networks), n))
    for start in range(0, n, step):
        chunk = slice(start, start + step)
        products: dict[int, Singles] = {}
        for k, layers in enumerate(networks):
            first, *others = layers
            if id(first) not in products:
                weights = _single(first, chunk)
                product = weights.reshape(-1, len(scaled)) @ scaled
                products[id(first)] = product.reshape(*weights.shape[:2], -1)
            values = products[id(first)]
            for layer in others:
                values = _single(layer, chunk) @ activate(values)
            right[k, chunk] = (values.argmax(axis=1) == labels).mean(axis=1)
    return right


def _single(layer: npt.ArrayLike, chunk: slice) -> Singles:
    return np.ascontiguousarray(np.asarray(layer)[chunk], dtype=np.float32)


def fitted_laws(trained: Mapping[str, npt.ArrayLike]) -> dict[str, LawOfNetworks]:
    """Fit the Gaussian laws of networks to trained ones.

    Parameters
    ----------
    trained
        By layer, in the order of the network, (n, out, in).

    Returns
    -------
    dict
        By name: of independent layers, all entries alike; the bipartite law in each layer; the same
        between hidden layers and the one-sided law at the ends; and the joint law, with summed
        inputs.
    """
    matrices = {layer: check_matrices(values) for layer, values in trained.items()}
    one_sided: list[Sampler] = []
    for layer, values in matrices.items():
        side = labelled_side(layer)
        one_sided.append(OneSided.fit(values, side) if side else Bipartite.fit(values))
    return {
        INDEPENDENT: [IID.fit(values) for values in matrices.values()],
        BIPARTITE: [Bipartite.fit(values) for values in matrices.values()],
        ONE_SIDED: one_sided,
        JOINT: NetworkLaw.fit(list(matrices.values())),
    }


def drawn_accuracies(
    trained: Mapping[str, npt.ArrayLike],
    laws: Mapping[str, LawOfNetworks],
    images: Images,
    labels: Bytes,
    rng: np.random.Generator,
    activation: str = "relu",
) -> pd.DataFrame:
    """Measure the accuracy of networks drawn from laws, beside that of the trained ones.

    Parameters
    ----------
    trained
        By layer, in the order of the network, (n, out, in), of n > 2 members. The networks are
        those that answer by their own logits: with an output scale a network answers by its
        difference from its own start, and a drawn one has none.
    laws
        By name, such as `fitted_laws` fits.
    images, labels
        The test images; see `accuracies`.
    rng
        Draws the networks.
    activation
        Of hidden neurons.

    Returns
    -------
    DataFrame
        One row a ``law`` and what is ``drawn``: `NOTHING` of the trained networks; `ALL`, or one
        layer, by the laws and by `OTHERS`; of `PERMUTED` all hidden layers, or one. A law of whole
        networks draws a layer given the other layers of the trained network. Then ``n_networks``;
        ``accuracy``, the mean over networks, with ``standard_error``, and ``low`` and ``high``, the
        ends of its 95 % interval by Student's t; ``sd``, over networks. Networks are drawn from
        the laws as they are fitted: that these were fitted to n members alone is not in the errors.
    """
    names = list(trained)
    kept = [np.asarray(values, dtype=np.float32) for values in trained.values()]
    check_layers(kept)
    n = len(kept[0])
    if n < 3:
        raise ValueError(f"expected three or more trained networks, found {n}")
    assess = partial(accuracies, images=images, labels=labels, activation=activation)
    rows = [_row(TRAINED, NOTHING, assess([kept])[0])]
    for law in (*laws, OTHERS):
        whole, single = (
            _of_other_members(kept, rng) if law == OTHERS else _drawn(kept, laws[law], rng)
        )
        variants = {ALL: whole}
        for k, layer in enumerate(names):
            variants[layer] = [*kept[:k], single[k], *kept[k + 1 :]]
        rows += _rows(law, variants, assess)
    permuted = _permuted(kept, rng)
    variants = {ALL: [kept[0], *permuted]}
    for k, columns in enumerate(permuted, start=1):
        variants[f"hidden{k}"] = [*kept[:k], columns, *kept[k + 1 :]]
    rows += _rows(PERMUTED, variants, assess)
    return pd.DataFrame(rows)


def _drawn(
    kept: list[Singles], law: LawOfNetworks, rng: np.random.Generator
) -> tuple[list[Singles], list[Singles]]:
    """Draw whole networks, and each layer to stand among the kept ones."""
    n = len(kept[0])
    if isinstance(law, NetworkLaw):
        whole = law.sample(n, rng)
        single = [law.sample_layer(k, kept, rng) for k in range(len(kept))]
    else:
        whole = single = [layer.sample(n, rng) for layer in law]
    return [_float32(layer) for layer in whole], [_float32(layer) for layer in single]


def _of_other_members(
    kept: list[Singles], rng: np.random.Generator
) -> tuple[list[Singles], list[Singles]]:
    """Take each layer from another member: layers of a network from as many as there can be."""
    n = len(kept[0])
    circle = rng.permutation(n)
    place = circle.argsort()
    moved = [layer[circle[(place + k) % n]] for k, layer in enumerate(kept, start=1)]
    return moved, [layer[circle[(place + 1) % n]] for layer in kept]


def _permuted(kept: list[Singles], rng: np.random.Generator) -> list[Singles]:
    """Permute the columns of all layers but the first, in each member on its own."""
    permuted = []
    for layer in kept[1:]:
        orders = rng.permuted(np.tile(np.arange(layer.shape[2]), (len(layer), 1)), axis=1)
        permuted.append(np.take_along_axis(layer, orders[:, None, :], axis=2))
    return permuted


def _float32(layer: Floats) -> Singles:
    return layer.astype(np.float32)


def _rows(
    law: str, variants: Mapping[str, list[Singles]], assess: Callable[..., Floats]
) -> list[dict[str, object]]:
    found = assess([*variants.values()])
    return [_row(law, drawn, values) for drawn, values in zip(variants, found, strict=True)]


def _row(law: str, drawn: str, values: Floats) -> dict[str, object]:
    n, mean, sd = len(values), values.mean(), values.std(ddof=1)
    error = sd / np.sqrt(n)
    low, high = student_interval(np.asarray(mean), np.asarray(error), n)
    return {
        "law": law,
        "drawn": drawn,
        "n_networks": n,
        "accuracy": float(mean),
        "standard_error": float(error),
        "low": float(low),
        "high": float(high),
        "sd": float(sd),
    }
