"""Draw how well the conditions of one architecture learned."""

import pandas as pd

from weightlaws.figures.style import Style, save
from weightlaws.figures.training import accuracy
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    curves = pd.read_csv(snakemake.input.learning_curves)
    conditions = pd.read_csv(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(spec["conditions"])]
    save(accuracy(curves, mine, style), snakemake.output[0], style)
