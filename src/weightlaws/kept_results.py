"""What is kept of a study's results, small enough to stand in a repository beside its code.

Claims, tables, figures, the study itself, what made it, its cost, and digests of its networks. The
weights stay where they are.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from weightlaws.errors import WeightLawsError
from weightlaws.figures import contents
from weightlaws.monitoring.costs import cost_table
from weightlaws.monitoring.durations import readable_duration
from weightlaws.planning.specs import titles
from weightlaws.planning.stages import STAGES
from weightlaws.results import Results, load
from weightlaws.storage.disk_file import writing
from weightlaws.storage.hdf5 import opened
from weightlaws.storage.shard_digests import joint_digest, member_digests
from weightlaws.storage.shards import read_shard
from weightlaws.study.layout import LOGS, PATHS

#: Figures that are kept beside those that claims point to, by their names in `layout.PATHS`.
FIGURES = (
    *("across", "ensemble_map", "accuracy", "wasserstein", "distance_matrix", "normalised_change"),
    *("lazy_rich", "rank_by_classes", "laws", "deviation_start", "deviation_sd"),
    *("singular_values", "level_statistics", "singular_vectors", "hill"),
)
#: Bytes of a kept table: of a longer one the rows of some epochs are kept.
LARGEST_TABLE = 200_000
#: The table of digests, one row a shard.
DIGESTS = "shards.csv"

# Tables that stand beside the README, and not among the others.
_APART = ("claims", "costs")
# Of a table that is too long, however few of its epochs are kept.
_NONE = "none"
# What numbers rest on, from the root of the repository; pages and tests do not count.
_BEHIND = ("Snakefile", "config.yaml", "requirements.lock", "src", "studies", "workflow")
# HDF5 files whose numbers are results; what made them is told by kind.
_KINDS = ("weights", "invariants", "model", "null", "spectra")
# What is said there of imported networks alone: digests of their files, and what was left out.
_OF_FILES = ("digests", "skipped")
_DIGITS = "%.4g"
# What a training job writes into its log when it goes on from a state.
_WENT_ON = "has epochs 0 to"


@dataclass(frozen=True)
class _Table:
    """A table of results: what a row is, which rows are kept, in words, and these as CSV."""

    name: str
    content: str
    rows: str
    text: str


def keep(folder: Path, out: Path, command: str) -> None:
    """Write what is kept of a study's results, anew.

    Parameters
    ----------
    folder
        The folder of the results.
    out
        The folder to write; what an earlier call wrote there is replaced.
    command
        The command that made the results, for the README.

    Raises
    ------
    WeightLawsError
        If a result is missing, or ``out`` holds something else.
    """
    if out.exists() and any(out.iterdir()) and not (out / DIGESTS).is_file():
        raise WeightLawsError(
            out,
            f"files, and no {DIGESTS} among them",
            "a folder that is new, empty, or holds kept results",
            "name another folder, or delete the files",
        )
    results, commit = load(folder), _commit()
    partial = out.with_name(f".{out.name}.partial")
    with writing(partial):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(results, partial, {"commit": commit, "command": command})
        shutil.rmtree(out, ignore_errors=True)
        partial.rename(out)


def _write(results: Results, out: Path, made_by: dict[str, str]) -> None:
    """Write all files into an empty folder."""
    folder, figures, found = results.folder, dict(_figures(results)), [*_tables(results)]
    tables = [table for table in found if table.rows != _NONE]
    left_out = [table.name for table in found if table.rows == _NONE]
    for path in (PATHS["claims"], PATHS["study"], *figures):
        _copy(folder, out, path)
    (out / "tables").mkdir()
    for table in tables:
        (out / "tables" / f"{table.name}.csv").write_text(table.text)
    pd.DataFrame(_digests(results)).to_csv(out / DIGESTS, index=False)
    cost = cost_table(folder)
    cost.to_csv(out / PATHS["cost"], index=False)
    made = {**made_by, "made_with": _made_with(folder)}
    text = yaml.safe_dump(made, sort_keys=False, default_flow_style=None, width=100)
    (out / "versions.yaml").write_text(text)
    said = _readme(results, made_by["command"], figures, tables, left_out, _cost(cost, folder))
    (out / "README.md").write_text(said)


def _copy(folder: Path, out: Path, path: str) -> None:
    if not (folder / path).is_file():
        raise WeightLawsError(
            folder / path,
            "no such file",
            "a result of the study",
            "run snakemake to its end with the study's configuration",
        )
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / path, out / path)


def _commit() -> str:
    """Say which commit of the code runs, and whether files that fix numbers differ from it."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--", *(f":/{path}" for path in _BEHIND))
    except (OSError, subprocess.CalledProcessError):
        return "none, the library is installed without its repository"
    return f"{commit}, and files that differ from it" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def _figures(results: Results) -> Iterator[tuple[str, str]]:
    """Yield the paths of the kept figures, with what they show, in the order of the report."""
    named, words = {*results.claims["figure"].dropna()}, titles(results.study)
    for name, content in contents.FIGURES.items():
        for stage in STAGES.values():
            for path in stage.paths(results.study, name) if name in stage.files else ():
                if name in FIGURES or path in named:
                    networks = Path(path).parent.name
                    yield path, contents.in_words(content, words.get(networks, ""))


def _tables(results: Results) -> Iterator[_Table]:
    headline = results.study.headline_epochs
    for name, content in results.tables().items():
        if name not in _APART:
            yield _table(name, content, getattr(results, name), headline)


def _table(name: str, content: str, table: pd.DataFrame, headline: list[int]) -> _Table:
    """Keep as much of a table as the largest may have."""
    kept = (
        _Table(name, content, rows, part.to_csv(index=False, float_format=_DIGITS))
        for rows, part in _parts(table, headline)
    )
    return next(part for part in kept if len(part.text) <= LARGEST_TABLE)


def _parts(table: pd.DataFrame, headline: list[int]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield a table, and shorter parts of it, down to its header."""
    yield "all", table
    ends, last = [headline[0], headline[-1]], [headline[-1]]
    for epochs in (headline, ends, last) if "epoch" in table else ():
        part = table[table["epoch"].isin(epochs)]
        words = f"of epochs {', '.join(map(str, epochs))}"
        yield words, part
        if "published" in table:
            yield f"{words}, of I1 to I52", part[part["published"].notna()]
    yield _NONE, table[:0]


def _digests(results: Results) -> Iterator[dict[str, str]]:
    """Yield a row a shard: the digest of all its members, and of the first."""
    study = results.study
    for condition, networks in study.conditions.items():
        for shard in study.shards(networks):
            path = PATHS["weights"].format(condition=condition, shard=shard.name)
            members = member_digests(read_shard(results.folder / path))
            yield {
                "condition": condition,
                "shard": shard.name,
                "sha256": joint_digest(members),
                "first_member_sha256": members[0],
            }


def _made_with(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what made the HDF5 files of each kind: versions, machine, engines of training."""
    found: dict[str, dict[str, int]] = {kind: {} for kind in _KINDS}
    for path in sorted(folder.rglob("*.h5")):
        with opened(path, None) as reader:
            if reader.kind in found:
                made = {k: v for k, v in reader.provenance.items() if k not in _OF_FILES}
                text = json.dumps(made)
                found[reader.kind][text] = found[reader.kind].get(text, 0) + 1
    return {
        kind: [{"files": n, **json.loads(text)} for text, n in made.items()]
        for kind, made in found.items()
        if made
    }


def _cost(cost: pd.DataFrame, folder: Path) -> str:
    """Say what the jobs took, and of how many that is not all."""
    logs = (folder / LOGS / "train").rglob("*.log")
    went_on = sum(_WENT_ON in path.read_text(errors="replace") for path in logs)
    text = (
        f"{cost['jobs'].sum():,} jobs took {readable_duration(cost['seconds'].sum())} together, "
        f"and {readable_duration(cost['cpu_seconds'].sum())} of a processor's time, as far as it "
        "was sampled (`cost.csv`). On n cores a run takes at least an nth of it."
    )
    if went_on:
        text += (
            f" {went_on} of the training jobs went on from the state of an earlier one, whose time "
            "is not among these."
        )
    return text


def _readme(
    results: Results,
    command: str,
    figures: dict[str, str],
    tables: list[_Table],
    left_out: list[str],
    cost: str,
) -> str:
    study = results.study
    networks = sum(each.members for each in study.conditions.values())
    lines = [
        f"# Results of the study `{study.name}`",
        "",
        f"{networks:,} networks in {len(study.conditions)} conditions. This folder is made, and "
        "made anew, by",
        "",
        "```sh",
        command,
        "```",
        "",
        cost,
        "",
        *_laws(results),
        "## Claims",
        "",
        "Criteria and notes are in `claims.csv`; `docs/background/claims.md` says what they mean.",
        "",
        "| claim | statement | quantity | value (95 %) | verdict |",
        "|---|---|---|---|---|",
        *(_claim(row) for _, row in results.claims.iterrows()),
        "",
        "## Figures",
        "",
        *(f"- [{words}]({path})" for path, words in figures.items()),
        "",
        "## Tables",
        "",
        "| file | content | rows |",
        "|---|---|---|",
        *(f"| [{t.name}.csv](tables/{t.name}.csv) | {t.content} | {t.rows} |" for t in tables),
        "",
        "Numbers have four digits, and tables of laws are about all members. "
        + (f"Too long, and left out: {', '.join(left_out)}." if left_out else ""),
        "",
        "## Files beside these",
        "",
        "| file | content |",
        "|---|---|",
        "| [claims.csv](claims.csv) | the claims, with criteria and notes |",
        "| [study.yaml](study.yaml) | the whole configuration, which `--configfile` takes |",
        "| [versions.yaml](versions.yaml) | commit, command, and what made the files of each kind: "
        "Python, packages, processor, BLAS |",
        "| [cost.csv](cost.csv) | time and memory of jobs |",
        f"| [{DIGESTS}]({DIGESTS}) | SHA-256 of the networks, a row a shard |",
        "",
        "The weights are not kept. Networks that are trained anew on the processor and with the "
        "packages in `versions.yaml` have the same digests: of all members of a shard together, "
        "and of its first one, which can be trained alone. Other processors round otherwise.",
    ]
    return "\n".join(lines) + "\n"


def _laws(results: Results) -> list[str]:
    """Return the headline of a study that fits laws."""
    return [f"{results.best_laws()}.", ""] if results.study.modelled else []


def _claim(row: "pd.Series[Any]") -> str:
    value = ""
    if not pd.isna(row["value"]):
        value = f"{row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    cells = (row["claim"], row["statement"], row["quantity"], value, row["verdict"])
    return f"| {' | '.join(cells)} |"
