"""Test the symmetries of one condition by randomisation."""

from pathlib import Path

from weightlaws.inference.symmetry_job import symmetry_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards = [Path(path) for path in snakemake.input]
    table = symmetry_table(shards, snakemake.params.spec, snakemake.wildcards.condition)
    table.to_csv(snakemake.output[0], index=False)
