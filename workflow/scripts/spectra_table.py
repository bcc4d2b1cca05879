"""Put the tables of spectra of all conditions together."""

import pandas as pd

from weightlaws.jobs import job_log

with job_log(snakemake):
    tables = [pd.read_csv(path) for path in snakemake.input]
    pd.concat(tables, ignore_index=True).to_csv(snakemake.output[0], index=False)
