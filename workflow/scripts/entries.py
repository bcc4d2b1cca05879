"""Draw how the entries of one condition's weights are distributed."""

from pathlib import Path

from weightlaws.figures.entries import entries
from weightlaws.figures.style import Style, save
from weightlaws.inference.entries_job import entries_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    shards = [Path(path) for path in snakemake.input]
    table = entries_table(shards, spec, snakemake.wildcards.condition)
    save(entries(table, spec["title"], style), snakemake.output[0], style)
