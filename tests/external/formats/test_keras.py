"""Files in the layouts that Keras writes; what is expected is what its layers compute with."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest
import torch
from support.weight_files import arrays, numbers, parameters, reasons, shapes

from weightlaws.errors import WeightLawsError

# Each layer's class, settings and variables, in the order in which Keras makes them.
LAYERS = {
    "first": ("Conv2D", {"groups": 1}, {"kernel": (3, 3, 4, 6), "bias": (6,)}),
    "grouped": ("Conv2D", {"groups": 3}, {"kernel": (1, 1, 2, 6), "bias": (6,)}),
    "one": ("Conv1D", {"groups": 1}, {"kernel": (11, 32, 16), "bias": (16,)}),
    "up": ("Conv2DTranspose", {}, {"kernel": (2, 3, 5, 7), "bias": (5,)}),
    "dw": ("DepthwiseConv2D", {}, {"kernel": (3, 2, 4, 2), "bias": (8,)}),
    "sep": (
        "SeparableConv2D",
        {},
        {"depthwise_kernel": (3, 2, 4, 1), "pointwise_kernel": (1, 1, 4, 5), "bias": (5,)},
    ),
    "fc": ("Dense", {}, {"kernel": (5, 4), "bias": (4,)}),
    "mix": ("EinsumDense", {"equation": "abc,cde->abde"}, {"kernel": (6, 2, 5)}),
    "words": ("Embedding", {}, {"embeddings": (9, 4)}),
    "norm": ("BatchNormalization", {}, {"gamma": (4,), "beta": (4,)}),
}
SETTINGS = {"class_name": "Functional", "config": {"name": "model", "layers": [
    {"class_name": kind, "config": {"name": name, **settings}}
    for name, (kind, settings, _) in LAYERS.items()
]}}  # fmt: skip
# The class as Keras spells it in paths.
SPELLED = {
    "Conv2D": "conv2d",
    "Conv1D": "conv1d",
    "Conv2DTranspose": "conv2d_transpose",
    "DepthwiseConv2D": "depthwise_conv2d",
    "SeparableConv2D": "separable_conv2d",
    "Dense": "dense",
    "EinsumDense": "einsum_dense",
    "Embedding": "embedding",
    "BatchNormalization": "batch_normalization",
}


def write_paths(file, root, suffix):
    """As Keras 2 does, and Keras 3 to ``.h5``: variables by name."""
    for name, (_, _, variables) in LAYERS.items():
        for variable, shape in variables.items():
            file[f"{root}{name}/{name}/{variable}{suffix}"] = numbers(*shape)


def as_keras2_model(path):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(SETTINGS), "2.4.0"
        write_paths(file, "model_weights/", ":0")
        for part in "mv":
            file[f"optimizer_weights/training/Adam/fc/kernel/{part}:0"] = numbers(5, 4)


def as_keras2_weights(path):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [*LAYERS]
        write_paths(file, "", ":0")


def as_keras3_model(path):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(SETTINGS), "3.9.0"
        write_paths(file, "model_weights/", "")
        file["optimizer_weights/adam/fc_kernel_momentum"] = numbers(5, 4)


def write_numbered(file):
    count = {}
    for name, (kind, _, variables) in LAYERS.items():
        spelled = SPELLED[kind]
        number = count[spelled] = count.get(spelled, -1) + 1
        group = f"layers/{spelled}{f'_{number}' if number else ''}/vars"
        file.create_group(group).attrs["name"] = name
        for k, shape in enumerate(variables.values()):
            file[f"{group}/{k}"] = numbers(*shape)
    file["optimizer/vars/2"] = numbers(5, 4)


def as_keras3_weights(path):
    with h5py.File(path, "w") as file:
        write_numbered(file)


def archive(path, config, kind=zipfile.ZIP_STORED, write=write_numbered):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file)
    with zipfile.ZipFile(path, "w", kind) as packed:
        packed.writestr("metadata.json", "{}")
        packed.writestr("config.json", json.dumps(config))
        packed.writestr("model.weights.h5", content.getvalue())


def as_keras3_archive(path):
    archive(path, SETTINGS)


WRITERS = {
    "a.h5": as_keras2_model,
    "b.hdf5": as_keras2_weights,
    "c.h5": as_keras3_model,
    "d.weights.h5": as_keras3_weights,
    "e.keras": as_keras3_archive,
}


def outputs(array, layout):
    """The rows by which torch computes each output, from what is read."""
    if layout == "keras":
        return np.moveaxis(array, (-1, -2), (0, 1)).reshape(array.shape[-1], -1)
    return {"in_out": array.T, "torch": array.reshape(len(array), -1)}[layout]


@pytest.mark.parametrize("name", WRITERS)
def test_kernels_are_those_of_torchs_layers(tmp_path, name):
    WRITERS[name](tmp_path / name)
    found, read = parameters(tmp_path / name), arrays(tmp_path / name)

    def layer(key):
        return read[key], found[key].layout

    # A number for each entry of a kernel in Keras's order, (height, width, in, out).
    kernel = numbers(3, 3, 4, 6)
    rows = outputs(*layer("first.kernel"))
    assert rows.shape == (6, 36)
    for out in range(6):
        expected = [kernel[y, x, i, out] for i in range(4) for y in range(3) for x in range(3)]
        np.testing.assert_array_equal(rows[out], expected)
    assert outputs(*layer("one.kernel")).shape == (16, 352)
    assert outputs(*layer("fc.kernel")).shape == (4, 5)
    np.testing.assert_array_equal(outputs(*layer("fc.kernel")), numbers(5, 4).T)
    # Keras computes its transposed convolution as the gradient of that of (height, width, in, out)
    # with in and out exchanged; torch has (in, out, height, width).
    up, layout = layer("up.kernel")
    assert layout == "transposed"
    np.testing.assert_array_equal(up, np.transpose(numbers(2, 3, 5, 7), (3, 2, 0, 1)))
    depthwise = "dw.depthwise_kernel" if "dw.depthwise_kernel" in read else "dw.kernel"
    each, layout = layer(depthwise)
    assert (each.shape, layout, found[depthwise].groups) == ((8, 1, 3, 2), "torch", 4)
    stored = numbers(3, 2, 4, 2)
    for channel in range(4):
        for copy in range(2):
            np.testing.assert_array_equal(each[2 * channel + copy, 0], stored[:, :, channel, copy])
    assert outputs(*layer("sep.pointwise_kernel")).shape == (5, 4)
    assert read["sep.depthwise_kernel"].shape == (4, 1, 3, 2)
    left_out = reasons(tmp_path / name)
    assert left_out["words.embeddings"] == "an embedding, by its layer"
    if name == "d.weights.h5":
        assert left_out["mix.kernel"] == "a kernel of EinsumDense without its equation"
    elif name != "b.hdf5":  # which does not say that it is one
        rows = outputs(*layer("mix.kernel"))
        np.testing.assert_array_equal(rows, numbers(6, 2, 5).reshape(6, 10).T)
        assert found["grouped.kernel"].groups == 3
    assert all(found[key].typed for key in read if key.endswith("kernel"))


@pytest.mark.parametrize("name", ["a.h5", "c.h5", "d.weights.h5", "e.keras"])
def test_an_optimisers_arrays_are_skipped_with_their_reason(tmp_path, name):
    WRITERS[name](tmp_path / name)
    found = {key: reason for key, reason in reasons(tmp_path / name).items() if "optimizer" in key}
    assert found
    assert {*found.values()} == {"an optimiser's state"}


def test_a_depthwise_convolution_is_that_of_torch(tmp_path):
    """The kernel that is read computes in torch what Keras's formula says."""
    as_keras2_model(tmp_path / "a.h5")
    kernel = torch.from_numpy(arrays(tmp_path / "a.h5")["dw.kernel"])
    image, stored = torch.randn(1, 4, 3, 2), numbers(3, 2, 4, 2)
    found = torch.nn.functional.conv2d(image, kernel, groups=4).numpy().ravel()
    expected = np.einsum("iyx,yxik->ik", image[0].numpy(), stored).ravel()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_attention_and_recurrent_layers(tmp_path):
    path = tmp_path / "a.weights.h5"
    variables = {
        "multi_head_attention/query_dense": {"0": (6, 2, 4), "1": (2, 4)},
        "multi_head_attention/output_dense": {"0": (2, 4, 6), "1": (6,)},
        "lstm/cell": {"0": (6, 28), "1": (7, 28), "2": (28,)},
        "bidirectional/forward_layer/cell": {"0": (7, 9), "1": (3, 9)},
    }
    names = {
        "multi_head_attention": "mha",
        "multi_head_attention/query_dense": "query",
        "multi_head_attention/output_dense": "attention_output",
        "lstm": "lstm",
        "lstm/cell": "lstm_cell",
        "bidirectional": "both",
        "bidirectional/forward_layer": "forward_gru",
        "bidirectional/forward_layer/cell": "gru_cell",
    }
    with h5py.File(path, "w") as file:
        for part, name in names.items():
            file.create_group(f"layers/{part}/vars").attrs["name"] = name
        for part, shapes_of in variables.items():
            for key, shape in shapes_of.items():
                file[f"layers/{part}/vars/{key}"] = numbers(*shape)
    found = {
        name: (each.shape, each.layout) for name, each in parameters(path).items() if each.typed
    }
    assert found == {
        "mha.query.kernel": ((6, 8), "in_out"),
        "mha.attention_output.kernel": ((8, 6), "in_out"),
        "lstm.lstm_cell.kernel": ((6, 28), "keras"),
        "lstm.lstm_cell.recurrent_kernel": ((7, 28), "keras"),
        "both.forward_gru.gru_cell.kernel": ((7, 9), "keras"),
        "both.forward_gru.gru_cell.recurrent_kernel": ((3, 9), "keras"),
    }
    read = arrays(path)["mha.attention_output.kernel"]
    np.testing.assert_array_equal(read, numbers(2, 4, 6).reshape(8, 6))


def test_the_layer_within_a_wrapper_says_what_the_kernel_is(tmp_path):
    inner = {"class_name": "Conv2DTranspose", "config": {"name": "inner"}}
    layer = {"class_name": "TimeDistributed", "config": {"name": "each", "layer": inner}}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"config": {"layers": [layer]}})
        file["model_weights/each/each/kernel:0"] = numbers(2, 3, 5, 7)
    assert parameters(tmp_path / "a.h5")["each.kernel"].layout == "transposed"


def test_two_layers_of_one_name_in_nested_models_keep_their_paths(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["model_weights/m/m/kernel:0"] = numbers(4, 3)
        file["model_weights/m/m_1/kernel:0"] = numbers(4, 3)
    assert shapes(tmp_path / "a.h5").keys() == {
        "model_weights.m.m.kernel:0",
        "model_weights.m.m_1.kernel:0",
    }


def test_bfloat16_is_read_as_it_is_marked(tmp_path):
    saved = torch.randn(4, 3).to(torch.bfloat16)

    def write(file):
        file.create_group("layers/dense/vars").attrs["name"] = "fc"
        bits = saved.view(torch.int16).numpy().view("V2")
        file.create_dataset("layers/dense/vars/0", data=bits).attrs["dtype"] = "bfloat16"

    archive(tmp_path / "a.keras", {}, write=write)
    assert parameters(tmp_path / "a.keras")["fc.kernel"].dtype == "bfloat16"
    np.testing.assert_array_equal(arrays(tmp_path / "a.keras")["fc.kernel"], saved.double())


def test_archives_without_weights_or_compressed_are_refused(tmp_path):
    archive(tmp_path / "a.keras", SETTINGS, zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightLawsError, match=r"a\.keras: file: found a compressed archive"):
        parameters(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as packed:
        packed.writestr("metadata.json", "{}")
        packed.writestr("config.json", "{}")
        packed.writestr("model.weights.json", "{}")
    with pytest.raises(WeightLawsError, match=r"found no model\.weights\.h5 .*without shards"):
        parameters(tmp_path / "b.keras")


def test_a_damaged_configuration_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["model_config"] = "{"
        write_paths(file, "model_weights/", ":0")
    with pytest.raises(WeightLawsError, match=r"a\.h5: file: found damaged data \(JSONDecodeError"):
        parameters(tmp_path / "a.h5")
