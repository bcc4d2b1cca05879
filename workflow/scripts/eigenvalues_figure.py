"""Draw the eigenvalues of one condition's square matrices."""

from weightlaws.figures.eigenvalues import eigenvalues
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec, tables = snakemake.params.spec, snakemake.input
    style = Style(**spec["look"])
    shares, plane = read_table(tables.shares), read_table(tables.plane)
    save(eigenvalues(shares, plane, spec["title"], style), snakemake.output[0], style)
