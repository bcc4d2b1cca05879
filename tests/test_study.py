from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weightlaws.catalogue import CATALOGUES
from weightlaws.datasets import DATASETS
from weightlaws.networks import INITIAL_LAWS
from weightlaws.sections import Sweep
from weightlaws.study import (
    Condition,
    Study,
    StudyError,
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
        ({"engine": "jax"}, ["engine", '"jax"', "'numba'"]),
        (
            {"engine": "numba", "device": "cuda"},
            ['engine: found "numba"', 'device "cuda"', "torch"],
        ),
        ({"keep_state": "no"}, ["keep_state", 'found "no"', "boolean"]),
        ({"snapshots": [0, 51]}, ["snapshots: found epoch 51", "last epoch, 50"]),
        ({"snapshots": "some"}, ["snapshots", "'auto' or 'all'"]),
        ({"snapshots": [1.0]}, ["snapshots", "found 1.0", "integer"]),
        (
            {"sweeps": [sweep(), sweep(hidden=[[20, 20]], snapshots=[0, 60])]},
            ["sweeps.1.snapshots: found epoch 60", "last epoch, 50"],
        ),
        ({"sweeps": [sweep(snapshots=0)]}, ["sweeps.0.snapshots", "found 0"]),
        (
            {"snapshots": [50]},
            ["statistics.headline_epochs", "[1, 10]", "digits-10x10x10-gaussian-decay0", "[0, 50]"],
        ),
        (
            {"sweeps": [sweep(), sweep(hidden=[[20, 20]], snapshots=20)]},
            [
                "statistics.headline_epochs: found [1, 10]",
                "digits-20x20-gaussian-decay0",
                "[0, 20, 40, 50]",
            ],
        ),
        (
            {"sweeps": [sweep(), sweep(weight_decays=[0], snapshots=[0, 1, 10, 20])]},
            ["sweeps", "digits-10x10x10-gaussian-decay0", '"auto" and [0, 1, 10, 20]', "same"],
        ),
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


def kept_squares(configured, hidden):
    """Snapshots of the square layers of a study's one condition with these widths."""
    (condition,) = [c for c in configured.conditions.values() if c.hidden == hidden]
    kept = configured.layer_snapshots(condition)
    return [kept[layer] for layer in condition.square_layers]


@pytest.mark.parametrize(
    ("snapshots", "kept"),
    [
        ("auto", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("all", [0, 1, 2, 3, 4, 5, 6, 7]),
        (3, [0, 3, 6, 7]),
        (20, [0, 7]),
        ([2, 1, 2], [0, 1, 2, 7]),
        ([], [0, 7]),
    ],
)
def test_kept_snapshots_have_start_and_end(snapshots, kept):
    assert kept_squares(untested(snapshots=snapshots, epochs=7), (40, 40)) == [kept]
    one_sweep = [sweep(hidden=[[40, 40]], initialisations=["gaussian"], snapshots=snapshots)]
    one_sweep[0]["weight_decays"] = [0]
    assert kept_squares(untested(epochs=7, sweeps=one_sweep), (40, 40)) == [kept]


@pytest.mark.parametrize(
    ("hidden", "kept"),
    [
        ([160, 160], [range(51)]),
        ([181, 181], [range(51)]),
        ([182, 182], [[0, 1, 10, 50]]),
        ([20, 20, 640, 640, 10, 10], [range(51), [0, 1, 10, 50], range(51), range(51)]),
    ],
)
def test_auto_keeps_all_epochs_of_small_matrices_and_headline_epochs_of_large_ones(hidden, kept):
    widths = sweep(hidden=[hidden], initialisations=["gaussian"], weight_decays=[0])
    wide = study(snapshots="auto", sweeps=[widths])
    assert kept_squares(wide, tuple(hidden)) == [list(epochs) for epochs in kept]


def test_auto_keeps_the_start_and_the_end_of_a_large_matrix():
    wide = sweep(hidden=[[640, 640]], initialisations=["gaussian"], weight_decays=[0])
    assert kept_squares(untested(epochs=7, sweeps=[wide]), (640, 640)) == [[0, 7]]


def test_a_sweep_has_snapshots_of_its_own():
    both = untested(snapshots="all", sweeps=[sweep(snapshots=25), sweep(hidden=[[20, 20]])])
    kept = {name: both.layer_snapshots(c) for name, c in both.conditions.items()}
    assert len(set(both.conditions.values())) == len(kept) == 8
    assert kept["digits-10x10x10-uniform-decay0.01"] == {
        "input-hidden1": [0, 1, 10, 50],
        "hidden1-hidden2": [0, 25, 50],
        "hidden2-hidden3": [0, 25, 50],
        "hidden3-output": [0, 25, 50],
    }
    assert kept["digits-20x20-gaussian-decay0"]["hidden1-hidden2"] == list(range(51))


def test_sweeps_may_share_conditions_if_they_keep_the_same():
    """What counts are the epochs, not how they are written."""
    for same in ("auto", "all", 1, list(range(51))):
        assert len(study(sweeps=[sweep(), sweep(snapshots=same)]).conditions) == 4


def test_headline_epochs_end_with_the_last():
    assert study().headline_epochs == [0, 1, 10, 50]
    assert study(epochs=7).headline_epochs == [0, 1, 7]


def test_rectangular_layers_are_kept_at_their_own_epochs():
    configured = untested(epochs=7, snapshots=[3], rectangular_snapshots=[2, 50])
    (condition,) = [c for c in configured.conditions.values() if c.hidden == (40, 40)]
    assert configured.layer_snapshots(condition) == {
        "input-hidden1": [0, 2],
        "hidden1-hidden2": [0, 3, 7],
        "hidden2-output": [0, 2],
    }


def test_the_record_reads_back_as_the_study(tmp_path):
    written = untested(snapshots=[0, 50], sweeps=[sweep(snapshots=[5]), sweep(hidden=[[20, 20]])])
    (tmp_path / "study.yaml").write_text(study_to_yaml(written))
    assert read_study(tmp_path / "study.yaml") == written
    assert "null" not in (tmp_path / "study.yaml").read_text()
