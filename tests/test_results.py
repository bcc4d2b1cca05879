import shutil

import numpy as np
import pytest
from support.small_study import make_results, small_study

import weightlaws
from weightlaws.errors import WeightLawsError
from weightlaws.inference.stored_fits import read_fits
from weightlaws.storage.hdf5 import StorageError
from weightlaws.storage.shards import read_shard
from weightlaws.study.study import study_to_yaml

SQUARE = "hidden1-hidden2"


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "small"
    make_results(folder, small_study(), digits)
    return folder


@pytest.fixture
def beside(folder, tmp_path):
    """The same files, beside the record of another study."""

    def copy(**changes):
        shutil.copytree(folder, tmp_path / "copy")
        (tmp_path / "copy" / "study.yaml").write_text(study_to_yaml(small_study(**changes)))
        return weightlaws.load(tmp_path / "copy")

    return copy


def test_results_are_those_in_the_files(folder):
    results = weightlaws.load(folder)
    (name,) = results.study.conditions
    weights = results.weights(name, SQUARE)
    shards = [read_shard(folder / "weights" / name / f"{range_}.h5") for range_ in ("0-1", "2-2")]
    expected = np.concatenate([shard.weights[SQUARE] for shard in shards])
    np.testing.assert_array_equal(weights, expected)
    assert results.member_invariants(name, SQUARE).shape == (3, 3, 52)
    fit = read_fits(folder / "models" / f"{name}.h5")[SQUARE]
    np.testing.assert_array_equal(results.fit(name, SQUARE, 1).parameters, fit.parameters[1])


READINGS = {
    "weights": lambda results, name: results.weights(name, SQUARE),
    "invariants": lambda results, name: results.member_invariants(name, SQUARE),
    "models": lambda results, name: results.fit(name, SQUARE, 0),
}


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"seed": 1}, {"weights": "", "invariants": "weights.", "models": "invariants.weights."}),
        ({"invariants": "complete"}, {"invariants": "", "models": "invariants."}),
    ],
)
def test_files_of_another_study_are_refused_by_name_and_key(beside, changes, keys):
    results, ((key, value),) = beside(**changes), changes.items()
    (name,) = results.study.conditions
    for kind, read in READINGS.items():
        if kind not in keys:
            read(results, name)
            continue
        with pytest.raises(StorageError) as error:
            read(results, name)
        message = str(error.value)
        assert message.startswith(f"{results.folder / kind / name}")
        assert f": spec.{keys[kind]}{key}: found {getattr(small_study(), key)}, " in message
        assert f"expected {value}; delete the file" in message


def test_a_shard_in_another_s_place_is_refused(beside):
    results = beside()
    (name,) = results.study.conditions
    weights = results.folder / "weights" / name
    shutil.copy(weights / "0-1.h5", weights / "2-2.h5")
    with pytest.raises(StorageError, match=r"2-2\.h5: spec\.members: found \[0, 1\], expected"):
        results.weights(name, SQUARE)


def test_settings_that_change_no_number_are_no_other_study(beside):
    results = beside(keep_state=False, device="cpu")
    (name,) = results.study.conditions
    for read in READINGS.values():
        read(results, name)


def test_more_members_than_there_are_files_are_missed(beside):
    results = beside(members=4)
    (name,) = results.study.conditions
    with pytest.raises(WeightLawsError, match=r"2-3\.h5: found no such file"):
        results.weights(name, SQUARE)
