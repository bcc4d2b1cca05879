from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weightlaws.catalogue import CATALOGUES
from weightlaws.datasets import DATASETS
from weightlaws.networks import INITIAL_LAWS
from weightlaws.study import (
    Condition,
    Study,
    StudyError,
    Sweep,
    parse_study,
    read_study,
    schema_json,
    study_to_yaml,
)

ROOT = Path(__file__).parents[1]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def study(**changes):
    return parse_study({**DEFAULT, **changes})


def sweep(**changes):
    return {**DEFAULT["sweeps"][0], **changes}


def untested(**changes):
    """A study with tests at its last epoch alone, so that it may keep any snapshots."""
    return study(statistics={**DEFAULT["statistics"], "headline_epochs": []}, **changes)


def test_the_default_study():
    default = study()
    assert list(default.conditions) == [
        "digits-10x10x10-gaussian-decay0",
        "digits-10x10x10-gaussian-decay0.01",
        "digits-10x10x10-uniform-decay0",
        "digits-10x10x10-uniform-decay0.01",
        "digits-10x10-gaussian-decay0",
        "digits-40x40-gaussian-decay0",
    ]
    assert default.members >= 100
    assert default.epochs == 50
    layers = [list(condition.square_layers) for condition in default.conditions.values()]
    assert layers[0] == ["hidden1-hidden2", "hidden2-hidden3", "hidden3-output"]
    assert layers[-1] == ["hidden1-hidden2"]


@pytest.mark.parametrize("overlay", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda p: p.stem)
def test_overlays_are_studies_of_their_own_name(overlay):
    assert study(**yaml.safe_load(overlay.read_text())).name == overlay.stem


def test_the_schema_is_that_of_the_model():
    stored = (ROOT / "workflow" / "schemas" / "config.schema.json").read_text()
    assert stored == schema_json(), "run `make schema`"


def test_the_names_a_study_allows_are_those_there_are():
    fields = Sweep.model_fields
    assert set(get_args(fields["dataset"].annotation)) == set(DATASETS)
    (initialisation,) = get_args(fields["initialisations"].annotation)
    assert set(get_args(initialisation)) == set(INITIAL_LAWS)
    assert get_args(Study.model_fields["invariants"].annotation) == CATALOGUES


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, ["colour", "unknown key"]),
        ({"sweeps": [sweep(depth=3)]}, ["sweeps.0.depth", "unknown key"]),
        ({"figures": {**DEFAULT["figures"], "dpi": 3}}, ["figures.dpi", "unknown key"]),
        ({"members": "100"}, ["members", 'found "100"', "integer"]),
        ({"members": True}, ["members", "found true", "integer"]),
        ({"members": 100.0}, ["members", "found 100.0", "integer"]),
        ({"members": 1}, ["members", "found 1.", "greater than or equal to 2"]),
        ({"shard_size": 0}, ["shard_size", "found 0", "greater than or equal to 1"]),
        ({"epochs": -1}, ["epochs", "found -1"]),
        ({"learning_rate": "1e-3"}, ["learning_rate", '"1e-3"', "YAML reads 1e-3 as text"]),
        ({"learning_rate": float("nan")}, ["learning_rate", "finite"]),
        ({"name": "../elsewhere"}, ["name", "../elsewhere"]),
        ({"name": None}, ["name", "found null"]),
        ({"device": "tpu"}, ["device", "'cuda'"]),
        ({"snapshots": [0, 51]}, ["snapshots", "epoch 51", "last epoch, 50"]),
        ({"snapshots": "some"}, ["snapshots", "'all'"]),
        ({"snapshots": [50]}, ["statistics.headline_epochs", "[1, 10]", "[0, 50]"]),
        ({"members": 4}, ["statistics.folds", "found 5", "at most 4"]),
        ({"invariants": "all"}, ["invariants", "'complete'"]),
        ({"sweeps": []}, ["sweeps", "at least 1"]),
        ({"sweeps": [sweep(dataset="svhn")]}, ["sweeps.0.dataset", '"svhn"', "'cifar10'"]),
        ({"sweeps": [sweep(initialisations=["he"])]}, ["sweeps.0.initialisations.0", '"he"']),
        ({"sweeps": [sweep(weight_decays=[-0.1])]}, ["sweeps.0.weight_decays.0", "-0.1"]),
        (
            {"sweeps": [sweep(hidden=[[3, 3]])]},
            ["hidden", "hidden1-hidden2 3 wide", "wider than 3"],
        ),
        ({"sweeps": [sweep(hidden=[[20, 30]])]}, ["sweeps.0.hidden", "no square weight matrix"]),
        ({"sweeps": [sweep(hidden=[[]])]}, ["sweeps.0.hidden.0", "at least 1"]),
        ({"sweeps": {"dataset": "digits"}}, ["sweeps", "valid list"]),
        ({7: 1}, ["7", "unknown key"]),
    ],
)
def test_what_is_no_study_is_one_clear_error(changes, words):
    with pytest.raises(StudyError) as error:
        study(**{str(key): value for key, value in changes.items()})
    message = str(error.value)
    assert message.startswith("the configuration is not a study:")
    assert all(word in message for word in words), message
    assert "config.yaml" in message


def test_a_name_that_yaml_takes_for_a_date_is_a_name():
    assert study(name=yaml.safe_load("2026-11-22")).name == "2026-11-22"


def test_all_errors_come_at_once():
    with pytest.raises(StudyError, match=r"members.*\n.*epochs"):
        study(members=0, epochs=0)


@given(st.floats(0, 1e300), st.floats(0, 1e300))
def test_two_decays_never_share_a_name(a, b):
    names = {Condition("digits", (10,), "gaussian", decay).name for decay in (a, b)}
    assert len(names) == len({a, b})


@pytest.mark.parametrize(
    ("decay", "text"),
    [(0, "0"), (0.0, "0"), (-0.0, "0"), (0.01, "0.01"), (1, "1"), (1e-5, "1e-05")],
)
def test_a_number_has_one_form_in_names(decay, text):
    name = Condition("mnist", (10, 10, 10), "gaussian", decay).name
    assert name == f"mnist-10x10x10-gaussian-decay{text}"


def test_conditions_that_sweeps_share_are_trained_once():
    both = study(sweeps=[sweep(), sweep(weight_decays=[0, 0.1])])
    assert len(both.conditions) == len(set(both.conditions)) == 6


@given(st.integers(5, 300), st.integers(1, 400))
def test_shards_hold_every_member_once(members, shard_size):
    shards = study(members=members, shard_size=shard_size).shards
    held = [m for shard in shards for m in range(shard.first, shard.last + 1)]
    assert held == list(range(members))
    assert all(shard.first % shard_size == 0 for shard in shards)


@pytest.mark.parametrize(
    ("snapshots", "kept"),
    [
        ("all", [0, 1, 2, 3, 4, 5, 6, 7]),
        (3, [0, 3, 6, 7]),
        (20, [0, 7]),
        ([2, 1, 2], [0, 1, 2, 7]),
        ([], [0, 7]),
    ],
)
def test_kept_snapshots_have_start_and_end(snapshots, kept):
    assert untested(snapshots=snapshots, epochs=7).snapshot_epochs == kept


def test_headline_epochs_end_with_the_last():
    assert study().headline_epochs == [0, 1, 10, 50]
    assert study(epochs=7).headline_epochs == [0, 1, 7]


def test_rectangular_layers_are_kept_at_their_own_epochs():
    configured = untested(epochs=7, snapshots=[3], rectangular_snapshots=[2, 50])
    (condition,) = [c for c in configured.conditions.values() if c.hidden == (40, 40)]
    assert configured.layer_snapshots(condition) == {
        "input-hidden1": [0, 2, 7],
        "hidden1-hidden2": [0, 3, 7],
        "hidden2-output": [0, 2, 7],
    }


def test_the_record_reads_back_as_the_study(tmp_path):
    (tmp_path / "study.yaml").write_text(study_to_yaml(untested(snapshots=[0, 50])))
    assert read_study(tmp_path / "study.yaml") == untested(snapshots=[0, 50])
