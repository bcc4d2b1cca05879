"""Store the weights of a network that was trained elsewhere."""

from pathlib import Path

from weightlaws.external.import_job import import_network
from weightlaws.jobs import job_log

with job_log(snakemake):
    import_network(Path(snakemake.output[0]), snakemake.params.spec)
