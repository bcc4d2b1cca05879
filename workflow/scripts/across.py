"""Draw misses of laws and distances from the start against width, weight decay and depth."""

from weightlaws.figures.across import across
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table, read_tables

with job_log(snakemake):
    spec, tables = snakemake.params.spec, snakemake.input
    style = Style(**spec["look"])
    figure = across(
        read_tables(tables.misses),
        read_table(tables.distances),
        read_table(tables.conditions),
        spec["comparisons"],
        style,
    )
    save(figure, snakemake.output[0], style)
