"""Count the entries of one condition's weights in bins, beside its laws."""

from pathlib import Path

from weightlaws.inference.entries_job import entries_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards = [Path(path) for path in snakemake.input]
    table = entries_table(shards, snakemake.params.spec, snakemake.wildcards.condition)
    table.to_csv(snakemake.output[0], index=False)
