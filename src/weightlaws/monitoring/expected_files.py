"""The files by which the stages of a study can be followed: one that each of its jobs makes.

What the workflow's rule ``all`` asks for, but for the data sets and the nulls, which come first.
"""

from collections.abc import Iterable, Set
from math import inf
from pathlib import Path

from weightlaws.study.conditions import by_architecture
from weightlaws.study.study import Study

#: Files, each with the weights shards that it rests on.
Files = dict[str, tuple[str, ...]]


def stage_files(study: Study) -> dict[str, Files]:
    """Return, by stage, a file of each job with the weights shards that it rests on.

    Paths are relative to the folder of the study's results.
    """
    shards = {
        name: tuple(f"weights/{name}/{shard.name}.h5" for shard in study.shards(networks))
        for name, networks in {**study.conditions, **study.with_spectra}.items()
    }

    def by_shard(stage: str, names: Iterable[str]) -> Files:
        return {
            f"{stage}/{path.removeprefix('weights/')}": (path,)
            for name in names
            for path in shards[name]
        }

    def by_condition(pattern: str, names: Iterable[str]) -> Files:
        return {pattern.format(name): shards[name] for name in names}

    def together(path: str, names: Iterable[str]) -> Files:
        rests_on = tuple(path for name in names for path in shards[name])
        return {path: rests_on} if rests_on else {}

    modelled, spectra = study.modelled, study.with_spectra
    figures = {
        **by_condition("figures/{}/laws.svg", modelled),
        **by_condition("figures/{}/singular_values.svg", spectra),
    }
    for name, conditions in _architecture_figures(study).items():
        figures |= together(f"figures/{name}.svg", conditions)
    # What there is of invariants is listed and drawn from the configuration alone.
    tables: Files = {}
    if modelled:
        figures["figures/invariants.svg"] = tables["invariants.csv"] = ()
    return {
        "weights": by_shard("weights", shards),
        "invariants": by_shard("invariants", modelled),
        "models": by_condition("models/{}.csv", modelled),
        "significance": by_condition("significance/{}.csv", modelled),
        "comparison": by_condition("comparison/{}.csv", modelled),
        "symmetry": by_condition("symmetry/{}.csv", modelled),
        "spectra": by_shard("spectra", spectra) | by_condition("spectra/{}.csv", spectra),
        "figures": figures,
        "tables": {
            **tables,
            **together("members.csv", study.conditions),
            **together("distances.csv", modelled),
            **together("findings.csv", modelled),
            **together("spectra.csv", spectra),
        },
    }


def _architecture_figures(study: Study) -> dict[str, list[str]]:
    """Figures that show trained conditions of one architecture, with the conditions they show."""
    trained, all_modelled, all_with_spectra = study.trained, study.modelled, study.with_spectra
    figures: dict[str, list[str]] = {}
    for architecture, names in by_architecture(trained).items():
        modelled = [name for name in names if name in all_modelled]
        spectra = [name for name in names if name in all_with_spectra]
        scaled = len({trained[name].output_scale for name in spectra}) > 1
        shown = {
            "accuracy": names,
            "wasserstein": modelled,
            "distance_matrix": modelled if len(modelled) > 1 else [],
            "lazy_rich": spectra if scaled else [],
        }
        figures |= {f"{architecture}/{figure}": those for figure, those in shown.items()}
    return figures


def done_files(folder: Path, stages: dict[str, Files], shards: Set[str]) -> set[str]:
    """Return the files that are there and no older than the weights shards they rest on.

    Files that an earlier configuration of anything but the weights has left count, until Snakemake
    deletes them to make them anew.

    Parameters
    ----------
    folder
        Of the study's results.
    stages
        Of `stage_files`.
    shards
        The weights shards that are as the study asks for.
    """
    written = {path: _written(folder / path) for path in shards}
    done = set()
    for files in stages.values():
        for file, rests_on in files.items():
            newest = max((written.get(path, inf) for path in rests_on), default=0.0)
            if newest <= _written(folder / file) < inf:
                done.add(file)
    return done


def _written(path: Path) -> float:
    """When a file was last written to; infinitely late if it is still to come."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return inf
