"""Draw the distances between the conditions of one architecture."""

import pandas as pd

from weightlaws.figures import fits
from weightlaws.figures.style import save
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    distances = pd.read_csv(snakemake.input.distances)
    conditions = pd.read_csv(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(spec["conditions"])]
    figure = fits.distance_matrix(distances, mine, spec["look"])
    save(figure, snakemake.output[0])
