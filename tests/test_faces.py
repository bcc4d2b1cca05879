"""Names that users import, each with an example that runs."""

import doctest
import importlib
import subprocess
import sys

import pytest

FACES = {
    "weightlaws": {"analyse", "load"},
    "weightlaws.invariants": {"Graph", "enumerate_graphs", "evaluate"},
    "weightlaws.laws": {"IID", "Bipartite", "PIGMM", "OneSided", "Interacting", "hyvarinen_score"},
    "weightlaws.laws.wasserstein": {"distance", "squared_distance"},
    "weightlaws.storage": {"read_shard"},
    "weightlaws.spectra": {"analyse"},
}
NAMES = [(face, name) for face, names in FACES.items() for name in sorted(names)]


@pytest.mark.parametrize(("face", "name"), NAMES)
def test_a_name_of_a_face_has_an_example_that_runs(face, name):
    found = getattr(importlib.import_module(face), name)
    module = sys.modules[found.__module__]
    tests = doctest.DocTestFinder(recurse=False).find(found, name, module)
    examples = [test for test in tests if test.examples]
    assert examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in examples:
        assert runner.run(test).failed == 0


@pytest.mark.parametrize("face", [face for face in FACES if face != "weightlaws.laws.wasserstein"])
def test_a_face_has_these_names_and_no_others(face):
    module = importlib.import_module(face)
    assert {*module.__all__} == FACES[face]


def test_a_face_imports_nothing_before_its_names_are_used():
    code = f"import sys, {', '.join(FACES)}; print(*sys.modules)".replace(
        ", weightlaws.laws.wasserstein", ""
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pandas", "scipy", "torch", "h5py"} & {*done.stdout.split()}
