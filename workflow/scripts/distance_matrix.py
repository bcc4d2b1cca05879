"""Draw the distances between the conditions of one architecture."""

import pandas as pd

from weightlaws.figures.distances import distance_matrix
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    distances = pd.read_csv(snakemake.input.distances)
    conditions = pd.read_csv(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(spec["conditions"])]
    save(distance_matrix(distances, mine, style), snakemake.output[0], style)
