"""Weights that are computed from several parameters, against what PyTorch computes."""

import numpy as np
import pytest
import torch
from support.stored_network import found, saved
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

OLD = "ignore:.*torch.nn.utils.weight_norm.*:FutureWarning"


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return make()


def linear():
    return seeded(lambda: nn.Linear(6, 9))


def test_a_pruned_weight_is_the_product_with_its_mask(tmp_path):
    model = nn.Sequential(linear())
    prune.random_unstructured(model[0], "weight", amount=0.5)
    prune.random_unstructured(model[0], "bias", amount=0.5)
    assert {*model.state_dict()} >= {"0.weight_orig", "0.weight_mask"}
    one = saved(tmp_path / "a.pt", model.state_dict())
    np.testing.assert_array_equal(one.matrices["0"], model[0].weight.detach())
    assert (one.matrices["0"] == 0).mean() == 0.5
    assert one.parameters == {"0": ("0.weight_orig", "0.weight_mask")}
    assert one.notes["0"] == ("pruned: the weight times its mask",)
    assert {*one.skipped} == {"0.bias_orig", "0.bias_mask"}


LAYERS = {
    "rows": (lambda: nn.Linear(6, 9), 0),
    "columns": (lambda: nn.Linear(6, 9), 1),
    "whole": (lambda: nn.Linear(6, 9), None),
    "convolution": (lambda: nn.Conv2d(3, 5, 2), 0),
    "transposed": (lambda: nn.ConvTranspose1d(4, 3, 2), 1),
}


@pytest.mark.parametrize(("make", "dim"), LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("norm", [weight_norm, parametrizations.weight_norm])
@pytest.mark.filterwarnings(OLD)
def test_weight_norm_along_any_axis(tmp_path, make, dim, norm):
    model = nn.Sequential(norm(seeded(make), dim=dim))
    with torch.no_grad():  # gains that are not those of the weight at the start
        for name, parameter in model.named_parameters():
            if name.endswith(("_g", "original0")):
                parameter *= torch.linspace(0.1, 5, parameter.numel()).reshape(parameter.shape)
    weight = model[0].weight.detach() if hasattr(model[0], "parametrizations") else None
    if weight is None:
        weight = torch._weight_norm(
            model[0].weight_v, model[0].weight_g, -1 if dim is None else dim
        ).detach()
    one = saved(tmp_path / "a.pt", model.state_dict())
    # The file tells a transposed convolution by the length of its bias.
    expected = weight.flatten(1).T if "Transpose" in type(model[0]).__name__ else weight.flatten(1)
    np.testing.assert_allclose(one.matrices["0"], expected, rtol=1e-5)
    assert one.notes["0"][0] == "weight norm"
    in_memory = found(model).matrices["0"]
    np.testing.assert_allclose(in_memory, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(6, 9),
        lambda: nn.Linear(6, 6),
        lambda: nn.Conv2d(3, 5, 2),
        lambda: nn.ConvTranspose1d(4, 3, 2),
        lambda: nn.ConvTranspose1d(4, 4, 1),
    ],
)
@pytest.mark.parametrize("norm", [spectral_norm, parametrizations.spectral_norm])
def test_spectral_norm_as_at_evaluation(tmp_path, make, norm):
    def made():
        layer = make()
        with torch.no_grad():
            layer.weight *= 50
        layer = norm(layer)
        axes = layer.weight.ndim - 2
        for _ in range(30):  # power iterations
            layer(torch.zeros(1, layer.in_channels, *[4] * axes) if axes else torch.zeros(1, 6))
        layer.eval()
        layer(torch.zeros(1, layer.in_channels, *[4] * axes) if axes else torch.zeros(1, 6))
        return layer

    model = nn.Sequential(seeded(made))
    weight = model[0].weight.detach()
    one = saved(tmp_path / "a.pt", model.state_dict())
    # A bias of another length than the weight's first axis tells that a convolution is transposed.
    told = len(model[0].bias) != len(weight)
    expected = weight.flatten(1).T if told else weight.flatten(1)
    np.testing.assert_allclose(one.matrices["0"], expected, rtol=1e-4)
    assert one.notes["0"][0] == "spectral norm, as at evaluation"
    assert all("vector" in reason for reason in one.skipped.values())


def test_other_parametrisations_are_refused_by_name_in_files_and_computed_in_memory(tmp_path):
    model = nn.Sequential(parametrizations.orthogonal(seeded(lambda: nn.Linear(6, 6))), linear())
    one = saved(tmp_path / "a.pt", model.state_dict())
    assert [*one.matrices] == ["1"]
    reasons = {name: why for name, why in one.skipped.items() if "parametrizations" in name}
    assert len(reasons) == 2
    for why in reasons.values():
        assert "parametrised weight that cannot be computed (0.base, original are stored)" in why
    weight = found(model.train()).matrices["0"]
    np.testing.assert_allclose(weight @ weight.T, np.eye(6), atol=1e-5)
    assert model.training
    assert model[0].parametrizations.weight[0].training


def test_matrices_that_are_called_g_and_v_are_no_weight_norm(tmp_path):
    one = saved(tmp_path / "a.pt", {"gate_g": torch.randn(4, 5), "gate_v": torch.randn(4, 5)})
    assert {name: matrix.shape for name, matrix in one.matrices.items()} == {
        "gate_g": (4, 5),
        "gate_v": (4, 5),
    }


def test_a_part_without_the_others_is_refused(tmp_path):
    one = saved(tmp_path / "a.pt", {"a.weight_orig": torch.randn(4, 5), "b": torch.randn(4, 5)})
    assert [*one.matrices] == ["b"]
    assert "cannot be computed (orig are stored)" in one.skipped["a.weight_orig"]
