"""Draw the invariants of one condition against what each law predicts."""

from weightlaws.figures.predicted_observed import predicted_observed
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec, tables = snakemake.params.spec, snakemake.input
    style = Style(**spec["look"])
    figure = predicted_observed(
        read_table(tables.significance),
        read_table(tables.misses),
        read_table(tables.fits),
        read_table(tables.interacting[0]) if tables.interacting else None,
        spec["level"],
        spec["title"],
        style,
    )
    save(figure, snakemake.output[0], style)
