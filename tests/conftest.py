import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings
from support.project import ROOT

from weightlaws.training.dataset import load_dataset

# Machines are noisy, and a check that passed once must pass again.
settings.register_profile("weightlaws", deadline=None, derandomize=True)
settings.load_profile("weightlaws")


def pytest_collection_modifyitems(items):
    """Start with whole runs, which take longest: none of their files is left for the end."""
    items.sort(key=lambda item: item.path.parent.name != "workflow")


@pytest.fixture(scope="session")
def digits():
    """Both splits of the embedded digits."""
    return load_dataset("digits", Path("unused"))


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder that WEIGHTLAWS_DATA names, if it has MNIST."""
    folder = Path(os.environ.get("WEIGHTLAWS_DATA", ROOT / "data"))
    if not (folder / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        pytest.skip(f"no MNIST in {folder}; name the folder that has it in WEIGHTLAWS_DATA")
    return folder


@pytest.fixture(scope="session")
def mnist(mnist_folder):
    """Both splits of the whole of MNIST."""
    return load_dataset("mnist", mnist_folder)


class SmallDisk:
    """A file system of its own, to be filled up or made read-only."""

    def __init__(self, path):
        self.path = path
        self._ballast = path / "ballast"

    def leave(self, size):
        """Fill it up to this many bytes, in pages of 4096."""
        self._ballast.unlink(missing_ok=True)
        found = os.statvfs(self.path)
        self._ballast.write_bytes(bytes(found.f_bavail * found.f_frsize - size))

    def free(self):
        self._ballast.unlink()

    def remount(self, mode):
        subprocess.run(["mount", "-o", f"remount,{mode}", self.path], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system may be mounted here: {error}")
    yield SmallDisk(path)
    subprocess.run(["umount", path], check=True)
