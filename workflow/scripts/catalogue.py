"""List the invariants of the study."""

from weightlaws.invariants.catalogue import catalogue, invariants_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    graphs = catalogue(snakemake.params.spec["invariants"])
    invariants_table(graphs).to_csv(snakemake.output[0], index=False)
