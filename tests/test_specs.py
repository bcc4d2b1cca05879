import json
from pathlib import Path

import pytest
import yaml

from weightlaws.specs import (
    distance_spec,
    figures_spec,
    invariants_spec,
    members_spec,
    model_spec,
    training_spec,
)
from weightlaws.study import Shard, parse_study

DEFAULT = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
CODE = dict.fromkeys(("dataset", "train", "invariants", "model", "members", "distance"), "digest")


def study(**changes):
    return parse_study({**DEFAULT, **changes})


def sweep(**changes):
    return {**DEFAULT["sweeps"][0], **changes}


def specs(configured):
    """Every stage's specs, for a condition that all these studies have."""
    condition = configured.conditions["digits-10x10x10-gaussian-decay0"]
    shard = Shard(0, 24)
    return {
        "train": training_spec(configured, condition, CODE, shard),
        "invariants": invariants_spec(configured, condition, CODE, shard),
        "model": model_spec(configured, condition, CODE),
        "members": members_spec(configured, CODE),
        "distance": distance_spec(configured, CODE),
        "figures": figures_spec(configured, "digest"),
    }


EVERYTHING = {"train", "invariants", "model", "members", "distance"}


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({}, set()),
        ({"name": "other"}, set()),
        ({"device": "cpu"}, set()),
        ({"data": "elsewhere"}, set()),
        ({"shard_size": 10}, set()),
        ({"figures": {"panel_width": 5.0}}, {"figures"}),
        ({"noise_floor_draws": 50}, {"distance"}),
        ({"members": 125}, {"model", "members", "distance"}),
        ({"sweeps": [*DEFAULT["sweeps"], sweep(hidden=[[20, 20]])]}, {"members", "distance"}),
        ({"seed": 1}, EVERYTHING),
        ({"epochs": 51}, EVERYTHING),
        ({"batch_size": 50}, EVERYTHING),
        ({"learning_rate": 0.002}, EVERYTHING),
        ({"snapshots": 10}, EVERYTHING),
    ],
)
def test_what_each_key_changes(changes, stages):
    before, after = specs(study()), specs(study(**changes))
    assert {stage for stage in before if before[stage] != after[stage]} == stages


def test_specs_are_plain_and_keep_their_order():
    for stage, spec in specs(study()).items():
        # What Snakemake compares is the repr; what files keep is JSON.
        assert repr(json.loads(json.dumps(spec))) == repr(spec), stage
        assert repr(specs(study())[stage]) == repr(spec)
