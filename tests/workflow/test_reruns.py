"""What runs again after an edit: the planned jobs of each rule."""

import os
import re
import time
from copy import deepcopy
from zlib import crc32

import h5py
import numpy as np
import pytest
import yaml
from support.mini_study import MINI
from support.project import ROOT

from weightlaws.planning.code_digest import modules_behind
from weightlaws.study.study import Study

SHARDS, CONDITIONS, SHAPES = 3, 3, 5
TRAIN = {"train": SHARDS * CONDITIONS}
INVARIANTS = {"invariants": SHARDS * CONDITIONS}
GALLERY, DISTANCE, ACCURACY = {"gallery": 1}, {"distance": 1}, {"accuracy": 1}
CATALOGUE = {"catalogue": 1}
OF_CONDITIONS = {"condition_figures": CONDITIONS}
OF_SPECTRA = {"spectra_figures": CONDITIONS}
OF_ENTRIES = {"entries_figure": CONDITIONS}
OF_EIGENVALUES = {"eigenvalues_figure": CONDITIONS}
FROM_ENTRIES = {"entries": CONDITIONS} | OF_ENTRIES
FROM_EIGENVALUES = {"eigenvalues": CONDITIONS} | OF_EIGENVALUES
ENTRIES = FROM_ENTRIES | FROM_EIGENVALUES
PREDICTED = {"predicted_observed": CONDITIONS}
BETWEEN, ACROSS, MAP = {"architecture_figures": 1}, {"across": 1}, {"ensemble_map": 1}
OF_INTERACTING = {"interacting_figure": CONDITIONS}
OF_NETWORKS = {"network_law_figure": CONDITIONS}
FIGURES = OF_CONDITIONS | OF_SPECTRA | BETWEEN | ACCURACY | OF_INTERACTING | OF_NETWORKS
FIGURES |= OF_ENTRIES | OF_EIGENVALUES | PREDICTED | ACROSS | MAP

FROM_DISTANCE = DISTANCE | BETWEEN | ACROSS | MAP
FINDINGS, CLAIMS, ANSWERS = {"findings": 1}, {"claims": 1}, {"answers": 1}
FROM_MODEL = {"model": CONDITIONS} | DISTANCE | FINDINGS | CLAIMS | OF_CONDITIONS | BETWEEN
FROM_MODEL |= PREDICTED | ACROSS | MAP
FROM_SIGNIFICANCE = {"significance": CONDITIONS} | FINDINGS | CLAIMS | OF_CONDITIONS | PREDICTED
FROM_SIGNIFICANCE |= ACROSS
FROM_COMPARISON = {"comparison": CONDITIONS} | FINDINGS | CLAIMS | OF_CONDITIONS
FROM_SYMMETRY = {"symmetry": CONDITIONS} | FINDINGS | CLAIMS
FROM_OMNIBUS = {"omnibus": CONDITIONS} | FINDINGS
FROM_INTERACTING = {"interacting": CONDITIONS} | CLAIMS | OF_INTERACTING | PREDICTED
FROM_NETWORK_LAW = {"network_law": CONDITIONS} | CLAIMS | OF_NETWORKS
FROM_DRAWN = {"drawn_networks": CONDITIONS} | CLAIMS | OF_NETWORKS
BEYOND = FROM_INTERACTING | FROM_NETWORK_LAW | FROM_DRAWN
FROM_INVARIANTS = INVARIANTS | FROM_MODEL
FROM_WEIGHTS = FROM_SIGNIFICANCE | FROM_OMNIBUS | FROM_COMPARISON | FROM_SYMMETRY | BEYOND
FROM_MEMBERS = {"members": 1} | BETWEEN | ACROSS | MAP | ACCURACY | FINDINGS | CLAIMS
FROM_SPECTRA = {"spectra": CONDITIONS, "spectra_table": 1} | CLAIMS | OF_SPECTRA
SPECTRA = {"spectra_shard": SHARDS * CONDITIONS} | FROM_SPECTRA
NULLS = {"null": SHAPES}
FROM_TRAIN = TRAIN | FROM_MEMBERS | FROM_INVARIANTS | FROM_WEIGHTS | SPECTRA | ENTRIES
EVERYTHING = {"dataset": 1} | FROM_TRAIN


def then_answers(jobs):
    """The page of answers leads to all files, and so follows every job."""
    return jobs and jobs | ANSWERS


def sweeps(**changes):
    changed = deepcopy(MINI["sweeps"])
    changed[0].update(changes)
    return changed


def fan_in(conditions):
    """The jobs that new or changed conditions cause, beside those of their shards."""
    own = ("model", "significance", "omnibus", "comparison", "symmetry", "condition_figures")
    own += ("spectra", "spectra_figures", "predicted_observed", *ENTRIES, *BEYOND)
    return dict.fromkeys(own, conditions) | FROM_MEMBERS | DISTANCE | {"spectra_table": 1}


def new_shards(n):
    """The jobs of so many new shards."""
    return dict.fromkeys(("train", "invariants", "spectra_shard"), n)


def without_drawn(jobs):
    return {rule: n for rule, n in jobs.items() if rule != "drawn_networks"}


def compared(recipes):
    """The jobs that compare rates and batch sizes, of so many recipes."""
    return dict.fromkeys(("noise_scale", "noise_scale_figure"), recipes)


def statistics(**changes):
    return {"statistics": {**MINI["statistics"], **changes}}


def spectra(**changes):
    return {"spectra": {**MINI["spectra"], **changes}}


# For each key of the configuration an edit, and the jobs that run again. Keys that run nothing are
# edited together.
KEYS = {
    "name": ({"name": "other"}, EVERYTHING | GALLERY | CATALOGUE | NULLS),
    "seed": ({"seed": 1}, FROM_TRAIN | NULLS),
    # 5 to 7: of shards 0-1, 2-3, 4-4 the last gives way to 4-5 and 6-6.
    "members": ({"members": 7}, new_shards(2 * CONDITIONS) | fan_in(CONDITIONS)),
    # Of 0-2 and 3-4 none has a name that there was before.
    "shard_size": ({"shard_size": 3}, new_shards(2 * CONDITIONS) | fan_in(CONDITIONS)),
    "epochs": ({"epochs": 3}, FROM_TRAIN),
    "batch_size": ({"batch_size": 50}, FROM_TRAIN),
    "learning_rate": ({"learning_rate": 0.002}, FROM_TRAIN),
    "snapshots": ({"snapshots": 2, **statistics(headline_epochs=[0])}, FROM_TRAIN),
    "rectangular_snapshots": ({"rectangular_snapshots": []}, FROM_TRAIN),
    "device engine keep_state data": (
        {"device": "cpu", "engine": "torch", "keep_state": False, "data": "elsewhere"},
        {},
    ),
    "invariants": (
        {"invariants": "published"},
        FROM_INVARIANTS | FROM_SIGNIFICANCE | GALLERY | CATALOGUE,
    ),
    "statistics.headline_epochs": (
        statistics(headline_epochs=[0]),
        FROM_WEIGHTS | SPECTRA | ENTRIES,
    ),
    "statistics.significance_level": (
        statistics(significance_level=0.1),
        FROM_SIGNIFICANCE | FROM_OMNIBUS | OF_INTERACTING | OF_NETWORKS,
    ),
    "statistics.bootstrap_replicates": (
        statistics(bootstrap_replicates=60),
        FROM_MODEL | FROM_INTERACTING | SPECTRA | ENTRIES,
    ),
    "statistics.simulated_matrices": (statistics(simulated_matrices=400), FROM_SIGNIFICANCE),
    "statistics.simulated_ensembles": (statistics(simulated_ensembles=300), FROM_SIGNIFICANCE),
    "statistics.omnibus_ensembles": (statistics(omnibus_ensembles=119), FROM_OMNIBUS),
    "statistics.randomisations": (statistics(randomisations=699), FROM_SYMMETRY | FROM_NETWORK_LAW),
    "statistics.folds": (
        statistics(folds=3),
        FROM_COMPARISON | FROM_INTERACTING | FROM_NETWORK_LAW,
    ),
    "statistics.fold_orders": (statistics(fold_orders=3), FROM_COMPARISON),
    "statistics.noise_floor_draws": (statistics(noise_floor_draws=60), FROM_DISTANCE),
    "statistics.interacting": (statistics(interacting=False), CLAIMS | PREDICTED),
    "spectra.null_matrices": (spectra(null_matrices=60), NULLS | SPECTRA),
    "spectra.permutations": (spectra(permutations=10), SPECTRA),
    "spectra.sign_flips": (spectra(sign_flips=20), SPECTRA),
    "spectra.goodness_of_fit_replicates": (spectra(goodness_of_fit_replicates=5), SPECTRA),
    "figures.column_width": ({"figures": {"column_width": 5.0}}, FIGURES | GALLERY),
    "figures.font_scale": ({"figures": {"font_scale": 1.5}}, FIGURES | GALLERY),
    "sweeps.dataset": (
        {"sweeps": sweeps(dataset="mnist")},
        # Layers have the same shapes, and so the same nulls.
        {"dataset": 1} | new_shards(2 * SHARDS) | fan_in(2),
    ),
    "sweeps.analyses": (
        # One square layer is left, of which there is no map.
        {"sweeps": sweeps(analyses=["spectra"])},
        DISTANCE | FINDINGS | CLAIMS | BETWEEN,
    ),
    "sweeps.hidden": (
        {"sweeps": sweeps(hidden=[[10, 10, 10], [11, 11]])},
        {"null": 3} | new_shards(2 * SHARDS) | fan_in(2),
    ),
    "sweeps.initialisations": (
        {"sweeps": sweeps(initialisations=["gaussian", "uniform"])},
        new_shards(2 * SHARDS) | fan_in(2),
    ),
    "sweeps.weight_decays": (
        {"sweeps": sweeps(weight_decays=[0, 0.02])},
        new_shards(SHARDS) | fan_in(1),
    ),
    "sweeps.output_scales": (
        {"sweeps": [*sweeps(), *sweeps(weight_decays=[0], output_scales=[4])]},
        # The output of a scaled network rests on its start, so that none is drawn.
        without_drawn(new_shards(SHARDS) | fan_in(1)) | {"lazy_rich": 1},
    ),
    "sweeps.classes": (
        {"sweeps": sweeps(classes=[None, 2])},
        # Two outputs make a shape of their own.
        {"dataset": 1, "null": 1, "rank_by_classes": 1} | new_shards(2 * SHARDS) | fan_in(2),
    ),
    "sweeps.optimisers": (
        {"sweeps": sweeps(optimisers=["adam", "sgd"])},
        new_shards(2 * SHARDS) | fan_in(2),
    ),
    "sweeps.activations": (
        {"sweeps": sweeps(activations=["tanh", "relu"])},
        new_shards(2 * SHARDS) | fan_in(2),
    ),
    # The first is the study's.
    "sweeps.learning_rates": (
        {"sweeps": sweeps(learning_rates=[0.001, 0.01])},
        compared(2) | new_shards(2 * SHARDS) | fan_in(2),
    ),
    "sweeps.batch_sizes": (
        {"sweeps": sweeps(batch_sizes=[None, 100, 50])},
        compared(2) | new_shards(2 * SHARDS) | fan_in(2),
    ),
    # Laws are of weights alone, so that no networks with biases are drawn.
    "sweeps.biases": (
        {"sweeps": sweeps(biases=[False, True])},
        without_drawn(new_shards(2 * SHARDS) | fan_in(2)),
    ),
    "sweeps.label_noise": (
        {"sweeps": sweeps(label_noise=[0, 0.5])},
        {"label_noise": 1} | new_shards(2 * SHARDS) | fan_in(2),
    ),
    # Crossed, the condition with decay would have the rate, too.
    "sweeps.vary": (
        {
            "sweeps": sweeps(
                vary="together", weight_decays=[0, 0.01, 0], learning_rates=[None, None, 0.01]
            )
        },
        compared(1) | new_shards(SHARDS) | fan_in(1),
    ),
    "sweeps.snapshots": (
        # What is tested must be kept, so that other epochs are tested in all conditions.
        {"sweeps": sweeps(snapshots=2), **statistics(headline_epochs=[0])},
        new_shards(2 * SHARDS) | fan_in(2) | FROM_WEIGHTS | SPECTRA | ENTRIES,
    ),
    # The first two shards stand, and the third is not asked for.
    "sweeps.members": ({"sweeps": sweeps(members=4)}, fan_in(2)),
    "ensembles": (
        {"ensembles": ["own/ensemble.h5"]},
        {"import_ensemble": 2, "skipped": 1, "null": 1, "spectra_shard": 2}
        | FROM_MEMBERS
        | dict.fromkeys(("spectra", "spectra_figures", "spectra_table"), 1),
    ),
    # Which nulls it needs is known once it is read.
    "checkpoints": (
        {"checkpoints": ["own/network.h5"]},
        dict.fromkeys(
            (
                "import_network",
                "skipped",
                "spectra_shard",
                "spectra",
                "spectra_figures",
                "spectra_table",
            ),
            1,
        ),
    ),
}

# Edits of several keys, or the other way round.
OTHERS = {
    "fewer epochs": ({"epochs": 1}, FROM_TRAIN),
    "a shared condition": ({"sweeps": [*sweeps(), *sweeps(weight_decays=[0.01])]}, {}),
}


@pytest.mark.parametrize(
    ("changes", "jobs"), [*KEYS.values(), *OTHERS.values()], ids=[*KEYS, *OTHERS]
)
def test_an_edit_of_the_configuration(project, changes, jobs):
    (project.folder / "own").mkdir()
    for name, shape in (("ensemble", (4, 5, 12)), ("network", (5, 12))):
        with h5py.File(project.folder / f"own/{name}.h5", "w") as file:
            file["fc"] = np.random.default_rng(0).normal(size=shape)
    project.configure(**changes)
    assert project.planned() == then_answers(jobs)


def test_every_key_of_the_configuration_has_its_edit():
    schema = Study.model_json_schema()

    def keys(part):
        for key, of in part["properties"].items():
            inner = of.get("items", of).get("$ref")
            if inner is None:
                yield key
            else:
                inner = schema["$defs"][inner.rpartition("/")[2]]
                yield from (f"{key}.{name}" for name in keys(inner))

    assert sorted(keys(schema)) == sorted(" ".join(KEYS).split())


# What runs again when the numbers of a stage rest on other code, by its script.
STAGES = {
    "dataset": EVERYTHING,
    "label_noise": {},
    "train": FROM_TRAIN,
    "import_ensemble": {},
    "import_network": {},
    "skipped": {},
    "members": FROM_MEMBERS,
    "invariants": FROM_INVARIANTS,
    "catalogue": CATALOGUE,
    "model": FROM_MODEL,
    "distance": FROM_DISTANCE,
    "significance": FROM_SIGNIFICANCE,
    "omnibus": FROM_OMNIBUS,
    "comparison": FROM_COMPARISON,
    "symmetry": FROM_SYMMETRY,
    "entries": FROM_ENTRIES,
    "eigenvalues": FROM_EIGENVALUES,
    "interacting": FROM_INTERACTING,
    "network_law": FROM_NETWORK_LAW,
    "drawn_networks": FROM_DRAWN,
    "noise_scale": {},
    "findings": FINDINGS,
    "claims": CLAIMS,
    "null": NULLS | SPECTRA,
    "spectra_shard": SPECTRA,
    "spectra": FROM_SPECTRA,
    "spectra_table": {"spectra_table": 1},
    "gallery": GALLERY,
    "accuracy": ACCURACY,
    "entries_figure": OF_ENTRIES,
    "eigenvalues_figure": OF_EIGENVALUES,
    "predicted_observed": PREDICTED,
    "across": ACROSS,
    "ensemble_map": MAP,
    "condition_figures": OF_CONDITIONS,
    "architecture_figures": BETWEEN,
    "from_start_figure": {},
    "interacting_figure": OF_INTERACTING,
    "network_law_figure": OF_NETWORKS,
    "noise_scale_figure": {},
    "spectra_figures": OF_SPECTRA,
    "lazy_rich": {},
    "rank_by_classes": {},
    "answers": ANSWERS,
}
INTERACTING = "interacting drawn_networks"
JOINED = f"{INTERACTING} network_law"
GAUSSIAN = "comparison symmetry model distance significance omnibus"
LAWS = f"{GAUSSIAN} {JOINED}"
IMPORTS = "import_ensemble import_network"
# Stages that read or write HDF5, and those that read or write shards.
IMAGES = "dataset label_noise"
ELSEWHERE = f"{IMPORTS} skipped"
STORED = (
    f"{LAWS} {ELSEWHERE} noise_scale {IMAGES} train members invariants null spectra_shard spectra "
    "entries eigenvalues"
)
TESTED = "comparison symmetry significance omnibus"
READERS = f"{TESTED} {JOINED} noise_scale model train members invariants spectra_shard spectra"
READERS = f"{READERS} entries eigenvalues"
BEYOND_FIGURES = "interacting_figure network_law_figure"
TABLES = "accuracy condition_figures architecture_figures spectra_figures lazy_rich"
TABLES = f"{TABLES} {BEYOND_FIGURES} noise_scale_figure from_start_figure"
TABLES = f"{TABLES} predicted_observed across ensemble_map rank_by_classes"
TABLES = f"{TABLES} entries_figure eigenvalues_figure"
DRAWN = f"gallery {TABLES}"
CLAIMED = "claims answers"
SUMMED_UP = f"findings {CLAIMED}"
SEEN = "entries eigenvalues predicted_observed across"
SPECTRAL = "spectra_figures lazy_rich rank_by_classes"
WITHIN = "ensemble_map eigenvalues"
CATALOGUES = "invariants catalogue gallery"
EVERY = " ".join(STAGES)
# For each module of the library the scripts of the stages whose numbers rest on it, by package.
MODULES = {
    "": {
        "arrays": f"{STORED} {SUMMED_UP} {DRAWN}",
        "errors jobs": EVERY,
        "command kept_results results": "",
    },
    "external": {
        "alike combined ensembles import_job layers matrices modules names": ELSEWHERE,
        "model_zoos networks numbers parameters parametrisations quantised": ELSEWHERE,
        "rounding selection stacks torchvision_models trajectories weight_tables": ELSEWHERE,
        "skipped_job": "skipped",
    },
    "external.formats": {
        "detect hdf5 keras messages numpy_arrays pickles pytorch safetensors sharded": ELSEWHERE,
        "state_dicts tensors": ELSEWHERE,
    },
    "figures": {
        "across": "across",
        "ensemble_map": "ensemble_map",
        "distances": "architecture_figures from_start_figure",
        "answers answers_job answers_template claim_picture contents table_page": "answers",
        "findings_page": "findings",
        "eigenvalues": "eigenvalues_figure",
        "entries": "entries_figure",
        "fits": "condition_figures architecture_figures",
        "graphs": "gallery condition_figures",
        "html": "findings answers",
        "interacting": "interacting_figure",
        "laws": "condition_figures",
        "lazy_rich": "lazy_rich",
        "rank_by_classes": "rank_by_classes",
        "network_law": "network_law_figure",
        "noise_scale": "noise_scale_figure",
        "predicted_observed": "predicted_observed",
        "spectra": SPECTRAL,
        "style svg": DRAWN,
        "training": "accuracy",
        "words": f"{DRAWN} findings answers",
    },
    "inference": {
        "claims claims_distances claims_laws claims_networks claims_spectra": CLAIMED,
        "claims_figures claims_recipes claims_table": CLAIMED,
        "claims_job": "claims",
        "admissibility model_job model_tables": "model",
        "bootstrap": f"model distance {INTERACTING} noise_scale {CLAIMED} entries eigenvalues",
        "comparison": f"comparison {JOINED}",
        "comparison_job": "comparison",
        "condition_spec": f"{TESTED} {JOINED} entries eigenvalues",
        "sided_spec": f"{TESTED} interacting entries",
        "dead_outputs": f"{TESTED} {JOINED} condition_figures {BEYOND_FIGURES} {CLAIMED} {SEEN}",
        "distance_job": "distance",
        "distance": f"distance {CLAIMED}",
        "drawn_names": f"drawn_networks network_law_figure {CLAIMED}",
        "drawn_networks drawn_networks_job": "drawn_networks",
        "ensemble_map": "ensemble_map",
        "eigenvalues eigenvalues_job": "eigenvalues",
        "entries entries_job": "entries",
        "findings": "findings answers",
        "findings_job": "findings",
        "interacting score_matching": INTERACTING,
        "interacting_job interacting_predictions": "interacting",
        "intervals": (
            f"model distance significance comparison {JOINED} noise_scale {CLAIMED} {SPECTRAL} "
            "condition_figures interacting_figure"
        ),
        "layer_fit": f"model distance {CLAIMED}",
        "layer_tables": f"{TESTED} interacting entries eigenvalues",
        "max_t": f"significance omnibus {JOINED} noise_scale",
        "network_law_job network_test": "network_law",
        "noise_scale noise_scale_job": "noise_scale",
        "noise_scale_names": f"noise_scale {CLAIMED}",
        "omnibus omnibus_job": "omnibus",
        "significance significance_job": "significance",
        "miss noncentral": f"significance {CLAIMED}",
        "stored_fits": "model distance claims",
        "symmetry symmetry_copies symmetry_job": "symmetry",
        "symmetry_names": f"symmetry findings {DRAWN} {CLAIMED}",
    },
    "invariants": {
        "catalogue": f"{LAWS} {CATALOGUES} noise_scale eigenvalues findings {DRAWN} {CLAIMED}",
        "evaluation": f"{LAWS} invariants noise_scale {CLAIMED} ensemble_map eigenvalues",
        "gradients": INTERACTING,
        "graphs": f"{LAWS} {CATALOGUES} noise_scale eigenvalues findings {DRAWN} {CLAIMED}",
        "invariants_job": "invariants",
    },
    "laws": {
        "base wick": f"{LAWS} noise_scale {CLAIMED} predicted_observed ensemble_map eigenvalues",
        "pigmm": f"{LAWS} {CLAIMED} ensemble_map eigenvalues",
        "bipartite": f"{TESTED} {JOINED} noise_scale",
        "candidates one_sided": f"comparison significance omnibus {JOINED}",
        "iid": f"comparison significance omnibus {JOINED} predicted_observed",
        "hamiltonian hard_edges interacting normalisability score_equations scores": INTERACTING,
        "likelihood_ratios": "symmetry",
        "moments": "significance",
        "names": f"{TESTED} {JOINED} entries findings {DRAWN} {CLAIMED}",
        "network": "drawn_networks network_law",
        "noise_floor": "distance",
        "typicality": f"model distance {CLAIMED}",
        "wasserstein": f"distance drawn_networks network_law {CLAIMED} ensemble_map",
    },
    "monitoring": {
        "costs durations": "answers",
        "expected_files expected_times progress_page training_status": "",
    },
    "planning": {
        "code_digest disk_space file_sizes resources specs stages versions": "",
    },
    "single_network": {
        "analysis null_cache page weightwatcher_metrics": "",
    },
    "spectra": {
        "analysis precision sign_flips spectra_shard_job structure vectors": "spectra_shard",
        "brody kolmogorov_smirnov levels": f"null spectra_shard spectra {SPECTRAL}",
        "curves spectra_job": "spectra",
        "marchenko_pastur null null_job statistics": "null spectra_shard spectra",
        "p_values shards tails": "spectra_shard spectra",
    },
    "storage": {
        "disk_file": EVERY,
        "file_digest": f"{ELSEWHERE} dataset",
        "hdf5": f"{STORED} claims",
        "shard_specs": f"{STORED} findings claims",
        "shard_digests": "",
        "matrices": f"{LAWS} noise_scale {CLAIMED} entries predicted_observed {WITHIN}",
        "member_matrices": f"{TESTED} interacting entries eigenvalues",
        "shards": READERS,
        "tables": f"{TABLES} findings spectra_table {CLAIMED}",
    },
    "study": {
        "conditions data_sets layout messages section sections strict_yaml study": "",
    },
    "training": {
        "class_subset dataset dataset_job own_data teacher": "dataset",
        "label_noise": "label_noise",
        "stored_images": "drawn_networks label_noise train",
        "engine numba_engine numba_kernels progress_line record setup torch_engine": "train",
        "torch_kernels train_job training_spec": "train",
        "layer_chain": "drawn_networks network_law",
        "members_job": "members",
        "recipe_names": f"{DRAWN} members findings answers",
        "networks": (
            f"{TESTED} {INTERACTING} dataset train findings {CLAIMED} entries rank_by_classes"
        ),
        "initial_law plugins": (
            f"{GAUSSIAN} {INTERACTING} dataset train findings {CLAIMED} entries rank_by_classes"
        ),
        "torchvision": ELSEWHERE,
    },
    "training.datasets": {
        "cifar10 digits fashion_mnist mnist": "",
    },
    "training.initial_laws": {
        "gaussian kaiming orthogonal uniform xavier": "",
    },
}


def rows_of_modules():
    """The table of modules: their paths from the folder of the library, and stages."""
    for package, rows in MODULES.items():
        for modules, stages in rows.items():
            folder = package.replace(".", "/")
            yield [f"{folder}/{module}".lstrip("/") for module in modules.split()], stages


def test_the_table_of_modules_is_what_scripts_import():
    library = ROOT / "src/weightlaws"
    modules = [path for path in library.rglob("*.py") if path.name != "__init__.py"]
    found = {path: set() for path in modules}
    for script in (ROOT / "workflow/scripts").glob("*.py"):
        for module in modules_behind(script):
            found[module].add(script.stem)
    expected = {
        library / f"{module}.py": set(stages.split())
        for modules, stages in rows_of_modules()
        for module in modules
    }
    assert found == expected


def again(stages):
    """All jobs that run again, of each rule the most that one of these stages causes."""
    jobs = {}
    for stage in stages.split():
        for rule, count in STAGES[stage].items():
            jobs[rule] = max(count, jobs.get(rule, 0))
    return jobs


# An edit of a module changes the digests of the scripts that import it, which the table of modules
# lists. So each script is edited, and of the modules some on which few stages rest, and all.
EDITS = {f"workflow/scripts/{stage}": stage for stage, jobs in STAGES.items() if jobs}
EDITS |= {
    f"src/weightlaws/{module}": stages
    for modules, stages in rows_of_modules()
    for module in modules
    if module in ("storage/disk_file", "storage/shards", "inference/max_t", "laws/wasserstein")
}


def edit(path):
    path.write_text(path.read_text() + "\nEDITED = True\n")


@pytest.mark.parametrize(("file", "stages"), EDITS.items(), ids=EDITS)
def test_an_edit_of_code(project, file, stages):
    edit(project.folder / f"{file}.py")
    assert project.planned() == then_answers(again(stages))


def test_edits_of_code_that_no_number_rests_on_run_nothing(project):
    named = {f"training/{plug_in}" for plug_in in ("datasets/digits", "initial_laws/gaussian")}
    for modules, stages in rows_of_modules():
        if not again(stages):
            for module in {*modules} - named:
                edit(project.folder / f"src/weightlaws/{module}.py")
    for stage, jobs in STAGES.items():
        if not jobs:
            edit(project.folder / f"workflow/scripts/{stage}.py")
    assert project.planned() == {}


PLUG_INS = "src/weightlaws/training"


@pytest.mark.parametrize(
    ("kind", "old", "jobs"),
    [
        ("initial_laws", "gaussian", FROM_TRAIN),
        ("datasets", "digits", EVERYTHING),
    ],
)
def test_a_plug_in_counts_where_a_study_names_it(project, kind, old, jobs):
    folder = project.folder / PLUG_INS / kind
    (folder / "another.py").write_text((folder / f"{old}.py").read_text())
    assert project.planned() == {}
    edit(folder / f"{old}.py")
    assert project.planned() == then_answers(jobs)


def test_an_edit_of_comments_docstrings_and_captions_and_a_touch_run_nothing(project):
    later = time.time() + 10
    for path in [*project.folder.glob("src/**/*.py"), *project.folder.glob("workflow/**/*.py")]:
        text = "# A new comment.\n" + path.read_text()
        path.write_text(re.sub(r'("""[A-Z][^"]*)', r"\1 And more of it.", text, count=1))
    for pattern in ("workflow/rules/*.smk", "Snakefile", "*.yaml", "profiles/**/*.yaml"):
        for path in project.folder.glob(pattern):
            path.write_text(path.read_text() + "\n# A new comment.\n")
    for path in project.folder.glob("workflow/report/**/*.rst"):
        path.write_text(path.read_text() + "\nAnother caption.\n")
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


def test_an_edit_of_a_profile_runs_nothing(project):
    profile = project.folder / "profiles/default/config.yaml"
    settings = {
        "retries": 3,
        "set-threads": {"train": 2},
        "set-resources": {"train": {"mem_mb": 9}},
    }
    profile.write_text(profile.read_text() + yaml.safe_dump(settings))
    assert project.planned() == {}


def test_another_version_of_a_package_is_a_warning(project):
    shards = sorted(project.folder.glob("results/mini/weights/*/0-1.h5"))
    for shard in shards:
        times = shard.stat().st_atime_ns, shard.stat().st_mtime_ns
        with h5py.File(shard, "r+") as file:
            text = bytes(file.attrs["provenance"])
            text = re.sub(rb'"numpy": "[^"]*"', b'"numpy": "1.0.0"', text)
            file.attrs["provenance"], file.attrs["provenance_crc32"] = np.bytes_(text), crc32(text)
        os.utime(shard, ns=times)
    assert project.planned() == {}
    (project.folder / "results/mini/figures/invariants.svg").unlink()
    text = project.run().stderr
    assert f"{CONDITIONS} files, such as results/mini/weights/" in text
    assert "were made with numpy 1.0.0" in text
