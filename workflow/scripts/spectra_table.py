"""Put the tables of spectra of all conditions together."""

from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_tables

with job_log(snakemake):
    read_tables(snakemake.input).to_csv(snakemake.output[0], index=False)
