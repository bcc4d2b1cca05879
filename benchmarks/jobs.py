"""How long do the workflow's jobs take? One core's time against what `requests` expects.

    python benchmarks/jobs.py [--quick]

Each job does what its rule's script does, of 784-n-n-10 on the digits. All but training read random
weights, of networks of different scales, so that laws are false, and with a dead one among them, so
that tables are made twice. The last line is a JSON object.
"""

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# Before NumPy reads them.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import numpy as np
import yaml

from weightlaws.planning import specs
from weightlaws.planning.resources import laws
from weightlaws.storage import hdf5
from weightlaws.study.conditions import Condition, Shard
from weightlaws.study.study import Study, parse_study
from weightlaws.training.datasets import load_dataset
from weightlaws.training.networks import Shapes

ROOT = Path(__file__).parents[1]
CODE: Mapping[str, str] = defaultdict(str)

# What makes each job take a second or so.
FEW = {
    "headline_epochs": [],
    "randomisations": 99,
    "simulated_matrices": 200,
    "simulated_ensembles": 2000,
}
FEW_SPECTRA = {"null_matrices": 200, "permutations": 9}
ONCE = {"epochs": 1, "rectangular_snapshots": [0], "statistics": FEW, "spectra": FEW_SPECTRA}
SIZES: dict[int, dict[str, Any]] = {
    10: {**ONCE, "members": 200, "shard_size": 200, "epochs": 5},
    40: {**ONCE, "members": 100, "shard_size": 100},
    160: {**ONCE, "members": 10, "shard_size": 10},
    640: {**ONCE, "members": 6, "shard_size": 6},
}


def study_of(hidden: list[int], **changes: Any) -> Study:  # noqa: ANN401
    """Return the default study with one condition, Gaussian networks of these hidden widths."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for section in ("statistics", "spectra"):
        config[section] |= changes.pop(section, {})
    sweep = {
        "dataset": "digits",
        "hidden": [hidden],
        "initialisations": ["gaussian"],
        "weight_decays": [0],
        **changes.pop("sweep", {}),
    }
    return parse_study({**config, "engine": "numba", "sweeps": [sweep], **changes})


def condition_of(study: Study) -> Condition:
    """Return the one condition of a study."""
    (condition,) = study.trained.values()
    return condition


def write_dataset(_: Study, folder: Path) -> None:
    """Store the digits for training."""
    spec = specs.dataset_spec("digits", CODE)
    with hdf5.create(folder / "dataset.h5", "dataset", spec) as writer:
        for name, values in load_dataset("digits", Path()).items():
            writer.add(name, values)


def write_weights(study: Study, folder: Path) -> None:
    """Store random weights as training would store its own, with the first network dead."""
    rng, condition = np.random.default_rng(1), condition_of(study)
    for shard in study.shards(condition):
        spec = specs.training_spec(study, condition, CODE, shard)
        n, epochs = shard.last - shard.first + 1, study.epochs
        dead = np.zeros((n, epochs + 1), np.bool_)
        dead[:, -1] = np.arange(shard.first, shard.last + 1) == 0
        with hdf5.create(shard_file(folder, "weights", shard), "weights", spec) as writer:
            for layer, kept in spec["snapshots"].items():
                rows, columns = spec["shapes"][layer]
                stored = writer.create(f"weights/{layer}", (n, len(kept), rows, columns), "f4")
                for k in range(n):
                    drawn = rng.standard_normal((len(kept), rows, columns), dtype=np.float32)
                    # Members of different scales, so that laws are found to be false.
                    stored[k] = drawn * np.exp(0.3 * rng.standard_normal()) / np.sqrt(columns)
                writer.add(f"epochs/{layer}", np.array(kept))
            writer.add("loss", np.ones((n, epochs)))
            writer.add("accuracy", np.ones((n, epochs + 1)))
            writer.add("dead_output", dead)
            writer.add("finite", np.ones((n, epochs + 1), np.bool_))


def largest(shapes: Shapes) -> tuple[int, int]:
    """Return the shape of the most entries."""
    return max(shapes.values(), key=prod)


def shard_file(folder: Path, stage: str, shard: Shard) -> Path:
    """Return where a stage's file of a shard stands."""
    return folder / f"{stage}-{shard.name}.h5"


def shard_files(study: Study, folder: Path, stage: str) -> list[Path]:
    """Return where a stage's files stand."""
    return [shard_file(folder, stage, shard) for shard in study.shards(condition_of(study))]


def null_files(study: Study, folder: Path) -> list[Path]:
    """Return where the nulls of all layers stand."""
    shapes = dict.fromkeys(condition_of(study).shapes.values())
    return [folder / f"null-{rows}x{columns}.h5" for rows, columns in shapes]


# What each job does; the imports are those of the job's script, and count.


def train(study: Study, folder: Path) -> None:
    """Train the first shard."""
    from weightlaws.training.train_job import train_shard

    condition = condition_of(study)
    shard = study.shards(condition)[0]
    train_shard(
        shard_file(folder, "trained", shard),
        specs.training_spec(study, condition, CODE, shard),
        folder / "dataset.h5",
        folder / "state.h5",
        engine=study.engine,
        device="cpu",
        threads=1,
        keep_state=True,
    )


def invariants(study: Study, folder: Path) -> None:
    """Evaluate the invariants of the first shard."""
    from weightlaws.invariants.invariants_job import evaluate_shard

    shard = study.shards(condition_of(study))[0]
    spec = specs.invariants_spec(study, condition_of(study), CODE, shard)
    weights = shard_file(folder, "weights", shard)
    evaluate_shard(shard_file(folder, "invariants", shard), spec, weights)


def model(study: Study, folder: Path) -> None:
    """Fit the models and write their tables."""
    from weightlaws.inference.model_job import write_models

    condition = condition_of(study)
    spec = specs.model_spec(study, condition, CODE)
    tables = ("invariants", "parameters", "typicality", "admissibility")
    files = {"fits": folder / "model.h5", **{name: folder / f"{name}.csv" for name in tables}}
    write_models(shard_files(study, folder, "invariants"), spec, condition.name, **files)


def significance(study: Study, folder: Path) -> None:
    """Test the fitted laws."""
    from weightlaws.inference.significance_job import significance_table

    spec = specs.significance_spec(study, condition_of(study), CODE)
    table = significance_table(shard_files(study, folder, "invariants"), spec, "name")
    table.to_csv(folder / "significance.csv")


def comparison(study: Study, folder: Path) -> None:
    """Compare laws."""
    from weightlaws.inference.comparison_job import comparison_table

    spec = specs.comparison_spec(study, condition_of(study), CODE)
    table = comparison_table(shard_files(study, folder, "weights"), spec, "name")
    table.to_csv(folder / "comparison.csv")


def symmetry(study: Study, folder: Path) -> None:
    """Test symmetries."""
    from weightlaws.inference.symmetry_job import symmetry_table

    spec = specs.symmetry_spec(study, condition_of(study), CODE)
    table = symmetry_table(shard_files(study, folder, "weights"), spec, "name")
    table.to_csv(folder / "symmetry.csv")


def distance(study: Study, folder: Path) -> None:
    """Measure distances."""
    from weightlaws.inference.distance_job import distances_table

    spec = specs.distance_spec(study, CODE)
    distances_table([folder / "model.h5"], spec).to_csv(folder / "distances.csv")


def members_tables(study: Study, folder: Path) -> None:
    """List members and how they learned."""
    from weightlaws.training.members_job import (
        conditions_table,
        final_members,
        learning_curves,
        members_table,
    )

    spec = specs.members_spec(study, CODE)
    conditions_table(spec["weights"], spec["members"]).to_csv(folder / "conditions.csv")
    for name, weights in spec["weights"].items():
        paths = shard_files(study, folder, "weights")
        members = members_table(name, paths, weights, spec["members"][name])
        final_members(members).to_csv(folder / "members.csv")
        learning_curves(members).to_csv(folder / "learning_curves.csv")


def null(study: Study, folder: Path) -> None:
    """Simulate the null of the largest layer."""
    from weightlaws.spectra.null_job import store_null

    shape = rows, columns = largest(condition_of(study).shapes)
    store_null(folder / f"null-{rows}x{columns}.h5", specs.null_spec(study, shape, CODE))


def other_nulls(study: Study, folder: Path) -> None:
    """Simulate the nulls of all other layers."""
    from weightlaws.spectra.null_job import store_null

    shapes = dict.fromkeys(condition_of(study).shapes.values())
    for path, shape in zip(null_files(study, folder), shapes, strict=True):
        if not path.exists():
            store_null(path, specs.null_spec(study, shape, CODE))


def spectra_shard(study: Study, folder: Path) -> None:
    """Analyse the spectra of the first shard."""
    from weightlaws.spectra.spectra_shard_job import analyse_shard

    shard = study.shards(condition_of(study))[0]
    spec = specs.spectra_spec(study, condition_of(study), CODE, shard)
    weights = shard_file(folder, "weights", shard)
    analyse_shard(shard_file(folder, "spectra", shard), spec, weights, null_files(study, folder))


def spectra(study: Study, folder: Path) -> None:
    """Write the tables of spectra."""
    from weightlaws.spectra.spectra_job import condition_tables

    spec = specs.spectra_tables_spec(study, condition_of(study), CODE)
    shards = shard_files(study, folder, "spectra")
    tables = condition_tables(shards, null_files(study, folder), spec, "name")
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)


JOBS: dict[str, Callable[[Study, Path], None]] = {
    job.__name__: job
    for job in (
        write_dataset, train, write_weights, invariants, model, significance, comparison, symmetry,
        distance, members_tables, null, other_nulls, spectra_shard, spectra,
    )
}  # fmt: skip


def request_for(job: str, study: Study) -> laws.Request | None:
    """Return what a job is expected to take; None of one that only prepares others."""
    condition = condition_of(study)
    shard, shapes = study.shards(condition)[0], condition.shapes
    asked: dict[str, Callable[[], laws.Request]] = {
        "train": lambda: laws.training(study, condition, shard, 1),
        "invariants": lambda: laws.invariants(study, condition, shard),
        "model": lambda: laws.model(study, condition),
        "significance": lambda: laws.significance(study, condition),
        "comparison": lambda: laws.comparison(study, condition),
        "symmetry": lambda: laws.symmetry(study, condition),
        "distance": lambda: laws.distance(study),
        "members_tables": lambda: laws.members_tables(study),
        "null": lambda: laws.null(study, largest(shapes)),
        "spectra_shard": lambda: laws.spectra_shard(study, condition, shapes, shard),
        "spectra": lambda: laws.spectra(study, condition, shapes),
    }
    return asked[job]() if job in asked else None


def seconds(job: str, study: Study, folder: Path) -> float:
    """Time one job, by the processor's clock: others at work on the machine count less."""
    start = time.process_time()
    JOBS[job](study, folder)
    return time.process_time() - start


def measure(study: Study) -> dict[str, float]:
    """Return the seconds of each job, by name; each needs what those before it wrote."""
    with TemporaryDirectory() as folder:
        return {job: seconds(job, study, Path(folder)) for job in JOBS}


def main() -> None:
    """Time all jobs, print what was found and what is expected, and end with it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two widths, under 50 s")
    widths = [10, 160] if parser.parse_args().quick else [10, 40, 160, 640]
    # What is imported and compiled once a process.
    measure(study_of([5, 5], members=6, epochs=1, statistics=FEW, spectra=FEW_SPECTRA))
    found: dict[str, float] = {}
    print("seconds of one core: measured, expected, ratio")
    for n in widths:
        study = study_of([n, n], **SIZES[n])
        for job, value in measure(study).items():
            request = request_for(job, study)
            if request is not None:
                ratio = value / request.seconds
                print(f"{job:>15} {n:4} {value:9.3f} {request.seconds:9.3f} {ratio:6.2f}")
                found |= {f"{job}_seconds_at_{n}": value, f"{job}_ratio_at_{n}": ratio}
    ratios = [value for name, value in found.items() if "_ratio_" in name]
    found |= {"least_ratio": min(ratios), "greatest_ratio": max(ratios)}
    print(json.dumps({name: float(f"{value:.4g}") for name, value in found.items()}))


if __name__ == "__main__":
    main()
