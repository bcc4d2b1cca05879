"""Draw learned ranks of layers against the number of classes."""

from weightlaws.figures.rank_by_classes import rank_by_classes
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec, tables = snakemake.params.spec, snakemake.input
    style = Style(**spec["look"])
    found = read_table(tables.spectra), read_table(tables.conditions)
    save(rank_by_classes(*found, spec["groups"], style), snakemake.output[0], style)
