import numpy as np
import pytest
from support.project import CODE, DEFAULT

from weightlaws.errors import WeightLawsError
from weightlaws.planning.specs import dataset_spec, invariants_spec, training_spec
from weightlaws.storage import shards
from weightlaws.storage.hdf5 import StorageError, create
from weightlaws.storage.shard_specs import InvariantsSpec, WeightsSpec
from weightlaws.storage.shards import opened_shards, read_invariants, read_shard, read_weights
from weightlaws.study.conditions import Condition, Shard
from weightlaws.study.data_sets import DataSet
from weightlaws.study.study import parse_study
from weightlaws.training.engine import Recipe
from weightlaws.training.networks import layer_shapes
from weightlaws.training.setup import choose_engine, initial_networks, member_shuffles
from weightlaws.training.train_job import train_shard

CONDITION = Condition(DataSet(name="digits"), (10, 10), "gaussian", 0.0, members=3)
LAYERS = ["hidden1-hidden2", "hidden2-output"]


@pytest.fixture(scope="module")
def study():
    default = DEFAULT
    return parse_study(
        {
            **default,
            "seed": 3,
            "members": 3,
            "shard_size": 2,
            "epochs": 3,
            "snapshots": [1],
            "rectangular_snapshots": [2, 50],
            "statistics": {**default["statistics"], "folds": 2},
            "sweeps": [
                {
                    "dataset": "digits",
                    "hidden": [[10, 10]],
                    "initialisations": ["gaussian"],
                    "weight_decays": [0],
                }
            ],
        }
    )


def train(path, spec, dataset, **options):
    state = path.with_name(f"{path.stem}.state.h5")
    keys = {"engine": "auto", "device": "cpu", "threads": 1, "keep_state": False}
    train_shard(path, spec, dataset, state, **keys, **options)


@pytest.fixture(scope="module")
def trained(study, digits, tmp_path_factory):
    """The weights shards of a study, with the spec of each."""
    folder = tmp_path_factory.mktemp("study")
    small = {name: values[::9] for name, values in digits.items()}
    dataset = folder / "digits.h5"
    with create(dataset, "dataset", dataset_spec(study, CONDITION, CODE)) as writer:
        for name, values in small.items():
            writer.add(name, values)
    shards = {}
    for shard in study.shards(CONDITION):
        spec = training_spec(study, CONDITION, CODE, shard)
        path = folder / f"{shard.name}.h5"
        train(path, spec, dataset)
        shards[path] = spec
    return small, shards


def test_a_shard_holds_what_was_trained(trained):
    small, shards = trained
    (path, spec), *_ = shards.items()
    shard = read_shard(path, spec)
    engine = choose_engine("auto", "cpu", 1)(
        small,
        initial_networks(
            layer_shapes(784, (10, 10), 10), [0, 1], seed=3, initialisation="gaussian"
        ),
        member_shuffles([0, 1], seed=3, images=500, epochs=0),
        Recipe(batch_size=100, learning_rate=0.001, weight_decay=0.0),
    )
    weights, evaluations, losses = [engine.networks().layers()], [engine.assess()], []
    for _ in range(3):
        losses.append(engine.train_epoch())
        weights.append(engine.networks().layers())
        evaluations.append(engine.assess())
    assert shard.members.tolist() == [0, 1]
    kept = {"input-hidden1": [0, 2], **{layer: [0, 1, 3] for layer in LAYERS}}
    assert list(shard.weights) == list(kept)
    for layer, epochs in kept.items():
        assert shard.epochs[layer].tolist() == epochs
        expected = np.stack([weights[epoch][layer] for epoch in epochs], axis=1)
        np.testing.assert_array_equal(shard.weights[layer], expected)
    np.testing.assert_array_equal(shard.loss, np.stack(losses, axis=1))
    for name in ("accuracy", "dead_output", "finite"):
        expected = np.stack([getattr(each, name) for each in evaluations], axis=1)
        np.testing.assert_array_equal(getattr(shard, name), expected)


def test_single_layers_can_be_read(trained):
    path = next(iter(trained[1]))
    assert list(read_shard(path, layers=["hidden2-output"]).weights) == ["hidden2-output"]


def test_a_shard_of_another_spec_is_refused_by_the_key_that_differs(trained):
    (path, spec), *_ = trained[1].items()
    with pytest.raises(StorageError, match=r"0-1\.h5: spec\.weight_decay: found 0\.0, expected"):
        read_shard(path, {**spec, "weight_decay": 0.5})


def test_what_is_no_weights_shard_is_refused(tmp_path):
    path = tmp_path / "file.h5"
    with create(path, "weights", {"seed": 1}):
        pass
    with pytest.raises(StorageError, match="the spec of a weights shard"):
        read_shard(path)


def test_all_of_a_condition_s_shards_are_all_its_members(study, trained):
    spec = training_spec(study, CONDITION, CODE)
    first, second = trained[1]

    def members(paths, n, asked=spec):
        return [reader.spec["members"] for reader in opened_shards(paths, "weights", asked, n)]

    assert members([first, second], 3) == [[0, 1], [2, 2]]
    with pytest.raises(StorageError, match="a range from 0 on"):
        members([second, first], 3)
    with pytest.raises(StorageError, match="a range from 2 on"):
        members([first, first], 3)
    with pytest.raises(StorageError, match="found 3 in all, expected 4 in all"):
        members([first, second], 4)
    with pytest.raises(StorageError, match=r"spec\.seed: found 3, expected 4"):
        members([first, second], 3, {**spec, "seed": 4})


def joined(study, tmp_path, values, finite, dead):
    paths = []
    for first, last in ((0, 1), (2, 2)):
        paths.append(tmp_path / f"{first}-{last}.h5")
        spec = invariants_spec(study, CONDITION, CODE, Shard(first, last))
        with create(paths[-1], "invariants", spec) as writer:
            members = slice(first, last + 1)
            writer.add("invariants/hidden2-output", values[members])
            # The last of two epochs counts.
            writer.add("finite", np.stack([finite | True, finite], axis=1)[members])
            writer.add("dead_output", np.stack([~dead, dead], axis=1)[members])
    spec = InvariantsSpec.parse(invariants_spec(study, CONDITION, CODE))
    (found,) = read_invariants(paths, spec, 3, "hidden2-output", [1], 52)
    return found


@pytest.mark.parametrize("diverged", [None, 0, 1, 2])
def test_invariants_are_joined_over_shards_without_members_that_diverged(study, tmp_path, diverged):
    values = np.random.default_rng(0).normal(size=(3, 3, 52))
    finite, dead = np.ones(3, dtype=bool), np.array([False, True, False])
    kept = [member for member in range(3) if member != diverged]
    if diverged is not None:
        finite[diverged] = False
        values[diverged] = np.nan
    found = joined(study, tmp_path, values, finite, dead)
    np.testing.assert_array_equal(found.values, values[kept, 1])
    assert found.members.tolist() == kept
    assert found.dead_output.tolist() == dead[kept].tolist()


def test_a_member_that_is_not_finite_without_saying_so_is_refused(study, tmp_path):
    values = np.zeros((3, 3, 52))
    values[2, 1, 7] = np.inf
    with pytest.raises(StorageError, match=r"found inf at \[0, 1, 7\], expected finite values"):
        joined(study, tmp_path, values, np.ones(3, dtype=bool), np.zeros(3, dtype=bool))


def test_an_ensemble_needs_two_finite_members(study, tmp_path):
    finite = np.array([False, False, True])
    with pytest.raises(WeightLawsError, match="1 of 3 whose losses and weights are finite"):
        joined(study, tmp_path, np.zeros((3, 3, 52)), finite, ~finite)


def test_weights_are_joined_over_shards(study, trained, monkeypatch):
    paths = list(trained[1])
    spec = training_spec(study, CONDITION, CODE)
    expected = [read_shard(path).weights["input-hidden1"] for path in paths]
    # Both snapshots while a shard is open, or one.
    for most in (shards._VALUES, 1):
        monkeypatch.setattr(shards, "_VALUES", most)
        found = list(read_weights(paths, WeightsSpec.parse(spec), 3, "input-hidden1", [2, 0]))
        for snapshot, one in zip([1, 0], found, strict=True):
            np.testing.assert_array_equal(one.values, np.concatenate(expected)[:, snapshot])
            assert one.members.tolist() == [0, 1, 2]
