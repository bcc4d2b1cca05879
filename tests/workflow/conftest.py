"""The mini study, run once; tests edit copies of its folder."""

import pytest
from filelock import FileLock
from support.mini_study import Project, sources


@pytest.fixture(scope="session")
def mini(tmp_path_factory, worker_id):
    """The project after the mini study has run to its end; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    # Workers of one session share it: the first makes it.
    folder = (base if worker_id == "master" else base.parent) / "mini"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "done").exists():
            project = sources(folder)
            project.configure()
            project.run()
            (folder / "done").touch()
    return Project(folder)


@pytest.fixture
def project(mini, tmp_path):
    """A copy of the project, for one test to edit."""
    return mini.copy(tmp_path / "project")
