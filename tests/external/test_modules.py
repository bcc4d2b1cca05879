"""Modules in memory: the types of their parts tell what is a layer."""

import numpy as np
import pytest
import torch
from support.stored_network import found
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 4)
        self.word_embed = nn.Linear(4, 6)
        self.norm = nn.LayerNorm((3, 6))
        self.attention = nn.MultiheadAttention(6, 2, kdim=4, vdim=4)
        self.bilinear = nn.Bilinear(2, 3, 4)
        self.raw = nn.Parameter(torch.ones(5, 6))
        self.register_buffer("basis", torch.ones(5, 6))
        self.head = nn.Linear(6, 7, bias=False)
        self.again = self.head


def test_types_tell_layers_from_the_rest():
    one = found(Net())
    assert [*one.matrices] == [
        "raw",
        "word_embed",
        "attention.q_proj_weight",
        "attention.k_proj_weight",
        "attention.v_proj_weight",
        "attention.out_proj",
        "head",
    ]
    assert one.skipped["table.weight"] == "an embedding, by its type"
    assert one.skipped["norm.weight"] == "the scale of a norm, by its type"
    assert one.skipped["basis"] == "a buffer, which is not trained"
    assert "bilinear" in one.skipped["bilinear.weight"]
    assert one.skipped["again.weight"] == "the same array as head.weight"
    assert one.notes["head"] == ("the same array as again.weight",)


def test_the_layer_of_gpt2_is_told_by_its_type():
    class Conv1D(nn.Module):
        def __init__(self, nf, nx):
            super().__init__()
            self.nf = nf
            self.weight = nn.Parameter(torch.arange(float(nf * nx)).reshape(nx, nf))

    model = nn.ModuleDict({"any": Conv1D(3, 5)})
    np.testing.assert_array_equal(found(model).matrices["any"], model["any"].weight.detach().T)


def test_what_has_no_numbers_yet_is_left_out():
    one = found(nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 5)))
    assert [*one.matrices] == ["1"]
    assert "lazy" in one.skipped["0.weight"]
    empty = torch.empty(4, 5, device="meta")
    objects = np.array([[1, None], [2, 3]], object)
    one = found({"a.weight": empty, "b.weight": torch.ones(4, 5), "c.weight": objects})
    assert [*one.matrices] == ["b"]
    assert "on the meta device" in one.skipped["a.weight"]
    assert one.skipped["c.weight"] == "no numbers"


def test_a_module_without_numbers_is_left_out():
    with torch.device("meta"):
        empty = nn.Linear(3, 4)
    model = nn.ModuleDict({"empty": empty, "full": nn.Linear(3, 4)})
    one = found(model)
    assert [*one.matrices] == ["full"]
    assert "meta device" in one.skipped["empty.weight"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_module_itself_is_not_changed(dtype):
    model = nn.Sequential(nn.Linear(3, 4)).to(dtype).train()
    before = model[0].weight.clone()
    matrix = found(model).matrices["0"]
    assert matrix.dtype == (np.float64 if dtype == torch.float64 else np.float32)
    matrix += 1
    assert torch.equal(model[0].weight, before)
    assert model.training
