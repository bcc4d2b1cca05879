"""Write the tables of one condition's spectra."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.spectra.spectra_job import condition_tables

with job_log(snakemake):
    shards, nulls = (
        [Path(path) for path in paths] for paths in (snakemake.input.spectra, snakemake.input.nulls)
    )
    condition = snakemake.wildcards.condition
    tables = condition_tables(shards, nulls, snakemake.params.spec, condition)
    for name, table in tables.items():
        table.to_csv(snakemake.output[name], index=False)
