"""Draw the distances between the conditions of one architecture."""

import pandas as pd

from weightlaws import figures
from weightlaws.drawing import save
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    distances = pd.read_csv(snakemake.input.distances)
    conditions = pd.read_csv(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(spec["conditions"])]
    figure = figures.distance_matrix(distances, mine, spec["look"])
    save(figure, snakemake.output[0])
