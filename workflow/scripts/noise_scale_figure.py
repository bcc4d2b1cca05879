"""Draw the laws of conditions that differ in learning rate and batch size."""

from weightlaws.figures.noise_scale import noise_scale
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    figure = noise_scale(read_table(snakemake.input[0]), spec["title"], style)
    save(figure, snakemake.output[0], style)
