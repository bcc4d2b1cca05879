"""List what of networks that were trained elsewhere is left out."""

from pathlib import Path

from weightlaws.external.skipped_job import skipped_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    paths = {Path(path).parent.name: Path(path) for path in snakemake.input.networks}
    table = skipped_table(snakemake.params.spec["weights"], paths)
    table.to_csv(snakemake.output[0], index=False)
