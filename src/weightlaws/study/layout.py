"""Where results stand: all paths, relative to the folder of a study's results."""

from collections.abc import Iterable, Mapping
from pathlib import Path

#: Patterns of the files, by name; wildcards are Snakemake's.
PATHS: Mapping[str, str] = {
    "dataset": "datasets/{dataset}.h5",
    "label_noise": "datasets/{noisy_images}.h5",
    "weights": "weights/{condition}/{shard}.h5",
    "state": "state/{condition}/{shard}.h5",
    "conditions": "conditions.csv",
    "members": "members.csv",
    "learning_curves": "learning_curves.csv",
    "skipped": "skipped.csv",
    "invariants": "invariants/{condition}/{shard}.h5",
    "catalogue": "invariants.csv",
    "fits": "models/{condition}.h5",
    "predictions": "models/{condition}.csv",
    "parameters": "models/{condition}.parameters.csv",
    "typicality": "models/{condition}.typicality.csv",
    "admissibility": "models/{condition}.admissibility.csv",
    "distances": "distances.csv",
    "significance": "significance/{condition}.csv",
    "misses": "misses/{condition}.csv",
    "omnibus": "omnibus/{condition}.csv",
    "comparison": "comparison/{condition}.csv",
    "symmetry": "symmetry/{condition}.csv",
    "entries": "entries/{condition}.csv",
    "eigenvalues": "eigenvalues/{condition}.csv",
    "eigenvalue_plane": "eigenvalues/{condition}.plane.csv",
    "couplings": "couplings/{condition}.csv",
    "scores": "scores/{condition}.csv",
    "interacting_predictions": "interacting_predictions/{condition}.csv",
    "network_law": "network_law/{condition}.csv",
    "drawn_networks": "drawn/{condition}.csv",
    "noise_scale_parameters": "noise_scale/{recipe}.parameters.csv",
    "noise_scale_comparisons": "noise_scale/{recipe}.comparisons.csv",
    "noise_scale": "noise_scale/{recipe}.csv",
    "findings": "findings.csv",
    "deviations": "deviations.csv",
    "findings_page": "findings.html",
    "claims": "claims.csv",
    "null": "nulls/{rows}x{columns}.h5",
    "spectra_shard": "spectra/{condition}/{shard}.h5",
    "spectra": "spectra/{condition}.csv",
    "ranks": "spectra/{condition}.ranks.csv",
    "curves": "spectra/{condition}.curves.csv",
    "spectra_table": "spectra.csv",
    "gallery": "figures/invariants.svg",
    "accuracy": "figures/{architecture}/accuracy.svg",
    "deviation_start": "figures/{condition}/deviation_start.svg",
    "deviation_sd": "figures/{condition}/deviation_sd.svg",
    "parameters_figure": "figures/{condition}/parameters.svg",
    "typicality_figure": "figures/{condition}/typicality.svg",
    "laws": "figures/{condition}/laws.svg",
    "entries_figure": "figures/{condition}/entries.svg",
    "eigenvalues_figure": "figures/{condition}/eigenvalues.svg",
    "predicted_observed": "figures/{condition}/predicted_observed.svg",
    "largest_deviations": "figures/{condition}/largest_deviations.svg",
    "interacting_figure": "figures/{condition}/interacting.svg",
    "network_law_figure": "figures/{condition}/network_law.svg",
    "noise_scale_figure": "figures/{recipe}/noise_scale.svg",
    "normalised_change": "figures/{architecture}/normalised_change.svg",
    "wasserstein": "figures/{architecture}/wasserstein.svg",
    "from_start": "figures/{condition}/from_start.svg",
    "distance_matrix": "figures/{architecture}/distance_matrix.svg",
    "singular_values": "figures/{condition}/singular_values.svg",
    "level_statistics": "figures/{condition}/level_statistics.svg",
    "singular_vectors": "figures/{condition}/singular_vectors.svg",
    "hill": "figures/{condition}/hill.svg",
    "lazy_rich": "figures/{architecture}/lazy_rich.svg",
    "across": "figures/across.svg",
    "rank_by_classes": "figures/rank_by_classes.svg",
    "ensemble_map": "figures/ensemble_map.svg",
    "answers": "answers.html",
    "table_page": "tables/{table}.html",
    # Written by a run itself, and by no rule.
    "study": "study.yaml",
    "cost": "cost.csv",
}

#: Folders of the files that each job writes beside its results.
LOGS, BENCHMARKS = "logs", "benchmarks"


def log_file(rule: str, *scope: str) -> str:
    """Return the path of a job's log; the scope names its condition, shard and so on."""
    return f"{'/'.join((LOGS, rule, *scope))}.log"


def benchmark_file(rule: str, *scope: str) -> str:
    """Return the path of Snakemake's measurements of a job."""
    return f"{'/'.join((BENCHMARKS, rule, *scope))}.tsv"


def _endings() -> Iterable[str]:
    """Yield the part of each name between a condition and the suffix of a table."""
    for path in PATHS.values():
        _, found, ending = path.partition("{condition}.")
        if found and "." in ending:
            yield f".{ending.rpartition('.')[0]}"


#: Endings of the names of tables, after the name of a condition.
ENDINGS = tuple(sorted(_endings()))
#: Names of files of the whole study that stand in a folder beside conditions.
RESERVED = tuple(
    Path(path).with_suffix(f".{ending}").name
    for path in PATHS.values()
    if path.startswith("figures/") and "{" not in path
    for ending in ("svg", "pdf")
)


def derived_names(networks: Mapping[str, str], architectures: Iterable[str]) -> dict[str, str]:
    """Return the names that results use, with their owners; a user's network must have another.

    Parameters
    ----------
    networks
        Words for the networks in a message, by their names.
    architectures
        The architectures that are trained here.
    """
    owners = {**networks, **{name: f"the architecture {name}" for name in architectures}}
    derived = {name + ending: owner for name, owner in owners.items() for ending in ENDINGS}
    reserved = dict.fromkeys(RESERVED, "the whole study")
    return {**derived, **{name: owners[name] for name in architectures}, **reserved}
