"""The files of a small study, made by the library's own writers and laid out as a run does it."""

from support.project import CODE, DEFAULT

from weightlaws.inference.model_job import fit_condition
from weightlaws.inference.stored_fits import ModelSpec, store_fits
from weightlaws.invariants.invariants_job import evaluate_shard
from weightlaws.planning.specs import (
    dataset_spec,
    invariants_spec,
    model_spec,
    null_spec,
    spectra_shard_spec,
    training_spec,
)
from weightlaws.spectra.null_job import store_null
from weightlaws.spectra.spectra_shard_job import analyse_shard
from weightlaws.storage.hdf5 import create
from weightlaws.study.study import parse_study, study_to_yaml
from weightlaws.training.train_job import train_shard


def small_study(**changes):
    """A study of three networks in two shards, with these changes."""
    sweep = {
        "dataset": "digits",
        "hidden": [[10, 10]],
        "initialisations": ["gaussian"],
        "weight_decays": [0],
    }
    statistics = {**DEFAULT["statistics"], "headline_epochs": [0], "bootstrap_replicates": 50}
    spectra = {**DEFAULT["spectra"], "null_matrices": 50, "sign_flips": 19}
    small = {"members": 3, "shard_size": 2, "epochs": 2, "invariants": "published"}
    sections = {"sweeps": [sweep], "statistics": {**statistics, "folds": 2}, "spectra": spectra}
    return parse_study({**DEFAULT, **small, **sections, **changes})


def store_dataset(path, digits, study):
    """Store every fiftieth of the digits as the data set of the study's only condition."""
    (condition,) = study.conditions.values()
    with create(path, "dataset", dataset_spec(study, condition, CODE)) as writer:
        for name, values in digits.items():
            writer.add(name, values[::50])


def make_results(folder, study, digits):
    """Make all files of the study that are HDF5; return by kind the first and its spec."""
    (condition,) = study.conditions.values()
    dataset = folder / "datasets" / f"{condition.dataset}.h5"
    store_dataset(dataset, digits, study)
    made = {"dataset": (dataset, dataset_spec(study, condition, CODE))}
    shards, nulls = study.shards(condition), []
    paths = {
        kind: [folder / kind / condition.name / f"{shard.name}.h5" for shard in shards]
        for kind in ("weights", "state", "invariants", "spectra")
    }
    specs = {
        "weights": training_spec,
        "state": training_spec,
        "invariants": invariants_spec,
        "spectra": spectra_shard_spec,
    }
    for shape in dict.fromkeys(condition.shapes.values()):
        nulls.append(folder / "nulls" / f"{shape[0]}x{shape[1]}.h5")
        spec = null_spec(study, shape, CODE)
        store_null(nulls[-1], spec)
        made["null"] = (nulls[-1], spec)
    for k, shard in enumerate(shards):
        spec = {kind: make(study, condition, CODE, shard) for kind, make in specs.items()}
        path = {kind: paths[kind][k] for kind in paths}
        train_shard(
            path["weights"],
            spec["weights"],
            dataset,
            path["state"],
            engine="numba",
            device="cpu",
            threads=1,
            keep_state=True,
        )
        evaluate_shard(path["invariants"], spec["invariants"], path["weights"])
        analyse_shard(path["spectra"], spec["spectra"], path["weights"], nulls)
        for kind in paths:
            made.setdefault(kind, (path[kind], spec[kind]))
    spec = model_spec(study, condition, CODE)
    model = folder / "models" / f"{condition.name}.h5"
    parsed = ModelSpec.parse(spec)
    store_fits(model, parsed, fit_condition(paths["invariants"], parsed))
    (folder / "study.yaml").write_text(study_to_yaml(study))
    return {**made, "model": (model, spec)}
