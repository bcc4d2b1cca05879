"""File systems without locks."""

import os
import shutil
import subprocess

import pytest


def without_locks(folder):
    """The environment of a process on a file system without locks, such as NFS without lockd."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler to take the locks away with")
    (folder / "flock.c").write_text(
        "#include <errno.h>\nint flock(int fd, int how) { errno = ENOLCK; return -1; }\n"
    )
    command = ["cc", "-shared", "-fPIC", "-o", folder / "flock.so", folder / "flock.c"]
    subprocess.run(command, check=True)
    own = {key: value for key, value in os.environ.items() if key != "HDF5_USE_FILE_LOCKING"}
    return {**own, "LD_PRELOAD": str(folder / "flock.so")}
