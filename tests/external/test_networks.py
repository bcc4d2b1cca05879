import json
import logging
import os
import pickle
import subprocess
import sys
import urllib.error
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support import transformer
from support.weight_files import ELSEWHERE, HEADERS

from weightlaws.errors import WeightLawsError
from weightlaws.external.ensembles import describe, read_members
from weightlaws.external.networks import (
    checkpoint_name,
    fit_name,
    layer_shapes,
    layers,
    opened,
    skipped,
)
from weightlaws.training.torchvision import import_torchvision

SMALL = "shufflenet_v2_x0_5"


def random(*shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator).to(dtype)


def a_network():
    """Parameters of each kind: what comes first are layers."""
    return {
        "z.weight": random(4, 3),
        "conv1.weight": random(5, 2, 3),
        "conv2.weight": random(6, 2, 3, 4),
        "conv3.weight": random(2, 3, 2, 3, 2),
        "attention.in_proj_weight": random(12, 4),
        "z.bias": random(4),
        "norm.weight": random(3),
        "positions": torch.arange(6).reshape(2, 3),
        "mask": torch.ones(3, 3, dtype=torch.bool),
        "embeddings.word_embeddings.weight": random(7, 3),
        "class": random(1, 1, 3),
        "steps": torch.tensor(3.0),
    }


LAYERS = {
    "z": (4, 3),
    "conv1": (5, 6),
    "conv2": (6, 24),
    "conv3": (2, 36),
    "attention.in_proj_weight.query": (4, 4),
    "attention.in_proj_weight.key": (4, 4),
    "attention.in_proj_weight.value": (4, 4),
}


def as_safetensors(path, tensors):
    save_file(tensors, path)


def as_hdf5(path, tensors):
    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            file[name.replace(".", "/")] = tensor.numpy()


def as_legacy(path, tensors):
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


def as_pytorch(path, tensors):
    torch.save(tensors, path)


def nested(key):
    return lambda path, tensors: torch.save({"epoch": 3, key: tensors, "optimizer": {}}, path)


FORMATS = {
    "a.safetensors": as_safetensors,
    "a.pt": as_pytorch,
    "a.PTH": as_legacy,
    "a.bin": nested("model"),
    "a.ckpt": nested("state_dict"),
    "b.pt": nested("model_state_dict"),
    "a.h5": as_hdf5,
    "a.hdf5": as_hdf5,
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_layers_and_says_what_it_leaves_out(tmp_path, caplog, name):
    path, tensors = tmp_path / name, a_network()
    FORMATS[name](path, tensors)
    with caplog.at_level(logging.INFO, "weightlaws"):
        found = dict(layers(str(path)))
    assert {layer: matrix.shape for layer, matrix in found.items()} == LAYERS
    assert layer_shapes(str(path)) == LAYERS
    assert list(layer_shapes(str(path))) == list(found)
    for layer, matrix in found.items():
        tensor = tensors.get(f"{layer}.weight")
        if tensor is None:
            parameter, part = layer.rsplit(".", 1)
            place = ("query", "key", "value").index(part) * 4
            tensor = tensors[parameter][place : place + 4]
        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix, tensor.flatten(1).numpy())
    left_out = skipped(str(path))
    read = {f"{layer}.weight" for layer in LAYERS} | {"attention.in_proj_weight"}
    assert left_out.keys() == tensors.keys() - read
    assert "vector" in left_out["z.bias"]
    assert "integers" in left_out["positions"]
    assert "embedding" in left_out["embeddings.word_embeddings.weight"]
    assert "single row" in left_out["class"]
    for parameter, reason in left_out.items():
        assert f"{parameter} is left out: {reason}" in caplog.text


def test_pytorch_files_keep_the_order_of_the_network(tmp_path):
    torch.save(a_network(), tmp_path / "a.pt")
    assert list(layer_shapes(str(tmp_path / "a.pt"))) == list(LAYERS)


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_half_precision_becomes_float32_and_double_stays(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    tensors = {
        "b": random(5, 4, dtype=torch.bfloat16),
        "d": random(5, 4, dtype=torch.float64),
        "h": random(5, 4, dtype=torch.float16),
        "q": random(5, 4).to(torch.float8_e4m3fn),
    }
    FORMATS[f"a.{suffix}"](path, tensors)
    found = dict(layers(str(path)))
    assert {name: matrix.dtype for name, matrix in found.items()} == {
        "b": np.float32,
        "d": np.float64,
        "h": np.float32,
    }
    for name, matrix in found.items():
        np.testing.assert_array_equal(matrix, tensors[name].double().numpy())
    assert "quantised" in skipped(str(path))["q"]


def test_a_convolution_is_unfolded_along_its_output(tmp_path):
    kernel = random(3, 2, 2, 2)
    torch.save({"conv.weight": kernel}, tmp_path / "a.pt")
    ((_, matrix),) = layers(str(tmp_path / "a.pt"))
    for out in range(3):
        expected = [kernel[out, i, y, x] for i in range(2) for y in range(2) for x in range(2)]
        assert matrix[out].tolist() == [float(value) for value in expected]


MATRICES = [
    "h.0.attn.c_attn.weight",
    "lm_head.weight",
    "text_projection",
    "time_embedding.linear_1.weight",
    "encoder.embedder.projection.weight",
    "shared.0.weight",
    "block.shared_expert.up_proj.weight",
    "tokenizer.conv.weight",
    "lstm.weight_ih_l0",
    "scaled.weight",
]
NO_MATRICES = [
    "embeddings.word_embeddings.weight",
    "bert.embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "transformer.wte.weight",
    "wpe.weight",
    "model.embed_tokens.weight",
    "Embedding.weight",
    "pos_embed",
    "tok_emb.weight",
    "tables.embeddings.0.weight",
    "shared.weight",
    "query_tokens",
    "blocks.0.attn.rel_pos_h",
    "block.0.SelfAttention.relative_attention_bias.weight",
    "h.0.attn.bias",
    "layers.0.relative_position_bias_table",
    "layers.0.q_proj.scales",
    "layers.0.q_proj.weight_scale_inv",
]


def test_names_tell_embeddings_biases_and_scales_from_layers(tmp_path):
    torch.save({name: random(4, 3) for name in MATRICES + NO_MATRICES}, tmp_path / "a.pt")
    found = layer_shapes(str(tmp_path / "a.pt"))
    assert list(found) == [name.removesuffix(".weight") for name in MATRICES]
    assert list(skipped(str(tmp_path / "a.pt"))) == NO_MATRICES


class Bomb:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def as_pickle(path, value):
    path.write_bytes(pickle.dumps(value, protocol=2))


def test_a_compressed_archive_is_refused(tmp_path):
    """A short one can hold more than there is memory."""
    as_pytorch(tmp_path / "whole.pt", {"a": torch.zeros(100, 100)})
    with (
        zipfile.ZipFile(tmp_path / "whole.pt") as whole,
        zipfile.ZipFile(tmp_path / "a.pt", "w") as packed,
    ):
        for entry in whole.infolist():
            pickled = entry.filename.endswith("data.pkl")
            kind = zipfile.ZIP_DEFLATED if pickled else zipfile.ZIP_STORED
            packed.writestr(entry.filename, whole.read(entry), kind)
    assert torch.load(tmp_path / "a.pt", weights_only=True)
    with pytest.raises(WeightLawsError, match=r"a\.pt: file: found a compressed archive"):
        layer_shapes(str(tmp_path / "a.pt"))


def test_a_tensor_that_repeats_few_numbers_is_left_out(tmp_path):
    huge = torch.zeros(1).expand(10**6, 10**6)
    torch.save({"a.weight": random(3, 3), "huge": huge}, tmp_path / "a.pt")
    assert list(dict(layers(str(tmp_path / "a.pt")))) == ["a"]
    expected = {"huge": "shape (1000000, 1000000): repeats the 4 bytes that are stored"}
    assert skipped(str(tmp_path / "a.pt")) == expected


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_headers_that_do_not_fit_their_file_are_refused(tmp_path, header):
    text = json.dumps(header).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(64))
    with pytest.raises(WeightLawsError, match=r"a\.safetensors: file: found what safetensors"):
        layer_shapes(str(path))


def test_a_header_longer_than_its_file_is_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes((10**15).to_bytes(8, "little") + b"{}")
    with pytest.raises(WeightLawsError, match="header too large"):
        layer_shapes(str(tmp_path / "a.safetensors"))


@pytest.mark.parametrize(("write", "found"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_data_that_are_not_in_an_hdf5_file_are_refused(tmp_path, write, found):
    """By single networks and ensembles alike; what stands elsewhere is not opened."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = np.ones((6, 5, 5))
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones((6, 5, 5))
        write(file, tmp_path / "other.h5")
    for read in (layer_shapes, describe):
        with pytest.raises(WeightLawsError, match=rf"a\.h5: /?{found}.*data in the file itself"):
            read(str(path))


def test_references_in_an_hdf5_file_are_left_out(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.arange(150.0).reshape(6, 5, 5)
        for name, kind in {"r": h5py.ref_dtype, "v": h5py.vlen_dtype(np.float64)}.items():
            file.create_dataset(name, (6, 5, 5), kind)
        file["r"][:] = file["a"].ref
        file["text"] = ["a.txt"] * 6
        file["pair"] = np.ones((6, 5, 5), [("x", "f8"), ("y", "f8")])
        file["again"] = file["/"]  # a group within itself
    assert layer_shapes(str(path)) == {"a": (6, 25)}
    assert describe(path).shapes == {"a": (5, 5)}
    assert {*skipped(str(path))} == {"r", "v", "text", "pair"}


def test_an_unknown_filter_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.ones((6, 5, 5)), compression="lzf")
    content, number = path.read_bytes(), (32000).to_bytes(2, "little")
    assert content.count(number) == 1
    path.write_bytes(content.replace(number, (32999).to_bytes(2, "little")))
    with pytest.raises(WeightLawsError, match=r"a\.h5: a: found damaged data"):
        list(layers(str(path)))
    with pytest.raises(WeightLawsError, match=r"a\.h5: a: found damaged data"):
        list(read_members(path, {"a": (5, 5)}, 0, 5))


@pytest.mark.parametrize(
    "name", ["", ".", "/a", "a/", "a//b", "a/./b", "a\nb", "\u202ea", "\ud7ff\0"]
)
def test_layers_by_whose_name_nothing_can_be_stored_are_refused(tmp_path, name):
    save_file({name: random(3, 3)}, tmp_path / "a.safetensors")
    with pytest.raises(WeightLawsError, match=r"a\.safetensors: name of a layer: found '.*rename"):
        layer_shapes(str(tmp_path / "a.safetensors"))


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt", "a.PTH", "a.h5"])
def test_truncated_files_are_refused(tmp_path, name):
    path = tmp_path / name
    FORMATS[name](path, {"a": random(100, 100)})
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(WeightLawsError, match=name):
        list(layers(str(path)))


def test_damaged_numbers_are_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.full((50, 50), 1.5), chunks=(50, 50), fletcher32=True)
    content = path.read_bytes()
    spot = content.index(np.full(9, 1.5).tobytes())
    path.write_bytes(content[:spot] + b"damage" + content[spot + 6 :])
    with pytest.raises(WeightLawsError, match=r"a\.h5: a: found damaged data"):
        list(layers(str(path)))


def test_a_file_without_a_matrix_is_refused(tmp_path):
    save_file({f"norm{k}.weight": torch.ones(3) for k in range(7)}, tmp_path / "a.safetensors")
    with pytest.raises(
        WeightLawsError, match=r"no weight matrix among 7 \(norm0.*norm4.weight, \.\.\."
    ):
        layer_shapes(str(tmp_path / "a.safetensors"))


def test_two_parameters_of_one_name_are_refused(tmp_path):
    torch.save({"a": torch.ones(3, 3), "a.weight": torch.ones(3, 3)}, tmp_path / "a.pt")
    with pytest.raises(WeightLawsError, match=r"layer a: found both a and a\.weight"):
        layer_shapes(str(tmp_path / "a.pt"))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a.b"], file["a/b"] = np.ones((3, 3)), np.ones((3, 3))
    with pytest.raises(WeightLawsError, match=r"dataset a\.b: found both /a[./]b and /a[./]b"):
        layer_shapes(str(tmp_path / "a.h5"))


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_layers_that_are_not_finite_are_left_out_by_name(tmp_path, caplog, value):
    bad = random(3, 4)
    bad[1, 2] = value
    torch.save({"a.weight": random(3, 3), "b.weight": bad}, tmp_path / "a.pt")
    source = str(tmp_path / "a.pt")
    assert [name for name, _ in layers(source)] == ["a"]
    assert "b is left out: 1 of 12 weights NaN or infinite" in caplog.text
    with opened(source) as network:
        assert network.share == 1
        assert [name for name, _ in network.matrices()] == ["a"]
        assert network.skipped == {"b": "1 of 12 weights NaN or infinite"}
        assert network.share == pytest.approx(9 / 21)
    assert not np.isfinite(dict(layers(source, finite=False))["b"]).all()


def test_a_network_without_a_finite_layer_is_refused(tmp_path):
    torch.save({"b.weight": torch.full((3, 4), torch.nan)}, tmp_path / "a.pt")
    with pytest.raises(WeightLawsError, match="layer b: found 12 of 12 weights NaN or infinite"):
        list(layers(str(tmp_path / "a.pt")))


def test_headers_are_read_without_torch(tmp_path):
    save_file({"a.weight": random(3, 4, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    as_hdf5(tmp_path / "a.h5", {"a.weight": random(3, 4)})
    script = (
        "import sys; from weightlaws.external.networks import layer_shapes\n"
        "for path in sys.argv[1:]: assert layer_shapes(path) == {'a': (3, 4)}\n"
        "assert 'torch' not in sys.modules"
    )
    paths = [str(tmp_path / name) for name in ("a.safetensors", "a.h5")]
    subprocess.run([sys.executable, "-c", script, *paths], check=True)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("torchvision:vgg16", "torchvision-vgg16"),
        ("path/to/my model.safetensors", "my-model"),
        ("nets/vgg16.v2.pt", "vgg16.v2"),
        ("../_(best)_.ckpt", "best"),
        ("Modèle 2.h5", "Mod-le-2"),
    ],
)
def test_names_fit_for_files(source, name):
    assert checkpoint_name(source) == name


def test_a_name_of_no_letters_is_refused():
    with pytest.raises(WeightLawsError, match="rename it"):
        checkpoint_name("nets/__.pt")
    with pytest.raises(WeightLawsError, match="'模型'"):
        fit_name("模型", "here")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The folder where torch looks for downloaded weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def weights_file(name):
    return Path(import_torchvision().models.get_model_weights(name).DEFAULT.url).name


def test_a_model_of_torchvision_with_its_default_weights(hub):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = import_torchvision().models.get_model(SMALL, weights=None)
    torch.save(model.state_dict(), hub / weights_file(SMALL))
    found = dict(layers(f"torchvision:{SMALL}"))
    modules = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)
    }
    # Where each channel has a kernel of its own, a group has a single row.
    depthwise = {name for name, module in modules.items() if getattr(module, "groups", 1) > 1}
    assert len(depthwise) > 9
    assert list(found) == [name for name in modules if name not in depthwise]
    for name, matrix in found.items():
        np.testing.assert_array_equal(matrix, modules[name].weight.detach().flatten(1).numpy())
    shapes = layer_shapes(f"torchvision:{SMALL}")
    assert list(shapes.items()) == [(name, matrix.shape) for name, matrix in found.items()]
    assert shapes["fc"] == (1000, 1024)
    left_out = skipped(f"torchvision:{SMALL}")
    assert "vector" in left_out["fc.bias"]
    assert {left_out[f"{name}.weight"] for name in depthwise} == {
        f"shape {tuple(modules[name].weight.shape)}: a single row or column of each group"
        for name in depthwise
    }
    assert left_out.keys() | {f"{name}.weight" for name in found} == model.state_dict().keys()


@pytest.mark.parametrize(
    ("model", "n_layers", "layer", "shape"),
    [
        ("vgg16", 16, "classifier.0", (4096, 25088)),
        ("googlenet", 58, "conv1.conv", (64, 147)),
        ("regnet_y_128gf", 361, "fc", (1000, 7392)),
        ("fcn_resnet50", 57, "aux_classifier.4", (21, 256)),
        (
            "vit_b_16",
            74,
            "encoder.layers.encoder_layer_0.self_attention.in_proj_weight.query",
            (768, 768),
        ),
    ],
)
def test_shapes_of_torchvision_need_no_weights(hub, model, n_layers, layer, shape):
    shapes = layer_shapes(f"torchvision:{model}")
    assert len(shapes) == n_layers
    assert shapes[layer] == shape
    assert not [*hub.iterdir()]


@pytest.mark.parametrize("name", ["resnet19", "quantized_resnet18"])
def test_an_unknown_model_is_refused_with_those_of_like_names(name):
    for read in (layer_shapes, lambda source: next(layers(source))):
        with pytest.raises(WeightLawsError, match=f"'{name}', expected .*resnet18.*list_models"):
            read(f"torchvision:{name}")


def test_a_failed_download_says_where_the_file_belongs(hub, monkeypatch):
    def fail(*_, **__):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    expected = f"torchvision:{SMALL}: folder {hub}: found no {weights_file(SMALL)} .*no network.*"
    with pytest.raises(WeightLawsError, match=f"{expected}TORCH_HOME"):
        next(layers(f"torchvision:{SMALL}"))


def test_code_in_place_of_torchvisions_weights_is_not_run(hub, tmp_path):
    torch.save({"fc.weight": Bomb(tmp_path / "made")}, hub / weights_file(SMALL))
    with pytest.raises(WeightLawsError, match="delete it first if it is damaged"):
        next(layers(f"torchvision:{SMALL}"))
    assert not (tmp_path / "made").exists()


def test_a_transformer():
    source = transformer.weights()
    parts = {
        "attention.self.query": (384, 384),
        "attention.self.key": (384, 384),
        "attention.self.value": (384, 384),
        "attention.output.dense": (384, 384),
        "intermediate.dense": (1536, 384),
        "output.dense": (384, 1536),
    }
    expected = {
        f"encoder.layer.{k}.{part}": shape for k in range(6) for part, shape in parts.items()
    }
    assert layer_shapes(source) == {**expected, "pooler.dense": (384, 384)}
    assert {name: matrix.shape for name, matrix in layers(source)} == layer_shapes(source)
    left_out = skipped(source)
    for kind in ("word", "position", "token_type"):
        assert left_out[f"embeddings.{kind}_embeddings.weight"] == "an embedding, by its name"
