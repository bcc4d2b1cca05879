"""Write the study's table of Wasserstein distances."""

from pathlib import Path

from weightlaws.inference.distance_job import distances_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    models = [Path(path) for path in snakemake.input]
    distances_table(models, snakemake.params.spec).to_csv(snakemake.output[0], index=False)
