"""The published study at its full size, as far as planning it goes."""

import re
from math import ceil

from support.mini_study import sources
from support.project import ROOT


def test_the_published_study_is_hundreds_of_jobs(tmp_path):
    project = sources(tmp_path / "project")
    (project.folder / "mini.yaml").write_text((ROOT / "studies/paper.yaml").read_text())
    jobs = project.planned()
    # 5 architectures x 2 initial laws x 2 weight decays, 1000 members in shards of 100.
    conditions, shards = 20, ceil(1000 / 100)
    assert jobs["train"] == jobs["invariants"] == conditions * shards
    assert jobs["model"] == jobs["significance"] == jobs["comparison"] == conditions
    assert sum(jobs.values()) < 1000


def test_figures_of_several_architectures_rest_on_their_own_conditions(tmp_path):
    project = sources(tmp_path / "project")
    (project.folder / "mini.yaml").write_text((ROOT / "studies/classes.yaml").read_text())
    plan = project.snakemake("-n").stdout
    jobs = re.findall(r"rule lazy_rich:\n    input: (.*)\n    output: \S+/figures/(\S+)/lazy", plan)
    assert len(jobs) == 4  # 2, 5, 8 and ten classes
    for files, architecture in jobs:
        assert {*re.findall(r"/spectra/(\S+?)-gaussian", files)} == {architecture}
