"""Draw how well the conditions of each architecture learned."""

import pandas as pd

from weightlaws.figures.style import Style, save
from weightlaws.figures.training import accuracy
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    curves = pd.read_csv(snakemake.input.learning_curves)
    conditions = pd.read_csv(snakemake.input.conditions)
    for names, path in zip(spec["conditions"].values(), snakemake.output, strict=True):
        mine = conditions[conditions["condition"].isin(names)]
        save(accuracy(curves, mine, style), path, style)
