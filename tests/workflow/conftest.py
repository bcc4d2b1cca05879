"""The mini study, run once; tests edit copies of its folder."""

import pytest
from mini_study import sources


@pytest.fixture(scope="session")
def mini(tmp_path_factory):
    """The project after the mini study has run to its end; not to be changed."""
    project = sources(tmp_path_factory.mktemp("mini") / "project")
    project.configure()
    project.run()
    return project


@pytest.fixture
def project(mini, tmp_path):
    """A copy of the project, for one test to edit."""
    return mini.copy(tmp_path / "project")
