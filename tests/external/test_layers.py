"""What of a network is a layer, by shapes and names."""

import re

import numpy as np
import pytest
import torch
from support.stored_network import found, random, saved

from weightlaws.errors import WeightLawsError
from weightlaws.external.names import common_prefix
from weightlaws.external.rounding import level_shift

LAYERS = [
    "embed_out.weight",
    "x_embedder.weight",
    "time_embed.0.weight",
    "time_embedding.linear_1.weight",
    "lm_head.weight",
    "label_emb.0.0.weight",
    "decoder_embed.weight",
    "word_embed_proj.weight",
    "embeddings_project.weight",
    "encoder.embedding_hidden_mapping_in.weight",
    "mask_head.0.weight",
    "scaled.weight",
    "a.adaln.linear.weight",
    "q_lin.weight",
    "context_embedder.weight",
    "emb_layers.1.weight",
]
# What is left out, and a word of the reason.
OTHERS = {
    "layers.0.attn_mask": "mask",
    "causal_mask": "mask",
    "h.0.attn.bias": "bias",
    "q.biases": "offset",
    "q.zeros": "offset",
    "q.qzeros": "offset",
    "q.scales": "scale",
    "q.weight_scale_inv": "scale",
    "relative_position_bias_table": "bias",
    "freqs_cis": "fixed table",
    "rope.inv_freq": "fixed table",
    "pos_encoder.pe": "fixed table",
    "cos_cached": "fixed table",
    "memory_bank": "store",
    "queue": "store",
    "stft_conv.weight": "fixed transform",
    "spectrogram_extractor.stft.conv_real.weight": "fixed transform",
    "logmel_extractor.melW": "fixed transform",
    "mel_basis": "fixed transform",
    "pos_embed": "embedding",
    "decoder.sentence_pos.weight": "embedding",
    "model.embed_tokens.weight": "embedding",
    "tables.embeddings.0.weight": "embedding",
    "cls_tokens": "embedding",
    "shared.weight": "embedding",
    "quantizer.codebook.weight": "embedding",
    "norm.weight": "norm",
    "block.layer_norm.weight": "norm",
    "ln_f.weight": "norm",
    "ssm.A_log": "state space",
    "exp_avg": "optimiser",
    "optimizer.state.0.exp_avg_sq": "optimiser",
    "optimizer_state.momentum": "optimiser",
    "dense.kernel.Adam_1": "optimiser",
}


def test_names_tell_layers_from_the_rest(tmp_path):
    tensors = {name: random(4, 3) for name in [*LAYERS, *OTHERS]}
    one = saved(tmp_path / "a.pt", tensors)
    assert [*one.matrices] == [name.removesuffix(".weight") for name in LAYERS]
    for name, word in OTHERS.items():
        assert word in one.skipped[name], name


def test_patches_are_projected_by_convolutions(tmp_path):
    tensors = {
        "vision.embeddings.patch_embedding.weight": random(5, 3, 2, 2),
        "patch_embed.weight": random(5, 3, 2, 2),
        "embeddings.patch_embeddings.projection.weight": random(5, 3, 2, 2),
        "x_embedder.proj.weight": random(5, 3, 2, 2),
    }
    one = saved(tmp_path / "a.pt", tensors)
    assert {name: m.shape for name, m in one.matrices.items()} == {
        name.removesuffix(".weight"): (5, 12) for name in tensors
    }


def test_a_bias_for_each_output_tells_a_layer_from_an_embedding(tmp_path):
    tensors = {
        "token_embed.weight": random(5, 3),
        "sound_embed.weight": random(5, 3),
        "sound_embed.bias": random(5),
    }
    one = saved(tmp_path / "a.pt", tensors)
    assert [*one.matrices] == ["sound_embed"]


def test_a_norm_over_several_dimensions_is_left_out(tmp_path):
    tensors = {
        "a.weight": random(5, 3),
        "decoder.ln.weight": random(10, 8, 4),
        "rescale.weight": random(8, 4),
        "rescale.bias": random(8, 4),
    }
    one = saved(tmp_path / "a.pt", tensors)
    assert [*one.matrices] == ["a"]
    assert "the scale of a norm" in one.skipped["decoder.ln.weight"]
    assert "the scale of a norm" in one.skipped["rescale.weight"]


def test_tied_weights_are_one_layer_with_all_names(tmp_path):
    weight = random(10, 4)
    tensors = {"wte.weight": weight, "head.weight": weight, "again.weight": weight, "t": weight.T}
    for one in (saved(tmp_path / "a.pt", tensors), found(tensors)):
        assert [*one.matrices] == ["head"]
        assert one.notes["head"] == ("the same array as wte.weight, again.weight, t",)
        assert one.skipped["again.weight"] == "the same array as head.weight"
        assert "embedding" in one.skipped["wte.weight"]
        assert one.share == 1


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("ema_model.net.fc.weight", "net.fc.weight"),
        ("ema_model.net.fc.weight", "online_model.net.fc.weight"),
        ("ema_model.fc.weight", "model.fc.weight"),
        ("model_ema.netfcweight", "model.net.fc.weight"),
        ("teacher.fc.weight", "student.fc.weight"),
        ("encoder_k.fc.weight", "encoder_q.fc.weight"),
    ],
)
def test_moving_averages_are_left_out(tmp_path, copy, original):
    one = saved(tmp_path / "a.pt", {copy: random(4, 5), original: random(4, 5) + 1})
    layer = original.removesuffix(".weight")
    assert [*one.matrices] == [layer]
    assert one.skipped == {copy: f"a moving average of {original}"}
    assert one.notes[layer] == (f"left out is its moving average {copy}",)
    assert one.share == 1
    assert len(saved(tmp_path / "b.pt", {copy: random(4, 5)}).matrices) == 1


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.model."])
def test_prefixes_that_all_names_have_are_taken_off(tmp_path, prefix):
    tensors = {f"{prefix}{name}": random(4, 5) for name in ("fc.weight", "model.weight")}
    one = saved(tmp_path / "a.pt", {**tensors, f"{prefix}fc.bias": random(4)})
    assert [*one.matrices] == ["fc", "model"]
    assert [*one.skipped] == [f"{prefix}fc.bias"]
    one = saved(tmp_path / "b.pt", {**tensors, "head.weight": random(4, 5)})
    assert [*one.matrices] == [f"{prefix}fc", f"{prefix}model", "head"]


def test_a_prefix_is_several_of_them():
    assert common_prefix(["module.model.a", "module.model.b"]) == "module.model."
    assert common_prefix(["model.a", "module.b"]) == ""
    assert common_prefix([]) == ""


def test_what_the_numbers_tell(tmp_path):
    tensors = {
        "a.weight": random(4, 5),
        "c.weight": random(4, 5).to(torch.complex64),
        "row.weight": random(1, 5),
        "column.weight": random(5, 1),
        "zero.weight": torch.zeros(4, 5),
        "constant.weight": torch.full((4, 5), 2.0),
        "nan.weight": torch.full((4, 5), torch.nan),
        "index": torch.zeros(4, 5, dtype=torch.int64),
    }
    one = saved(tmp_path / "a.pt", tensors)
    assert [*one.matrices] == ["a", "zero", "constant"]
    assert "complex" in one.skipped["c.weight"]
    for name in ("row.weight", "column.weight"):
        assert "a single row or column" in one.skipped[name]
    assert one.skipped["nan"] == "20 of 20 weights NaN or infinite"
    assert one.skipped["index"] == "int64: integers or a mask"


def test_the_share_of_weights_that_are_analysed(tmp_path):
    tensors = {
        "fc.weight": random(4, 5),
        "fc.bias": random(4),
        "embed.weight": random(4, 4),
        "attn_mask": random(100, 100),
        "exp_avg": random(100, 100),
    }
    assert saved(tmp_path / "a.pt", tensors).share == pytest.approx(20 / 40)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e5m2"])
def test_rounding_moves_levels_as_far_as_the_note_says(dtype):
    n, moved = 200, []
    for seed in range(3):
        weight = np.random.default_rng(seed).standard_normal((n, n + 50)).astype(np.float32)
        rounded = torch.from_numpy(weight).to(getattr(torch, dtype)).double().numpy()
        exact, now = (np.linalg.svd(w, compute_uv=False) for w in (weight.astype(float), rounded))
        moved.append((now - exact) / ((exact[0] - exact[-1]) / n))
    measured = np.sqrt(np.mean(np.square(np.concatenate(moved))))
    assert level_shift(dtype, (n, n + 50)) == pytest.approx(measured, rel=0.35)


def test_half_precision_has_a_note(tmp_path):
    tensors = {"b": random(64, 64, dtype=torch.bfloat16), "f": random(64, 64)}
    one = saved(tmp_path / "a.pt", tensors)
    assert one.notes["b"] == (
        "bfloat16: rounding moves a level by about 0.0061 mean spacings, far less than one",
    )
    assert one.notes["f"] == ()


THREE = {"a.fc.weight": random(4, 5), "a.out.weight": random(3, 4), "b.fc.weight": random(4, 5)}


@pytest.mark.parametrize(
    ("selection", "kept"),
    [
        ({"include": ("a.*",)}, ["a.fc", "a.out"]),
        ({"exclude": ("*.fc",)}, ["a.out"]),
        ({"include": ("a.*",), "exclude": ("*.out",)}, ["a.fc"]),
        ({"include": ("b.fc",)}, ["b.fc"]),
    ],
)
def test_patterns_choose_layers(tmp_path, selection, kept):
    one = saved(tmp_path / "a.pt", THREE, **selection)
    assert [*one.matrices] == kept
    assert {*one.skipped} == {f"{n}.weight" for n in ("a.fc", "a.out", "b.fc") if n not in kept}
    assert all("pattern" in reason for reason in one.skipped.values())


def test_one_matrix_of_several_in_a_parameter_can_be_chosen(tmp_path):
    one = saved(tmp_path / "a.pt", {"qkv.weight": random(12, 4)}, exclude=("*.value",))
    assert [*one.matrices] == ["qkv.query", "qkv.key"]
    assert one.skipped == {"qkv.value": "excluded by the pattern '*.value'"}
    assert one.share == pytest.approx(2 / 3)


def test_a_name_in_full_is_taken_at_its_word(tmp_path):
    tensors = {"sound_embed.weight": random(5, 3), "fc.weight": random(5, 3)}
    assert [*saved(tmp_path / "a.pt", tensors, include=("sound_embed",)).matrices] == [
        "sound_embed"
    ]
    with pytest.raises(WeightLawsError, match="no layer of that name"):
        saved(tmp_path / "a.pt", tensors, include=("sound*",))


@pytest.mark.parametrize(
    ("key", "pattern", "found_instead"),
    [
        ("include", "a.fx", "no layer of that name, expected .*a.fc"),
        ("exclude", "a.fx", "no layer of that name, expected .*a.fc"),
        ("include", "n", r"no layer: n\.weight is shape \(3,"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(tmp_path, key, pattern, found_instead):
    with pytest.raises(
        WeightLawsError, match=f"{key}: {re.escape(repr(pattern))}: found {found_instead}"
    ):
        saved(tmp_path / "a.pt", {**THREE, "n.weight": random(3)}, **{key: (pattern,)})


def test_what_is_left_out_anyway_can_be_excluded(tmp_path):
    one = saved(tmp_path / "a.pt", {**THREE, "n.weight": random(3)}, exclude=("n", "b.*"))
    assert [*one.matrices] == ["a.fc", "a.out"]


def test_a_state_dict_within_a_mapping():
    inner = {"fc.weight": random(4, 5)}
    assert [*found({"epoch": 3, "state_dict": inner}).matrices] == ["fc"]
    two = {"generator": inner, "critic": {"net": {"out.weight": random(4, 5)}}}
    with pytest.raises(
        WeightLawsError, match=r"several state dicts, expected one of generator, cr"
    ):
        found(two)
    assert [*found(two, state_dict="critic.net").matrices] == ["out"]


def test_what_is_no_network_is_refused():
    with pytest.raises(
        WeightLawsError, match="found a int, expected a path, a state dict or a mod"
    ):
        found(3)


def test_a_network_of_embeddings_alone_can_be_included_by_name(tmp_path):
    tensors = {"embedding.weight": random(5, 3)}
    with pytest.raises(WeightLawsError, match=r"no weight matrix among 1 .*by its full name"):
        saved(tmp_path / "a.pt", tensors)
    assert [*saved(tmp_path / "a.pt", tensors, include=("embedding",)).matrices] == ["embedding"]
