"""Quantised weights: packed here number by number, as each layout is documented."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.stored_network import found, random, saved

RNG = np.random.default_rng(5)


def packed(codes, bits):
    """Pack rows of codes into 32-bit words, the lowest first."""
    words = []
    for row in codes:
        number = sum(int(code) << (bits * k) for k, code in enumerate(row))
        words.append([(number >> (32 * k)) & 0xFFFFFFFF for k in range(len(row) * bits // 32)])
    return torch.from_numpy(np.array(words, np.uint32).view(np.int32))


def only(one, name="a"):
    assert [*one.matrices] == [name]
    assert "level statistics are of rounded weights" in one.notes[name][0]
    return one.matrices[name]


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.int8])
@pytest.mark.parametrize("scale", ["weight_scale", "weight_scale_inv", "scale_weight"])
@pytest.mark.parametrize("shape", [(), (1,), (300,), (300, 1), (3, 2), (300, 8)])
def test_scaled_weights(tmp_path, dtype, scale, shape):
    weight = (random(300, 200) * 10).to(dtype)
    scales = random(*shape).abs() + 0.1 if shape else torch.tensor(0.3)
    save_file({"a.weight": weight, f"a.{scale}": scales}, tmp_path / "a.safetensors")
    one = found(tmp_path / "a.safetensors")
    matrix = only(one)
    assert one.parameters["a"] == ("a.weight", f"a.{scale}")
    assert one.share == 1
    by_place = {
        (3, 2): lambda i, j: scales[i // 128, j // 128],
        (300, 8): lambda i, j: scales[i, j // 25],
        (300, 1): lambda i, _: scales[i, 0],
        (300,): lambda i, _: scales[i],
    }.get(shape, lambda *_: scales.reshape(()))
    for i, j in [(0, 0), (127, 128), (128, 127), (256, 199), (299, 5)]:
        np.testing.assert_allclose(matrix[i, j], float(weight[i, j]) * by_place(i, j), rtol=1e-6)


def test_an_offset_is_taken_off(tmp_path):
    tensors = {"a.weight": torch.tensor([[3, -4], [5, 6]], dtype=torch.int8)}
    tensors |= {"a.weight_scale": torch.tensor([[0.5], [2.0]])}
    tensors |= {"a.weight_zero_point": torch.tensor([[1], [-1]], dtype=torch.int8)}
    assert only(saved(tmp_path / "a.pt", tensors)).tolist() == [[1.0, -2.5], [12.0, 14.0]]


def test_bitsandbytes_int8(tmp_path):
    weight = torch.from_numpy(RNG.integers(-127, 128, (4, 6)).astype(np.int8))
    tensors = {"a.weight": weight, "a.SCB": torch.tensor([1.0, 2, 3, 4])}
    tensors["a.weight_format"] = torch.tensor(0, dtype=torch.uint8)
    matrix = only(saved(tmp_path / "a.pt", tensors))
    np.testing.assert_allclose(matrix[3], weight[3].double() * 4 / 127, rtol=1e-6)
    tiled = {**tensors, "a.weight_format": torch.tensor(1, dtype=torch.uint8)}
    one = saved(tmp_path / "b.pt", {**tiled, "b": random(3, 3)})
    assert "in no layout that is read" in one.skipped["a.weight"]


@pytest.mark.parametrize("nested", [False, True])
def test_bitsandbytes_4bit(tmp_path, nested):
    shape, size = (8, 16), 32
    codes = RNG.integers(0, 16, shape)
    table = np.sort(RNG.standard_normal(16)).astype(np.float32)
    flat = codes.ravel()
    state = {"quant_type": "nf4", "blocksize": size, "dtype": "bfloat16", "shape": [*shape]}
    tensors = {
        "a.weight": torch.from_numpy((flat[::2] * 16 + flat[1::2]).astype(np.uint8)[:, None]),
        "a.weight.quant_map": torch.from_numpy(table),
    }
    if nested:
        state |= {"nested_blocksize": 2, "nested_offset": 0.25, "nested_dtype": "float32"}
        outer, inner = np.array([0.5, 3.0]), RNG.standard_normal(256)
        scales = np.array([7, 200, 9, 255])
        tensors |= {
            "a.weight.absmax": torch.from_numpy(scales.astype(np.uint8)),
            "a.weight.nested_absmax": torch.from_numpy(outer.astype(np.float32)),
            "a.weight.nested_quant_map": torch.from_numpy(inner.astype(np.float32)),
        }
        absmax = inner[scales] * np.repeat(outer, 2) + 0.25
    else:
        absmax = np.array([1.0, 2, 3, 4])
        tensors["a.weight.absmax"] = torch.from_numpy(absmax.astype(np.float32))
    text = np.frombuffer(json.dumps(state).encode(), np.uint8).copy()
    tensors["a.weight.quant_state.bitsandbytes__nf4"] = torch.from_numpy(text)
    expected = (table[flat] * np.repeat(absmax, size)).reshape(shape)
    np.testing.assert_allclose(only(saved(tmp_path / "a.pt", tensors)), expected, rtol=1e-5)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("stored_zero", ["less one", "as it is"])
def test_gptq(tmp_path, bits, stored_zero):
    n_in, out, groups = 32, 16, 4
    codes = RNG.integers(0, 2**bits, (n_in, out))
    zero = 2 ** (bits - 1)
    stored = zero - 1 if stored_zero == "less one" else zero
    order = RNG.permutation(np.repeat(np.arange(groups), n_in // groups))
    scales = random(groups, out)
    tensors = {
        "a.qweight": packed(codes.T, bits).T.contiguous(),
        "a.qzeros": packed(np.full((groups, out), stored), bits),
        "a.scales": scales,
        "a.g_idx": torch.from_numpy(order.astype(np.int32)),
    }
    expected = ((codes - zero) * scales.numpy()[order]).T
    np.testing.assert_allclose(only(saved(tmp_path / "a.pt", tensors)), expected, rtol=1e-5)
    tensors["a.qzeros"] = packed(RNG.integers(0, 2**bits, (groups, out)), bits)
    one = saved(tmp_path / "b.pt", {**tensors, "b": random(3, 3)})
    assert "in no layout that is read" in one.skipped["a.qweight"]


def test_awq(tmp_path):
    n_in, out, groups, order = 32, 16, 4, [0, 2, 4, 6, 1, 3, 5, 7]
    codes, zeros = RNG.integers(0, 16, (n_in, out)), RNG.integers(0, 16, (groups, out))
    scales = random(groups, out)

    def mixed(rows):
        return packed(np.concatenate([rows[:, order], rows[:, [8 + k for k in order]]], 1), 4)

    tensors = {"a.qweight": mixed(codes), "a.qzeros": mixed(zeros), "a.scales": scales}
    group = np.repeat(np.arange(groups), n_in // groups)
    expected = ((codes - zeros[group]) * scales.numpy()[group]).T
    np.testing.assert_allclose(only(saved(tmp_path / "a.pt", tensors)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("bits", "size", "sure"), [(4, 64, False), (8, 64, False), (2, 32, True), (3, 64, False)]
)
def test_mlx(tmp_path, bits, size, sure):
    rows, groups = 6, 4
    codes = RNG.integers(0, 2**bits, (rows, groups * size))
    scales, biases = random(rows, groups), random(rows, groups + 1)[:, :groups].contiguous()
    weight = packed(codes, bits).view(torch.uint32)
    tensors = {"a.weight": weight, "a.scales": scales, "a.biases": biases}
    save_file(tensors, tmp_path / "a.safetensors")
    one = found(tmp_path / "a.safetensors")
    wide = np.repeat(scales.numpy(), size, 1), np.repeat(biases.numpy(), size, 1)
    np.testing.assert_allclose(only(one), codes * wide[0] + wide[1], rtol=1e-5, atol=1e-5)
    assert f"{bits} bits in groups of {size} columns" in one.notes["a"][0]
    assert ("the file does not say" not in one.notes["a"][0]) == sure


def test_compressed_tensors(tmp_path):
    codes, scale = RNG.integers(0, 16, (4, 32)), random(4, 2)
    tensors = {
        "a.weight_packed": packed(codes, 4),
        "a.weight_scale": scale,
        "a.weight_shape": torch.tensor([4, 32]),
    }
    expected = (codes - 8) * np.repeat(scale.numpy(), 16, 1)
    np.testing.assert_allclose(only(saved(tmp_path / "a.pt", tensors)), expected, rtol=1e-6)


def test_mxfp4_experts(tmp_path):
    values = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    values = np.concatenate([values, -values])
    codes = RNG.integers(0, 16, (2, 3, 2, 32))
    exponents = RNG.integers(120, 130, (2, 3, 2))
    tensors = {
        "experts.down_proj_blocks": torch.from_numpy(
            (codes[..., ::2] + 16 * codes[..., 1::2]).astype(np.uint8)
        ),
        "experts.down_proj_scales": torch.from_numpy(exponents.astype(np.uint8)),
    }
    one = saved(tmp_path / "a.pt", tensors).matrices
    expected = (values[codes] * 2.0 ** (exponents[..., None] - 127)).reshape(2, 3, 64)
    assert [*one] == ["experts.down_proj.expert0", "experts.down_proj.expert1"]
    np.testing.assert_array_equal(one["experts.down_proj.expert1"], expected[1])


@pytest.mark.filterwarnings("ignore:.*quantized tensor creation functions:UserWarning")
def test_tensors_that_pytorch_quantises(tmp_path):
    weight = random(4, 6)
    rows = torch.quantize_per_channel(weight, torch.rand(4) + 0.01, torch.arange(4), 0, torch.qint8)
    whole = torch.quantize_per_tensor(weight, 0.05, 3, torch.quint8)
    one = saved(tmp_path / "a.pt", {"a.weight": rows, "b.weight": whole})
    np.testing.assert_allclose(one.matrices["a"], rows.dequantize(), rtol=1e-6)
    np.testing.assert_allclose(one.matrices["b"], whole.dequantize(), rtol=1e-6)


def test_other_layouts_are_left_out_and_count_in_the_share(tmp_path):
    tensors = {
        "a.weight": random(16, 16).to(torch.float8_e4m3fn),
        "b.W_q": torch.zeros(16, 8, dtype=torch.uint8),
        "b.scale": random(16, 8),
        "b.zeros": random(16, 8),
        "c.weight": random(16, 16),
    }
    one = saved(tmp_path / "a.pt", tensors)
    assert [*one.matrices] == ["c"]
    assert one.skipped["a.weight"] == "float8_e4m3fn: quantised weights, in no layout that is read"
    assert "in no layout that is read" in one.skipped["b.W_q"]
    for name in ("b.scale", "b.zeros"):
        assert one.skipped[name] == "a scale or an offset of quantised weights, by its name"
    assert one.share == pytest.approx(1 / 3)
