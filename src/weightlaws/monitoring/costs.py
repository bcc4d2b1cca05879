"""The cost of a run: the benchmark files of its jobs, rolled up into one table.

Snakemake measures a job's wall time exactly. It samples CPU time and memory, twice a second in the
first quarter of a minute and every 30 s from then on. Both can be larger than the table says.
"""

import csv
import warnings
from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from weightlaws.monitoring.durations import readable_duration
from weightlaws.storage.disk_file import replacing

_COLUMNS = ("seconds", "cpu_seconds", "rss_mb")
# Snakemake writes these where a job ended before it was sampled.
_UNSAMPLED = ("NA", "-")
_MIB = 2**20


class CostWarning(UserWarning):
    """A benchmark file that is not one: the cost of its job is missing from the table."""


def cost_table(folder: Path) -> pd.DataFrame:
    """Roll up the benchmark files below the folder of a study's results.

    These are ``benchmarks/{rule}.tsv``, ``benchmarks/{rule}/{scope}.tsv`` and
    ``benchmarks/{rule}/{scope}/{shard}.tsv``, each of the last time that its job ran: of a training
    job that went on from a state, the time since. A file that is damaged, or that a job is just
    writing, is left out with a ``CostWarning`` that names it.

    Returns
    -------
    DataFrame
        One row a rule and scope, in the order of their names. ``scope`` is the
        subject of the jobs: a condition, network, architecture, data set or shape; it is empty for
        the whole study. Beside them stand ``jobs``, how many there are; ``seconds``, their
        wall times together; ``cpu_seconds``, their CPU times together; ``longest_seconds``, the
        longest wall time; ``largest_rss_mb``, the largest resident memory, in 10^6 bytes as
        Snakemake's ``mem_mb``; and ``unsampled``, how many ended before they were sampled and so
        count in neither CPU time nor memory. These two are NaN where no job was sampled.
    """
    jobs = pd.DataFrame(_jobs(folder / "benchmarks"), columns=["rule", "scope", *_COLUMNS])
    grouped = jobs.astype(dict.fromkeys(_COLUMNS, float)).groupby(["rule", "scope"])
    return pd.DataFrame(
        {
            "jobs": grouped.size(),
            "seconds": grouped["seconds"].sum(),
            "cpu_seconds": grouped["cpu_seconds"].sum(min_count=1),
            "longest_seconds": grouped["seconds"].max(),
            "largest_rss_mb": grouped["rss_mb"].max(),
            "unsampled": grouped.size() - grouped["cpu_seconds"].count(),
        }
    ).reset_index()


def _jobs(benchmarks: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(benchmarks.rglob("*.tsv")):
        rule, scope, *_ = *path.relative_to(benchmarks).with_suffix("").parts, ""
        try:
            yield {"rule": rule, "scope": scope, **_measured(path)}
        except ValueError as error:
            warnings.warn(
                f"{path}: found {error}, expected one line of numbers below the header of "
                "Snakemake's benchmarks; the job's cost is left out until it runs again",
                CostWarning,
                stacklevel=2,
            )


def _measured(path: Path) -> dict[str, float]:
    """Read the numbers of one job; a ValueError quotes a file that has others."""
    text = path.read_text()
    lines = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    if len(lines) != 1:
        raise ValueError(f"{len(lines)} lines below the header")
    if not text.endswith("\n"):  # the last number may lack digits
        raise ValueError("a line without its end")
    seconds, cpu, rss = (lines[0].get(name) or "nothing" for name in ("s", "cpu_time", "max_rss"))
    try:
        return {
            "seconds": float(seconds),
            "cpu_seconds": nan if cpu in _UNSAMPLED else float(cpu),
            "rss_mb": nan if rss in _UNSAMPLED else round(float(rss) * _MIB / 1e6, 1),
        }
    except ValueError:
        raise ValueError(f"s {seconds}, cpu_time {cpu}, max_rss {rss}") from None


def write_costs(folder: Path) -> pd.DataFrame:
    """Write the table of costs as cost.csv into the folder, and return it."""
    table = cost_table(folder)
    with replacing(folder / "cost.csv") as partial:
        table.to_csv(partial, index=False)
    return table


def cost_summary(table: pd.DataFrame) -> str:
    """Sum up a table of costs in one line."""
    if table.empty:
        return "cost: no job has been measured"
    by_rule, together = table.groupby("rule")["seconds"].sum(), table["seconds"].sum()
    dearest = str(by_rule.idxmax())
    text = (
        f"cost: {readable_duration(together)} of wall time in {table['jobs'].sum():,} jobs, "
        f"most of it {dearest} ({100 * by_rule[dearest] / together:.0f} %)"
    )
    if table["largest_rss_mb"].isna().all():
        return text
    largest = table.iloc[table["largest_rss_mb"].argmax()]
    whose = ", ".join(filter(None, (largest["rule"], largest["scope"])))
    return f"{text}; largest job {largest['largest_rss_mb']:,.0f} MB ({whose})"
