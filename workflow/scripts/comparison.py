"""Compare laws on the held-out members of one condition."""

from pathlib import Path

from weightlaws.inference.comparison_job import comparison_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards = [Path(path) for path in snakemake.input]
    table = comparison_table(shards, snakemake.params.spec, snakemake.wildcards.condition)
    table.to_csv(snakemake.output[0], index=False)
