"""The published study at its full size, as far as planning it goes."""

import re
from math import ceil

import pytest
from support.mini_study import sources
from support.project import ROOT


@pytest.mark.parametrize(("study", "shard_size"), [("paper", 50), ("paper-cifar10", 100)])
def test_the_published_study_is_about_a_thousand_jobs(tmp_path, study, shard_size):
    project = sources(tmp_path / "project")
    (project.folder / "mini.yaml").write_text((ROOT / f"studies/{study}.yaml").read_text())
    jobs = project.planned()
    # 5 architectures x 2 initial laws x 2 weight decays, 1000 members in shards.
    conditions, shards = 20, ceil(1000 / shard_size)
    assert jobs["train"] == jobs["invariants"] == conditions * shards
    assert jobs["model"] == jobs["significance"] == jobs["comparison"] == conditions
    assert sum(jobs.values()) < 1300


def test_figures_of_several_architectures_rest_on_their_own_conditions(tmp_path):
    project = sources(tmp_path / "project")
    (project.folder / "mini.yaml").write_text((ROOT / "studies/classes.yaml").read_text())
    plan = project.snakemake("-n", "--verbose").stdout
    jobs = re.findall(r"rule lazy_rich:\n    input: (.*)\n    output: \S+/figures/(\S+)/lazy", plan)
    assert len(jobs) == 4  # 2, 5, 8 and ten classes
    for files, architecture in jobs:
        assert {*re.findall(r"/spectra/(\S+?)-gaussian", files)} == {architecture}
