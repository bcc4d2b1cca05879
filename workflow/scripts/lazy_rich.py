"""Draw the spectra of one architecture from rich to lazy training."""

from weightlaws.figures.lazy_rich import lazy_rich
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table, read_tables

with job_log(snakemake):
    style = Style(**snakemake.params.spec["look"])
    spectra = read_tables(snakemake.input.spectra)
    conditions = read_table(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(spectra["condition"])]
    curves = read_table(snakemake.input.learning_curves)
    save(lazy_rich(spectra, mine, curves, style), snakemake.output[0], style)
