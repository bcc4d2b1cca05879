import hashlib
import pickle
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from weightlaws.errors import WeightLawsError
from weightlaws.training.dataset import dataset_info, load_dataset
from weightlaws.training.datasets import digits as digits_file
from weightlaws.training.plugins import names, plugin
from weightlaws.training.torchvision import import_torchvision


def test_embedded_digits_are_split_evenly_over_classes(digits):
    assert digits["train_images"].shape == (4500, 1, 28, 28)
    assert digits["test_images"].shape == (500, 1, 28, 28)
    assert all(values.dtype == np.uint8 for values in digits.values())
    assert np.bincount(digits["train_labels"]).tolist() == [450] * 10
    assert np.bincount(digits["test_labels"]).tolist() == [50] * 10


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_data_sets_have_as_many_images_as_is_said(name, request):
    splits = request.getfixturevalue(name)
    images = splits["train_images"], splits["test_images"]
    assert tuple(map(len, images)) == dataset_info(name).images


def test_embedded_digits_are_whole_and_unlike(digits):
    images = np.concatenate([digits["train_images"], digits["test_images"]])
    assert len(np.unique(images.reshape(5000, -1), axis=0)) == 5000
    # Ink is white on black, and most of a digit's picture is empty.
    assert images.max() == 255
    assert 0.75 < (images == 0).mean() < 0.85


def write_idx(path, values):
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(header + values.tobytes())


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")]
)
def test_grey_images_come_through_torchvision_as_they_are(tmp_path, monkeypatch, name, folder):
    raw = tmp_path / folder / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(5)
    expected = {}
    for split, prefix, n in (("train", "train", 7), ("test", "t10k", 3)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels)
        expected |= {f"{split}_images": images[:, None], f"{split}_labels": labels}
    with monkeypatch.context() as patch:
        info = replace(dataset_info(name), images=(7, 3), sha256=None)
        patch.setattr(plugin("datasets", name), "INFO", info)
        found = load_dataset(name, tmp_path)
    for key, values in expected.items():
        np.testing.assert_array_equal(found[key], values)
    # As if it were the real one it is refused.
    with pytest.raises(WeightLawsError, match=r"train split, is damaged: found images \(7, 1, 28"):
        load_dataset(name, tmp_path)
    # What is cut off is no data set at all.
    cut = raw / "t10k-images-idx3-ubyte"
    cut.write_bytes(cut.read_bytes()[:-1])
    with pytest.raises(WeightLawsError, match=f"data set {folder}: found no complete files in"):
        load_dataset(name, tmp_path)


def unreachable(*_, **__):
    raise URLError("name or service not known")


def test_coloured_images_come_channels_first(tmp_path, monkeypatch):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    rng = np.random.default_rng(6)
    cifar = import_torchvision().datasets.CIFAR10
    pixels = {}

    def write(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
        pixels[name] = rng.integers(0, 256, (2, 3072), dtype=np.uint8)
    sums = {name: write(name, {"data": p, "labels": [1, 9]}) for name, p in pixels.items()}
    meta = write("batches.meta", {"label_names": list("abcdefghij")})
    monkeypatch.setattr(cifar, "train_list", [sums[f"data_batch_{k}"] for k in range(1, 6)])
    monkeypatch.setattr(cifar, "test_list", [sums["test_batch"]])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "filename": meta[0], "md5": meta[1]})

    info = replace(dataset_info("cifar10"), images=(10, 2))
    monkeypatch.setattr(plugin("datasets", "cifar10"), "INFO", info)
    found = load_dataset("cifar10", tmp_path)
    assert found["train_images"].shape == (10, 3, 32, 32)
    np.testing.assert_array_equal(found["test_images"], pixels["test_batch"].reshape(2, 3, 32, 32))
    assert found["test_labels"].tolist() == [1, 9]

    batch = bytearray((folder / "test_batch").read_bytes())
    batch[-20] ^= 1
    (folder / "test_batch").write_bytes(batch)
    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(WeightLawsError, match="data set CIFAR10: found no complete files in"):
        load_dataset("cifar10", tmp_path)


@pytest.mark.parametrize("name", [name for name in names("datasets") if name != "digits"])
def test_an_absent_data_set_names_the_folder_and_the_way_out(tmp_path, monkeypatch, name):
    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(WeightLawsError) as error:
        load_dataset(name, tmp_path / "here")
    message = str(error.value)
    assert name.replace("-", "") in message.lower()
    assert str(tmp_path / "here") in message
    assert "'data'" in message
    assert "'digits'" in message


def test_damaged_images_are_refused(monkeypatch, digits):
    monkeypatch.setattr(
        digits_file, "load", lambda _: {**digits, "test_labels": digits["test_labels"] + 1}
    )
    with pytest.raises(WeightLawsError, match=r"test split, is damaged: .* up to 10"):
        load_dataset("digits", Path("unused"))


def test_one_other_pixel_is_refused(monkeypatch, digits):
    pixels = digits["train_images"].copy()
    pixels[1234, 0, 14, 14] ^= 1
    monkeypatch.setattr(digits_file, "load", lambda _: {**digits, "train_images": pixels})
    with pytest.raises(
        WeightLawsError, match=r"digits, is damaged: found pixels of SHA-256 .*fa46"
    ):
        load_dataset("digits", Path("unused"))


def test_the_real_mnist(mnist):
    assert mnist["train_images"].shape == (60000, 1, 28, 28)
    assert mnist["test_images"].shape == (10000, 1, 28, 28)
    # The class counts that the data set's authors state.
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist["train_labels"]).tolist() == counts
