"""Simulate the spectra of random matrices of one shape."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.spectra.null_job import store_null

with job_log(snakemake):
    store_null(Path(snakemake.output[0]), snakemake.params.spec)
