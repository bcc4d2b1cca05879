"""Draw the figures that show the modelled conditions of one architecture side by side."""

import pandas as pd

from weightlaws.figures.distances import wasserstein
from weightlaws.figures.fits import normalised_change
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log

with job_log(snakemake):
    style, out = Style(**snakemake.params.spec["look"]), snakemake.output
    invariants = pd.concat(pd.read_csv(path) for path in snakemake.input.invariants)
    distances = pd.read_csv(snakemake.input.distances)
    conditions = pd.read_csv(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(invariants["condition"])]
    save(normalised_change(invariants, mine, style), out.normalised_change, style)
    save(wasserstein(distances, mine, style), out.wasserstein, style)
