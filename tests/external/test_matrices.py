"""The matrices in weights of several axes, and in fused ones."""

import h5py
import numpy as np
import pytest
import torch
from support.stored_network import found, random, saved
from torch import nn


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_convolution_by_group_takes_patches_to_outputs(axes, groups):
    kind = getattr(nn, f"Conv{axes}d")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layer = kind(4, 6, 3, groups=groups, bias=False)
    one = found(nn.Sequential(layer))
    names = ["0"] if groups == 1 else ["0.group0", "0.group1"]
    assert [*one.matrices] == names
    patch = random(1, 4, *[3] * axes)
    by_group = patch.reshape(groups, -1).numpy()
    out = np.concatenate([one.matrices[n] @ p for n, p in zip(names, by_group, strict=True)])
    np.testing.assert_allclose(out, layer(patch).detach().flatten(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_transposed_convolution_takes_an_input_to_outputs(axes, groups):
    kind = getattr(nn, f"ConvTranspose{axes}d")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layer = kind(4, 6, 3, groups=groups, bias=False)
    one = found(nn.Sequential(layer))
    pixel = random(1, 4, *[1] * axes)
    by_group = pixel.reshape(groups, -1).numpy()
    out = [m @ p for m, p in zip(one.matrices.values(), by_group, strict=True)]
    np.testing.assert_allclose(
        np.concatenate(out), layer(pixel).detach().flatten(), rtol=1e-4, atol=1e-5
    )
    assert next(iter(one.matrices.values())).shape == (6 // groups * 3**axes, 4 // groups)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_length_of_a_bias_tells_a_transposed_convolution(axes, groups):
    layer = getattr(nn, f"ConvTranspose{axes}d")(4, 6, 3, groups=groups)
    by_type, by_bias = (found(each) for each in (nn.Sequential(layer), layer.state_dict()))
    for mine, typed in zip(by_bias.matrices.values(), by_type.matrices.values(), strict=True):
        np.testing.assert_array_equal(mine, typed)
    assert all("by the length of its bias" in notes[0] for notes in by_bias.notes.values())
    convolution = getattr(nn, f"Conv{axes}d")(4, 6, 3, groups=groups).state_dict()
    assert found(convolution).matrices["weight"].shape == (6, 4 // groups * 3**axes)


def test_heads_of_flax_are_one_matrix(tmp_path):
    rng = np.random.default_rng(0)
    shapes = {"query": (16, 4, 8), "key": (16, 4, 8), "value": (16, 4, 8), "out": (4, 8, 16)}
    kernels = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    stored = {f"params/attn/{name}/kernel": kernel for name, kernel in kernels.items()}
    conv = rng.standard_normal((5, 8, 16))
    np.savez(tmp_path / "a.npz", **stored, **{"params/conv/kernel": conv})
    one = found(tmp_path / "a.npz").matrices
    for name, kernel in kernels.items():
        flat = kernel.reshape((16, 32) if name != "out" else (32, 16))
        np.testing.assert_array_equal(one[f"params.attn.{name}"], flat.T)
    assert one["params.conv"].shape == (16, 40)


def test_depthwise_convolutions_have_no_matrix():
    layer = nn.Conv2d(4, 4, 3, groups=4)
    one = found(nn.Sequential(layer, nn.Conv2d(4, 5, 1)))
    assert [*one.matrices] == ["1"]
    assert one.skipped["0.weight"].endswith("a single row or column of each group")
    in_file = found({"a.weight": layer.weight.detach()})
    assert "one input channel" in in_file.notes["a"][0]


def test_kernels_of_keras_are_oriented(tmp_path):
    rng = np.random.default_rng(0)
    kernels = {"a": (11, 4, 5), "b": (3, 2, 4, 5), "c": (7, 9)}
    kernels = {name: rng.standard_normal(shape) for name, shape in kernels.items()}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, kernel in kernels.items():
            file[f"model_weights/{name}/{name}/kernel:0"] = kernel
        file["optimizer_weights/Adam/c/kernel/m:0"] = kernels["c"]
    flax = found({f"{name}.kernel": kernel for name, kernel in kernels.items()})
    for one in (found(tmp_path / "a.h5"), flax):
        assert one.matrices["c"].tolist() == kernels["c"].T.tolist()
        assert one.matrices["a"].shape == (5, 44)
        expected = [kernels["a"][k, i, 3] for i in range(4) for k in range(11)]
        assert one.matrices["a"][3].tolist() == expected
        assert one.matrices["b"].shape == (5, 24)
        expected = [kernels["b"][y, x, i, 2] for i in range(4) for y in range(3) for x in range(2)]
        assert one.matrices["b"][2].tolist() == expected


def test_conv1d_of_gpt2_is_told_by_its_widths(tmp_path):
    tensors = {
        "h.0.attn.c_attn.weight": random(8, 24),
        "h.0.attn.c_proj.weight": random(8, 8),
        "h.0.mlp.c_fc.weight": random(8, 32),
        "h.0.mlp.c_proj.weight": random(32, 8),
    }
    one = saved(tmp_path / "a.pt", tensors).matrices
    for k, part in enumerate(("query", "key", "value")):
        expected = tensors["h.0.attn.c_attn.weight"][:, 8 * k : 8 * k + 8].T
        np.testing.assert_array_equal(one[f"h.0.attn.c_attn.{part}"], expected)
    for name in ("h.0.attn.c_proj", "h.0.mlp.c_fc", "h.0.mlp.c_proj"):
        np.testing.assert_array_equal(one[name], tensors[f"{name}.weight"].T)
    linear = {name: tensor.T.contiguous() for name, tensor in tensors.items()}
    for name, matrix in saved(tmp_path / "b.pt", linear).matrices.items():
        np.testing.assert_array_equal(matrix, one[name])


@pytest.mark.parametrize(
    "name",
    ["mlp.experts.gate_up_proj", "moe.down_proj", "w1", "experts.w2", "switch_mlp.up_proj.weight"],
)
def test_experts_in_one_tensor_have_a_matrix_each(tmp_path, name):
    stack = random(4, 8, 16)
    one = saved(tmp_path / "a.pt", {name: stack}).matrices
    base = name.removesuffix(".weight")
    assert [*one] == [f"{base}.expert{k}" for k in range(4)]
    for k in range(4):
        np.testing.assert_array_equal(one[f"{base}.expert{k}"], stack[k])


@pytest.mark.parametrize("name", ["up_proj.weight", "ffn.w_1.weight", "experts.0.conv.weight"])
def test_convolutions_in_one_dimension_are_no_experts(tmp_path, name):
    one = saved(tmp_path / "a.pt", {name: random(4, 8, 3)}).matrices
    assert one[name.removesuffix(".weight")].shape == (4, 24)


@pytest.mark.parametrize(
    ("name", "shape", "parts"),
    [
        ("attn.in_proj_weight", (12, 4), ("query", "key", "value")),
        ("attn.qkv.weight", (12, 4), ("query", "key", "value")),
        ("to_qkv.weight", (12, 4, 1, 1), ("query", "key", "value")),
        ("qkv_proj.weight", (12, 4), ("query", "key", "value")),
        ("mixer.Wqkv.weight", (12, 4), ("query", "key", "value")),
        ("attn.c_attn.weight", (12, 4), ("query", "key", "value")),
        ("attn.to_kv.weight", (8, 4), ("key", "value")),
        ("mlp.gate_up_proj.weight", (10, 4), ("gate", "up")),
    ],
)
def test_fused_weights_are_split(tmp_path, name, shape, parts):
    tensor = random(*shape)
    one = saved(tmp_path / "a.pt", {name: tensor}).matrices
    base, rows = name.removesuffix(".weight"), shape[0] // len(parts)
    assert [*one] == [f"{base}.{part}" for part in parts]
    for k, part in enumerate(parts):
        expected = tensor.flatten(1)[rows * k : rows * (k + 1)]
        np.testing.assert_array_equal(one[f"{base}.{part}"], expected)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("attn.query_key_value.weight", (12, 4)),
        ("qkv_proj.weight", (8, 4)),
        ("qkv.weight", (12, 4, 1)),
    ],
)
def test_fused_weights_that_cannot_be_told_apart_are_one_with_a_note(tmp_path, name, shape):
    one = saved(tmp_path / "a.pt", {name: random(*shape)})
    base = name.removesuffix(".weight")
    assert [*one.matrices] == [base]
    assert "queries, keys and values in one matrix" in one.notes[base][0]


@pytest.mark.parametrize(
    ("make", "gates"),
    [
        (lambda: nn.LSTM(5, 3, 2, bidirectional=True), ("input", "forget", "cell", "output")),
        (lambda: nn.LSTM(5, 3, proj_size=2), ("input", "forget", "cell", "output")),
        (lambda: nn.GRU(5, 3), ("reset", "update", "new")),
        (lambda: nn.GRUCell(5, 3), ("reset", "update", "new")),
        (lambda: nn.RNN(5, 3), ()),
    ],
)
def test_gates_of_recurrent_layers(tmp_path, make, gates):
    model = nn.ModuleDict({"rnn": make()})
    state = model.state_dict()
    for one in (saved(tmp_path / "a.pt", state), found(model)):
        for name, tensor in state.items():
            if "bias" in name:
                continue
            if not gates or "weight_hr" in name:
                np.testing.assert_array_equal(one.matrices[name], tensor)
                continue
            for k, gate in enumerate(gates):
                np.testing.assert_array_equal(
                    one.matrices[f"{name}.{gate}"], tensor[3 * k : 3 * k + 3]
                )
        assert not any(one.notes.values())


def test_gates_of_keras():
    arrays = {"gru.kernel": (5, 9), "gru.recurrent_kernel": (3, 9), "lstm.kernel": (5, 12)}
    arrays |= {"lstm.recurrent_kernel": (3, 12)}
    arrays = {name: random(*shape).numpy() for name, shape in arrays.items()}
    one = found(arrays).matrices
    assert len(one) == 14
    np.testing.assert_array_equal(one["gru.update"], arrays["gru.kernel"][:, :3].T)
    np.testing.assert_array_equal(one["gru.reset"], arrays["gru.kernel"][:, 3:6].T)
    expected = arrays["lstm.recurrent_kernel"][:, 9:].T
    np.testing.assert_array_equal(one["lstm.recurrent_kernel.output"], expected)
