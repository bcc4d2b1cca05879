"""The mini study, run once; tests edit copies of its folder."""

import shutil

import pytest
from mini_study import ROOT, Project


@pytest.fixture(scope="session")
def mini(tmp_path_factory):
    """The project after the mini study has run to its end; not to be changed."""
    folder = tmp_path_factory.mktemp("mini") / "project"
    folder.mkdir()
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("workflow", "profiles", "envs", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    project = Project(folder)
    project.configure()
    project.run()
    return project


@pytest.fixture
def project(mini, tmp_path):
    """A copy of the project, for one test to edit."""
    return mini.copy(tmp_path / "project")
