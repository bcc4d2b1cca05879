"""Draw how the entries of one condition's weights are distributed."""

from weightlaws.figures.entries import entries
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    figure = entries(read_table(snakemake.input[0]), spec["title"], style)
    save(figure, snakemake.output[0], style)
