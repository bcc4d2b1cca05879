"""Write the study's table of Wasserstein distances."""

from pathlib import Path

from weightlaws.distances import distances_table
from weightlaws.jobs import job_log
from weightlaws.models import read_fits

with job_log(snakemake):
    spec = snakemake.params.spec
    fits = {
        condition: read_fits(Path(path), model)
        for (condition, model), path in zip(spec["models"].items(), snakemake.input, strict=True)
    }
    distances_table(fits, spec).to_csv(snakemake.output[0], index=False)
