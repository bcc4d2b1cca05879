"""What runs again after an edit: the planned jobs of each rule."""

import os
import re
import time
from copy import deepcopy

import pytest
from mini_study import MINI

SHARDS, CONDITIONS, ARCHITECTURES, SHAPES = 3, 3, 2, 5
TRAIN = {"train": SHARDS * CONDITIONS}
INVARIANTS = {"invariants": SHARDS * CONDITIONS}
GALLERY, DISTANCE, ACCURACY = {"gallery": 1}, {"distance": 1}, {"accuracy": ARCHITECTURES}
OF_CONDITIONS = {"condition_figures": CONDITIONS}
OF_SPECTRA = {"spectra_figures": CONDITIONS}
BETWEEN = {"architecture_figures": ARCHITECTURES, "distance_matrix": 1}
FIGURES = OF_CONDITIONS | OF_SPECTRA | BETWEEN | ACCURACY

FROM_DISTANCE = DISTANCE | BETWEEN
FINDINGS = {"findings": 1}
FROM_MODEL = {"model": CONDITIONS} | DISTANCE | FINDINGS | OF_CONDITIONS | BETWEEN
FROM_SIGNIFICANCE = {"significance": CONDITIONS} | FINDINGS | OF_CONDITIONS
FROM_COMPARISON = {"comparison": CONDITIONS} | FINDINGS | OF_CONDITIONS
FROM_SYMMETRY = {"symmetry": CONDITIONS} | FINDINGS
FROM_INVARIANTS = INVARIANTS | FROM_MODEL | FROM_SIGNIFICANCE
FROM_MEMBERS = {"members": 1} | BETWEEN | ACCURACY | FINDINGS
FROM_SPECTRA = {"spectra": CONDITIONS, "spectra_table": 1} | OF_SPECTRA
SPECTRA = {"spectra_shard": SHARDS * CONDITIONS} | FROM_SPECTRA
NULLS = {"null": SHAPES}
FROM_TRAIN = TRAIN | FROM_MEMBERS | FROM_INVARIANTS | FROM_COMPARISON | FROM_SYMMETRY | SPECTRA
EVERYTHING = {"dataset": 1} | FROM_TRAIN


def sweeps(**changes):
    changed = deepcopy(MINI["sweeps"])
    changed[0].update(changes)
    return changed


def fan_in(conditions):
    """The jobs that new or changed conditions cause, beside their training and invariants."""
    own = ("model", "significance", "comparison", "symmetry", "condition_figures")
    own += ("spectra", "spectra_figures")
    return FROM_MEMBERS | FROM_DISTANCE | {"spectra_table": 1} | dict.fromkeys(own, conditions)


def new_shards(n):
    """The jobs of so many new shards."""
    return dict.fromkeys(("train", "invariants", "spectra_shard"), n)


def statistics(**changes):
    return {"statistics": {**MINI["statistics"], **changes}}


def spectra(**changes):
    return {"spectra": {**MINI["spectra"], **changes}}


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"figures": {"panel_width": 5.0}}, FIGURES | GALLERY, id="a figure option"),
        pytest.param({"device": "cpu"}, {}, id="the device"),
        pytest.param({"engine": "torch"}, {}, id="the engine"),
        pytest.param({"keep_state": False}, {}, id="keeping states"),
        pytest.param(statistics(noise_floor_draws=60), FROM_DISTANCE, id="noise floor"),
        pytest.param(statistics(bootstrap_replicates=60), FROM_MODEL | SPECTRA, id="bootstrap"),
        pytest.param(statistics(simulated_ensembles=300), FROM_SIGNIFICANCE, id="simulation"),
        pytest.param(statistics(randomisations=100), FROM_SYMMETRY, id="randomisation"),
        pytest.param(statistics(folds=3), FROM_COMPARISON, id="folds"),
        pytest.param(
            statistics(false_discovery_rate=0.1),
            FINDINGS | OF_CONDITIONS | SPECTRA,
            id="discovery rate",
        ),
        pytest.param(spectra(null_matrices=60), NULLS | SPECTRA, id="nulls"),
        pytest.param(spectra(permutations=10), SPECTRA, id="permutations"),
        pytest.param(
            {"invariants": "published"},
            FROM_INVARIANTS | GALLERY | {"catalogue": 1},
            id="other invariants",
        ),
        pytest.param({"rectangular_snapshots": []}, FROM_TRAIN, id="rectangular snapshots"),
        pytest.param(
            # 5 to 7: of shards 0-1, 2-3, 4-4 the last gives way to 4-5 and 6-6.
            {"members": 7},
            new_shards(2 * CONDITIONS) | fan_in(CONDITIONS),
            id="more members",
        ),
        pytest.param(
            {"sweeps": sweeps(initialisations=["gaussian", "uniform"])},
            new_shards(2 * SHARDS) | fan_in(2),
            id="one more initialisation",
        ),
        pytest.param(
            {"sweeps": sweeps(weight_decays=[0, 0.02])},
            new_shards(SHARDS) | fan_in(1),
            id="a weight decay",
        ),
        pytest.param(
            {"sweeps": [*sweeps(), *sweeps(weight_decays=[0], output_scales=[4])]},
            new_shards(SHARDS) | fan_in(1) | {"lazy_rich": 1},
            id="an output scale",
        ),
        pytest.param(
            {"sweeps": sweeps(members=4)},
            # The first two shards stand, and the third is not asked for.
            fan_in(2),
            id="fewer members of a sweep",
        ),
        pytest.param(
            # Nothing is left to compare one of the two architectures with.
            {"sweeps": sweeps(analyses=["spectra"])},
            DISTANCE | FINDINGS | {"architecture_figures": 1},
            id="no models of a sweep",
        ),
        pytest.param(
            {"sweeps": [*sweeps(), *sweeps(weight_decays=[0.01])]}, {}, id="a shared condition"
        ),
        pytest.param({"epochs": 3}, FROM_TRAIN, id="more epochs"),
        pytest.param({"epochs": 1}, FROM_TRAIN, id="fewer epochs"),
        pytest.param({"seed": 1}, FROM_TRAIN | NULLS, id="seed"),
    ],
)
def test_an_edit_of_the_configuration(project, changes, jobs):
    project.configure(**changes)
    assert project.planned() == jobs


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("src/weightlaws/study.py", {}),
        ("src/weightlaws/results.py", {}),
        ("src/weightlaws/source.py", {}),
        ("src/weightlaws/__init__.py", {}),
        ("src/weightlaws/datasets.py", EVERYTHING),
        ("src/weightlaws/disk.py", {}),
        ("src/weightlaws/memory.py", {}),
        ("src/weightlaws/training.py", FROM_TRAIN),
        ("src/weightlaws/numba_kernels.py", FROM_TRAIN),
        ("src/weightlaws/torch_engine.py", FROM_TRAIN),
        ("src/weightlaws/invariants.py", FROM_INVARIANTS | FROM_COMPARISON | FROM_SYMMETRY),
        ("src/weightlaws/invariants_job.py", FROM_INVARIANTS),
        ("src/weightlaws/significance.py", FROM_SIGNIFICANCE),
        ("src/weightlaws/comparison.py", FROM_COMPARISON),
        ("src/weightlaws/symmetry.py", FROM_SYMMETRY),
        ("src/weightlaws/findings_page.py", FINDINGS),
        ("src/weightlaws/law_figures.py", OF_CONDITIONS),
        ("src/weightlaws/models.py", FROM_MODEL),
        ("src/weightlaws/wasserstein.py", FROM_DISTANCE),
        ("src/weightlaws/distances.py", FROM_DISTANCE),
        ("src/weightlaws/members.py", FROM_MEMBERS),
        ("src/weightlaws/figures.py", OF_CONDITIONS | BETWEEN | ACCURACY),
        ("src/weightlaws/level_statistics.py", NULLS | SPECTRA),
        ("src/weightlaws/tails.py", SPECTRA),
        ("src/weightlaws/spectra_tables.py", FROM_SPECTRA),
        ("src/weightlaws/spectra_figures.py", OF_SPECTRA),
        ("workflow/scripts/train.py", FROM_TRAIN),
        ("workflow/scripts/condition_figures.py", {"condition_figures": CONDITIONS}),
    ],
)
def test_an_edit_of_code(project, file, jobs):
    path = project.folder / file
    path.write_text(path.read_text() + "\nEDITED = True\n")
    assert project.planned() == jobs


def test_an_edit_of_comments_and_docstrings_and_a_touch_run_nothing(project):
    later = time.time() + 10
    for path in [*project.folder.glob("src/**/*.py"), *project.folder.glob("workflow/**/*.py")]:
        text = "# A new comment.\n" + path.read_text()
        path.write_text(re.sub(r'("""[A-Z][^"]*)', r"\1 And more of it.", text, count=1))
    for pattern in ("workflow/rules/*.smk", "Snakefile", "*.yaml", "profiles/**/*.yaml"):
        for path in project.folder.glob(pattern):
            path.write_text(path.read_text() + "\n# A new comment.\n")
    for path in project.folder.rglob("*"):
        if path.is_file() and "results" not in path.parts and ".snakemake" not in path.parts:
            os.utime(path, (later, later))
    assert project.planned() == {}


def test_more_members_keep_the_weights_there_are(project):
    kept = [
        path for path in project.folder.glob("results/mini/weights/*/*.h5") if path.stem != "4-4"
    ]
    assert len(kept) == 2 * CONDITIONS
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in kept}
    project.configure(members=6)
    project.run("results/mini/members.csv")
    assert all(before[p] == (p.stat().st_mtime_ns, p.read_bytes()) for p in kept)
