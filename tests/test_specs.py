import json
from pathlib import Path

import pytest
import yaml

from weightlaws.specs import (
    catalogue_spec,
    comparison_spec,
    distance_spec,
    figures_spec,
    findings_spec,
    invariants_spec,
    members_spec,
    model_spec,
    significance_spec,
    symmetry_spec,
    training_spec,
)
from weightlaws.study import Shard, parse_study

DEFAULT = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
STAGES = (
    *("dataset", "train", "members", "invariants", "model", "distance"),
    *("significance", "comparison", "symmetry", "findings", "catalogue"),
)
CODE = dict.fromkeys(STAGES, "digest")


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
        "significance": significance_spec(configured, condition, CODE),
        "comparison": comparison_spec(configured, condition, CODE),
        "symmetry": symmetry_spec(configured, condition, CODE),
        "findings": findings_spec(configured, CODE),
        "catalogue": catalogue_spec(configured, CODE),
        "figures": figures_spec(configured, "digest"),
    }


FROM_INVARIANTS = {"invariants", "model", "distance", "significance"}
FROM_TRAIN = {"train", "members", "comparison", "symmetry"} | FROM_INVARIANTS


def statistics(**changes):
    return {"statistics": {**DEFAULT["statistics"], **changes}}


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({}, set()),
        ({"name": "other"}, set()),
        ({"device": "cpu"}, set()),
        ({"engine": "numba"}, set()),
        ({"keep_state": False}, set()),
        ({"data": "elsewhere"}, set()),
        ({"shard_size": 10}, set()),
        ({"figures": {**DEFAULT["figures"], "panel_width": 5.0}}, {"figures"}),
        (statistics(noise_floor_draws=50), {"distance"}),
        (statistics(bootstrap_replicates=50), {"model", "distance"}),
        (statistics(simulated_matrices=500), {"significance"}),
        (statistics(simulated_ensembles=500), {"significance"}),
        (statistics(randomisations=99), {"symmetry"}),
        (statistics(folds=2), {"comparison"}),
        (statistics(false_discovery_rate=0.1), {"findings"}),
        (statistics(headline_epochs=[0, 50]), {"significance", "symmetry", "findings"}),
        ({"invariants": "published"}, FROM_INVARIANTS | {"catalogue"}),
        ({"members": 125}, FROM_TRAIN - {"train", "invariants"}),
        ({"sweeps": [*DEFAULT["sweeps"], sweep(hidden=[[20, 20]])]}, {"members", "distance"}),
        ({"seed": 1}, FROM_TRAIN),
        ({"epochs": 51}, FROM_TRAIN | {"findings"}),
        ({"batch_size": 50}, FROM_TRAIN),
        ({"learning_rate": 0.002}, FROM_TRAIN),
        ({"snapshots": [1, 10]}, FROM_TRAIN),
        ({"snapshots": "all"}, set()),
        ({"sweeps": [sweep(snapshots=[1, 10]), *DEFAULT["sweeps"][1:]]}, FROM_TRAIN),
        ({"rectangular_snapshots": [1]}, FROM_TRAIN),
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
