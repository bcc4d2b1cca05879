"""Store the weights of a network that was trained elsewhere."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.user_ensembles import import_network

with job_log(snakemake.log[0]):
    import_network(Path(snakemake.output[0]), snakemake.params.spec)
