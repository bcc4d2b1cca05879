import h5py
import numpy as np
import pytest
from support.project import CODE, DEFAULT

from weightlaws.errors import WeightLawsError
from weightlaws.planning.specs import dataset_spec
from weightlaws.study.study import StudyError, parse_study, recorded_study, study_to_yaml
from weightlaws.training.dataset_job import load_images
from weightlaws.training.own_data import describe, load
from weightlaws.training.teacher import teacher_splits


def arrays(shape=(2, 4), **changes):
    rng = np.random.default_rng(3)
    found = {}
    for split, n in (("train", 12), ("test", 6)):
        found[f"{split}_images"] = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
        found[f"{split}_labels"] = np.arange(n) % 3
    return found | changes


def write(path, values):
    if path.suffix == ".npz":
        np.savez(path, **values)
    else:
        with h5py.File(path, "w") as file:
            for name, each in values.items():
                file[name] = each
    return path


def study_of(data, **changes):
    sweep = {**DEFAULT["sweeps"][0], "dataset": data, **changes}
    return parse_study({**DEFAULT, "sweeps": [sweep]})


def spec_of(study):
    return dataset_spec(study, next(iter(study.trained.values())), CODE)


@pytest.mark.parametrize("name", ["mine.npz", "mine.h5"])
@pytest.mark.parametrize("shape", [(8,), (2, 4), (2, 2, 2)])
def test_bytes_stay_and_floats_are_the_same_pixels(tmp_path, name, shape):
    values = arrays(shape)
    found = load(write(tmp_path / name, values), None)
    assert describe(tmp_path / name, None).classes == 3
    assert describe(tmp_path / name, None).images == (12, 6)
    floats = {n: v.astype(np.float64) if "images" in n else v for n, v in values.items()}
    scaled = load(write(tmp_path / name, floats), (0.0, 255.0))
    for split in ("train", "test"):
        images = found[f"{split}_images"]
        np.testing.assert_array_equal(images.ravel(), values[f"{split}_images"].ravel())
        assert images.ndim == 4
        assert scaled[f"{split}_images"].dtype == np.float32
        expected = images / np.float32(127.5) - np.float32(1)
        np.testing.assert_allclose(scaled[f"{split}_images"], expected, atol=2e-7)


BAD = [
    ({"train_labels": np.arange(12) % 3 * 2}, None, "train_labels: found no label 1"),
    ({"train_labels": np.arange(11)}, None, r"train_labels: found shape \(11,\)"),
    ({"train_labels": np.arange(12) % 3 - 1}, None, "train_labels: found the label -1"),
    ({"test_labels": np.full(6, 256)}, None, "test_labels: found the label 256"),
    ({"test_images": np.zeros((6, 9), np.uint8)}, None, r"test_images: found images \(9,\)"),
    ({"train_images": np.zeros(12, np.uint8)}, None, r"train_images: found shape \(12,\)"),
    ({"train_images": np.zeros((12, 8), int)}, None, "train_images: found type int64"),
    ({"train_images": np.zeros((12, 8))}, None, "no range beside the path"),
    ({}, (0.0, 1.0), "found bytes, and a range"),
]


@pytest.mark.parametrize(("changes", "limits", "words"), BAD)
def test_what_is_no_data_set_is_one_clear_error(tmp_path, changes, limits, words):
    path = write(tmp_path / "mine.npz", arrays(**changes))
    with pytest.raises(WeightLawsError, match=words):
        describe(path, limits)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "text.npz").write_text("no zip")
    (tmp_path / "text.h5").write_text("no HDF5")
    for name in ("text.npz", "text.h5", "absent.npz", "absent.h5"):
        with pytest.raises(WeightLawsError, match="found no file that can be read"):
            describe(tmp_path / name, None)
    with pytest.raises(WeightLawsError, match=r"ending '\.csv'"):
        describe(tmp_path / "mine.csv", None)
    write(tmp_path / "part.npz", {"train_images": np.zeros((2, 3))})
    with pytest.raises(WeightLawsError, match="expected an array train_labels"):
        describe(tmp_path / "part.npz", None)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5])
def test_values_out_of_range_are_named(tmp_path, value):
    values = {n: v / 255 if "images" in n else v for n, v in arrays().items()}
    values["test_images"][4, 1, 2] = value
    path = write(tmp_path / "mine.npz", values)
    with pytest.raises(WeightLawsError, match=rf"test_images: found the value {value} in image 4"):
        load(path, (0.0, 1.0))


def test_a_record_is_read_when_the_file_is_gone(tmp_path):
    path = write(tmp_path / "mine.npz", arrays())
    study = study_of({"name": "mine", "path": str(path), "classes": [2, 0]})
    assert next(iter(study.trained)).startswith("mine-classes2.0-10x10x10")
    before = spec_of(study)
    splits = load_images(before, tmp_path, path)
    assert splits["train_labels"].tolist() == [1, 0] * 4
    moved = path.rename(tmp_path / "moved.npz")
    assert spec_of(study_of({"name": "mine", "path": str(moved), "classes": [2, 0]})) == before
    (tmp_path / "study.yaml").write_text(study_to_yaml(study))
    again = recorded_study(tmp_path)
    assert spec_of(again) == before
    assert [c.shapes for c in again.trained.values()] == [c.shapes for c in study.trained.values()]
    values = arrays()
    values["train_images"][0, 0, 0] ^= 1
    changed = study_of({"name": "mine", "path": str(write(path, values)), "classes": [2, 0]})
    assert spec_of(changed)["digest"] != before["digest"]
    with pytest.raises(WeightLawsError, match="digest"):
        load_images(before, tmp_path, path)


@pytest.mark.parametrize(
    ("data", "changes", "words"),
    [
        ({"name": "digits", "path": "x.npz"}, {}, "which a built-in data set has"),
        ({"name": "digits", "classes": [1, 1]}, {}, "each at most once"),
        ({"name": "digits", "classes": [1, 10]}, {}, "labels from 0 to 9"),
        ({"name": "digits", "classes": [0, 1, 2]}, {"classes": [2]}, "leave one out"),
        ({"name": "mine", "path": "absent.npz"}, {}, "absent.npz: found no file"),
        ({"name": "mine"}, {}, "a path or a teacher"),
    ],
)
def test_bad_keys(data, changes, words):
    with pytest.raises(StudyError, match=words):
        study_of(data, **changes)


def test_a_name_stands_for_one_data_set():
    teachers = [{"name": "t", "teacher": {"inputs": n, "classes": 10}} for n in (5, 6)]
    sweeps = [{**DEFAULT["sweeps"][0], "dataset": data} for data in teachers]
    with pytest.raises(StudyError, match=r"sweeps\.1\.dataset: found another data set"):
        parse_study({**DEFAULT, "sweeps": sweeps})


def test_a_teacher_says_labels_and_no_class_is_favoured():
    """By symmetry of the outputs each class has the same share, over teachers."""
    shares = []
    for seed in range(300):
        splits = teacher_splits("t", inputs=16, hidden=[], classes=3, images=(500, 10), seed=seed)
        shares.append(np.bincount(splits["train_labels"], minlength=3) / 500)
    error = np.std(shares, axis=0) / np.sqrt(len(shares))
    assert (abs(np.mean(shares, axis=0) - 1 / 3) < 4 * error).all()
    images = splits["train_images"]
    assert images.shape == (500, 1, 1, 16)
    assert images.dtype == np.float32
    assert abs(images.mean()) < 4 / np.sqrt(images.size)
    assert abs(images.var() - 1) < 4 * np.sqrt(2 / images.size)


def test_labels_are_those_of_a_forward_pass(monkeypatch):
    from weightlaws.training import teacher

    drawn = {}
    draw = teacher.initial_weights
    monkeypatch.setattr(
        teacher, "initial_weights", lambda *a: drawn.setdefault("weights", draw(*a))
    )
    splits = teacher_splits("t", inputs=8, hidden=[6, 5], classes=4, images=(200, 50), seed=1)
    layers = [each.astype(float) for each in drawn["weights"].values()]
    for image, label in zip(splits["test_images"], splits["test_labels"], strict=True):
        a, b, c = layers
        logits = c @ np.maximum(b @ np.maximum(a @ image.ravel(), 0), 0)
        assert logits.argmax() == label


def test_a_class_without_images_is_refused():
    with pytest.raises(WeightLawsError, match="no image to train on of the class"):
        teacher_splits("t", inputs=4, hidden=[], classes=9, images=(5, 5), seed=0)
