"""Draw the figures that show the modelled conditions of one architecture side by side."""

import pandas as pd

from weightlaws.figures import fits
from weightlaws.figures.style import save
from weightlaws.jobs import job_log

with job_log(snakemake):
    look, out = snakemake.params.spec["look"], snakemake.output
    invariants = pd.concat(pd.read_csv(path) for path in snakemake.input.invariants)
    distances = pd.read_csv(snakemake.input.distances)
    conditions = pd.read_csv(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(invariants["condition"])]
    save(fits.normalised_change(invariants, mine, look), out.normalised_change)
    save(fits.wasserstein(distances, mine, look), out.wasserstein)
