"""Draw the figures of one condition."""

import pandas as pd

from weightlaws import figures
from weightlaws.drawing import save
from weightlaws.jobs import job_log

with job_log(snakemake.log[0]):
    look = snakemake.params.spec
    invariants = pd.read_csv(snakemake.input.invariants)
    parameters = pd.read_csv(snakemake.input.parameters)
    out = snakemake.output
    save(figures.deviation_start(invariants, look), out.deviation_start)
    save(figures.deviation_sd(invariants, look), out.deviation_sd)
    save(figures.parameters(parameters, look), out.parameters)
