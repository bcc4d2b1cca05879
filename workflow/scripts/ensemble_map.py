"""Draw all ensembles of square matrices as a map."""

from weightlaws.figures.ensemble_map import ensemble_map
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table, read_tables

with job_log(snakemake):
    spec, tables = snakemake.params.spec, snakemake.input
    style = Style(**spec["look"])
    figure = ensemble_map(
        read_tables(tables.parameters),
        read_table(tables.distances),
        read_table(tables.conditions),
        spec["seed"],
        style,
    )
    save(figure, snakemake.output[0], style)
