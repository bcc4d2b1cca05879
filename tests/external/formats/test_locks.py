"""HDF5 files on file systems without locks."""

import subprocess
import sys

import h5py
import numpy as np
from support.no_locks import without_locks

PROGRAM = (
    "import sys; from weightlaws.external.networks import layer_shapes\n"
    "print(layer_shapes(sys.argv[1]))\n"
)


def test_a_network_is_read_where_there_are_no_locks(tmp_path):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["a"] = np.ones((3, 4))
    command = [sys.executable, "-c", PROGRAM, tmp_path / "net.h5"]
    environment = without_locks(tmp_path)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "{'a': (3, 4)}\n", done.stderr
    (tmp_path / "net.h5").write_bytes((tmp_path / "net.h5").read_bytes()[:700])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "WeightLawsError" in done.stderr
