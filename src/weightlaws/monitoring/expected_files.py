"""Files by which a run is followed: one file for each job that a study asks for."""

from collections import defaultdict
from collections.abc import Mapping, Set
from math import inf
from pathlib import Path

from weightlaws.planning.stages import STAGES
from weightlaws.study.layout import PATHS
from weightlaws.study.study import Study

#: Files, each with the weights shards that it rests on.
Files = Mapping[str, tuple[str, ...]]


def expected_files(study: Study) -> dict[str, Files]:
    """Return a file of each job with the weights shards that it rests on, by folder.

    Paths are relative to the folder of the study's results. The folder of the study's own tables is
    called ``tables``.
    """
    networks = {**study.conditions, **study.with_spectra}
    shards = {
        name: tuple(shard_file(name, shard.name) for shard in study.shards(one))
        for name, one in networks.items()
    }
    found: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for stage in STAGES.values():
        if not stage.asked:
            continue
        for job in stage.jobs(study):
            path = stage.paths_of(study, job)[0]
            folder, slash, _ = path.partition("/")
            if "shard" in job:
                rests_on: tuple[str, ...] = (shard_file(job["condition"], job["shard"]),)
            elif stage.reads_weights:
                rests_on = tuple(s for name in stage.about(study, job) for s in shards[name])
            else:
                rests_on = ()
            found[folder if slash else "tables"][path] = rests_on
    return dict(found)


def shard_file(condition: str, shard: str) -> str:
    """Return the file of a condition's weights shard."""
    return PATHS["weights"].format(condition=condition, shard=shard)


def done_files(folder: Path, expected: Mapping[str, Files], shards: Set[str]) -> set[str]:
    """Return the expected files that are there and no older than the shards they rest on.

    Files of an earlier configuration count too, as long as its weights were the same, until
    Snakemake deletes them to make them anew.

    Parameters
    ----------
    folder
        The folder of the study's results.
    expected
        As `expected_files` gives them.
    shards
        The weights shards that are as the study asks for.
    """
    written = {path: _written(folder / path) for path in shards}
    done = set()
    for files in expected.values():
        for file, rests_on in files.items():
            newest = max((written.get(path, inf) for path in rests_on), default=0.0)
            if newest <= _written(folder / file) < inf:
                done.add(file)
    return done


def _written(path: Path) -> float:
    """Return the time a file was last written; infinity if it is still to come."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return inf
