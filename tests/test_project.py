import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions

import pytest
import yaml
from support.project import ROOT

LOCK = dict(
    line.split("==")
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if not line.startswith("#")
)


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_everything_installed_is_pinned():
    pins = {canonical(name): version for name, version in LOCK.items()}
    installed = {
        canonical(found.metadata["Name"]): found.version.split("+")[0] for found in distributions()
    }
    for name in ("pip", "setuptools", "wheel", "weightlaws"):
        installed.pop(name, None)
    assert installed == {name: pins.get(name) for name in installed}


def test_the_lock_names_torch_plainly():
    assert LOCK["torch"] == "2.13.0"
    assert LOCK["torchvision"] == "0.28.0"


def test_every_direct_dependency_is_in_the_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = sum(extras.values(), project["dependencies"])
    assert {canonical(name.partition("[")[0]) for name in names} <= {
        canonical(name) for name in LOCK
    }


def test_the_conda_environment_has_the_versions_of_the_lock():
    program = ROOT / "envs/pins.py"
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    stored = (ROOT / "envs/weightlaws.yaml").read_text()
    assert stored == done.stdout, "run `make env`"
    *_, last = yaml.safe_load(stored)["dependencies"]
    pins = dict(line.split("==") for line in last["pip"])
    lock = {canonical(name): version for name, version in LOCK.items()}
    assert pins == {name: lock[name] for name in pins}
    assert {"numba", "snakemake", "torch"} <= pins.keys()
    assert not {"pytest", "mkdocs", "ruff"} & pins.keys()


def test_the_citation_is_of_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version


def test_the_library_never_imports_snakemake():
    for path in (ROOT / "src/weightlaws").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) snakemake", path.read_text(), re.MULTILINE), path


def test_reading_the_configuration_imports_nothing_heavy():
    """Snakemake reads it at every start of every job."""
    heavy = {"torch", "pandas", "h5py"}
    code = f"import sys, weightlaws.planning.stages; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_reference_has_every_module():
    pages = (ROOT / "docs" / "reference" / "api").glob("*.md")
    listed = [name for page in pages for name in re.findall("(?m)^::: (.+)$", page.read_text())]
    source = ROOT / "src"
    # A plug-in is one function; CONTRIBUTING.md shows one of each kind.
    modules = [
        ".".join(path.relative_to(source).with_suffix("").parts)
        for path in source.rglob("*.py")
        if path.stem != "__init__" and path.parent.name not in ("datasets", "initial_laws")
    ]
    assert sorted(listed) == sorted(modules)


@pytest.mark.parametrize(
    ("arguments", "name", "asked", "said"),
    [
        (
            ["STUDY=depth", "CONFIG=members=200"],
            "depth",
            " --configfile studies/depth.yaml --config members=200",
            ' CONFIG="members=200"',
        ),
        (["STUDY=results/depth"], "depth", " --configfile studies/depth.yaml", ""),
        ([], "default", "", ""),
    ],
)
def test_make_results_runs_a_study_and_keeps_its_results(arguments, name, asked, said):
    # A make inside `make test` would print more lines and take the variables of the outer one.
    outer = ("MAKE", "STUDY", "CONFIG")
    own = {key: value for key, value in os.environ.items() if not key.startswith(outer)}
    command = ["make", "--dry-run", "results", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    lines = [" ".join(line.split()) for line in done.stdout.replace("\\\n", " ").splitlines()]
    *_, ran, kept, written = lines
    assert ran == f".venv/bin/snakemake --cores all{asked}"
    assert kept == (
        f".venv/bin/weightlaws keep results/{name} docs/results/{name} "
        f"--command 'make results STUDY={name}{said}'"
    )
    assert written == ".venv/bin/python docs/measured.py write"
