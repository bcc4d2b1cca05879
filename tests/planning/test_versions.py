import importlib.metadata
import json
import zlib

import h5py
import numpy as np
import pytest

from weightlaws.planning.versions import version_warnings
from weightlaws.storage.hdf5 import create, opened

NUMBA, TORCH = (
    {"engine": name, name: importlib.metadata.version(name)} for name in ("numba", "torch")
)


def file(path, kind="weights", trained_by=(), **versions):
    """Store a file that says it was made with these versions."""
    with create(path, kind, {}, {**versions, "trained_by": [*trained_by]}) as writer:
        writer.add("values", np.arange(3))
    return path


def test_files_of_the_installed_versions_give_no_warning(tmp_path):
    kinds = ("dataset", "weights", "state", "invariants", "model", "null", "spectra")
    paths = [file(tmp_path / f"{kind}.h5", kind, [NUMBA, TORCH]) for kind in kinds]
    assert version_warnings(paths) == []


def test_each_package_and_version_that_differs_is_told_once(tmp_path):
    paths = [file(tmp_path / f"{k}.h5", "invariants", numpy="1.0") for k in range(3)]
    paths += [file(tmp_path / "other.h5", "null", numpy="1.1", scipy="0.9")]
    numpy, scipy = map(importlib.metadata.version, ("numpy", "scipy"))
    anew = "is installed: numbers made anew may differ in rounding; delete"
    assert version_warnings(paths) == [
        f"3 files, such as {paths[0]}, were made with numpy 1.0, and {numpy} {anew} them to have "
        "all made alike",
        f"{paths[3]} was made with numpy 1.1, and {numpy} {anew} it to have all made alike",
        f"{paths[3]} was made with scipy 0.9, and {scipy} {anew} it to have all made alike",
    ]


@pytest.mark.parametrize(
    ("kind", "trained_by", "versions", "packages"),
    [
        ("dataset", [], {"numpy": "1.0"}, []),
        ("invariants", [], {"torch": "1.0", "scipy": "1.0", "h5py": "1.0", "python": "3.0"}, []),
        ("model", [], {"machine": "other", "snakemake": "1.0", "weightlaws": "0"}, []),
        ("weights", [NUMBA], {"torch": "1.0"}, []),
        ("weights", [TORCH], {"scipy": "1.0"}, []),
        ("weights", [NUMBA], {"scipy": "1.0"}, ["scipy"]),
        # A state is gone on from by another installation, whose own version stands in provenance.
        ("weights", [{**TORCH, "torch": "1.0+cpu"}, TORCH], {}, ["torch"]),
        ("state", [{**NUMBA, "numba": "0.1"}], {}, ["numba"]),
        ("weights", [{**TORCH, "torch": TORCH["torch"].split("+")[0] + "+other"}], {}, []),
    ],
)
def test_only_what_computes_numbers_counts(tmp_path, kind, trained_by, versions, packages):
    path = file(tmp_path / "file.h5", kind, trained_by, **versions)
    told = version_warnings([path])
    assert [warning.split("made with ")[1].split()[0] for warning in told] == packages


def test_what_cannot_be_read_is_passed_over(tmp_path):
    good = file(tmp_path / "good.h5", "model", numpy="1.0")
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(file(tmp_path / "bare.h5", "model"), "a") as bare:
        text = json.dumps({"numpy": "1.0"}).encode()
        bare.attrs["provenance"], bare.attrs["provenance_crc32"] = np.bytes_(text), zlib.crc32(b"")
    others = [tmp_path / "text.h5", tmp_path / "bare.h5", tmp_path / "absent.h5", tmp_path]
    (warning,) = version_warnings([*others, good])
    assert warning.startswith(f"{good} was made with numpy 1.0")


def test_a_file_of_any_kind_can_be_opened(tmp_path):
    with opened(file(tmp_path / "file.h5", "null"), None) as reader:
        assert reader.kind == "null"
