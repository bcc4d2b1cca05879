"""Draw how far the laws of a trajectory from elsewhere are from where it began."""

from weightlaws.figures.distances import from_start
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec, condition = snakemake.params.spec, snakemake.wildcards.condition
    style = Style(**spec["look"])
    distances = read_table(snakemake.input.distances)
    figure = from_start(distances, condition, spec["title"], style)
    save(figure, snakemake.output[0], style)
