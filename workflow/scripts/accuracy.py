"""Draw how well the conditions of one architecture learned."""

import pandas as pd

from weightlaws.figures import fits
from weightlaws.figures.style import save
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    curves = pd.read_csv(snakemake.input.learning_curves)
    conditions = pd.read_csv(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(spec["conditions"])]
    save(fits.accuracy(curves, mine, spec["look"]), snakemake.output[0])
