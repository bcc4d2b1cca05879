"""Write the study's table of Wasserstein distances."""

from pathlib import Path

from weightlaws.inference.distance_job import distances_table
from weightlaws.inference.model_job import read_fits
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    fits = {
        condition: read_fits(Path(path), model)
        for (condition, model), path in zip(spec["models"].items(), snakemake.input, strict=True)
    }
    distances_table(fits, spec).to_csv(snakemake.output[0], index=False)
