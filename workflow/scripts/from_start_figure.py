"""Draw how far the laws of a trajectory from elsewhere are from where it began."""

from weightlaws.figures.distances import from_start
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    style = Style(**snakemake.params.spec["look"])
    distances = read_table(snakemake.input.distances)
    save(from_start(distances, snakemake.wildcards.condition, style), snakemake.output[0], style)
