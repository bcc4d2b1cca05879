import logging
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

from weightlaws.single_network import null_cache
from weightlaws.single_network.null_cache import NullCache
from weightlaws.spectra.null import simulate_null

SHAPE, MATRICES = (30, 12), 20


@pytest.fixture
def simulated(monkeypatch):
    """Shapes that are simulated, not read."""
    shapes = []

    def counted(shape, seed, *, matrices):
        shapes.append(shape)
        return simulate_null(shape, seed, matrices=matrices)

    monkeypatch.setattr(null_cache, "simulate_null", counted)
    return shapes


def the_file(folder):
    (path,) = folder.glob("*.h5")
    return path


def test_a_null_is_simulated_once_for_a_user(tmp_path, simulated):
    first = NullCache(tmp_path).null(SHAPE, MATRICES)
    again = NullCache(tmp_path).null(SHAPE, MATRICES)
    transposed = NullCache(tmp_path).null(SHAPE[::-1], MATRICES)
    assert simulated == [(12, 30)]
    assert (first.shape, transposed.shape) == (SHAPE, SHAPE[::-1])
    right = simulate_null((12, 30), 0, matrices=MATRICES)
    for null in (first, again, transposed):
        np.testing.assert_array_equal(null.singular_values, right.singular_values)
        np.testing.assert_array_equal(null.spacings, right.spacings)
        assert null.ends == right.ends


def test_other_matrices_and_other_code_are_other_files(tmp_path, simulated, monkeypatch):
    NullCache(tmp_path).null(SHAPE, MATRICES)
    NullCache(tmp_path).null(SHAPE, MATRICES + 1)
    monkeypatch.setattr(null_cache, "_code", lambda: "another")
    NullCache(tmp_path).null(SHAPE, MATRICES)
    assert len(simulated) == 3
    assert len([*tmp_path.glob("*.h5")]) == 3


def test_a_damaged_file_is_made_anew(tmp_path, simulated):
    right = NullCache(tmp_path).null(SHAPE, MATRICES)
    path = the_file(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    found = NullCache(tmp_path).null(SHAPE, MATRICES)
    assert len(simulated) == 2
    np.testing.assert_array_equal(found.singular_values, right.singular_values)
    with h5py.File(path) as file:  # the one there is whole again
        assert file["singular_values"].shape == (MATRICES, 12)


def test_a_folder_that_cannot_be_written_is_said_once_and_done_without(tmp_path, caplog):
    (tmp_path / "cache").write_text("a file where the folder would be")
    cache = NullCache(tmp_path / "cache")
    with caplog.at_level(logging.WARNING):
        found, _ = (cache.null(shape, MATRICES) for shape in (SHAPE, (9, 9)))
    right = simulate_null((12, 30), 0, matrices=MATRICES)
    np.testing.assert_array_equal(found.singular_values, right.singular_values)
    (record,) = caplog.records
    assert f"{tmp_path / 'cache'}: nulls cannot be kept there" in record.getMessage()


def test_the_cache_stands_where_the_system_says(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert NullCache().folder == tmp_path / "weightlaws" / "nulls"


def test_runs_at_once_do_not_hurt_each_other(tmp_path):
    code = f"""
        from pathlib import Path
        from weightlaws.single_network.null_cache import NullCache
        null = NullCache(Path({str(tmp_path)!r})).null({SHAPE}, 300)
        print(null.singular_values.sum())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    sums = {run.communicate()[0] for run in runs}
    assert [run.returncode for run in runs] == [0] * 4
    right = simulate_null((12, 30), 0, matrices=300).singular_values.sum()
    assert sums == {f"{right}\n"}
    assert {path.suffix for path in tmp_path.iterdir()} == {".h5", ".lock"}
