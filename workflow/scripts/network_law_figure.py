"""Draw whether the layers of one condition know of each other, and what drawn networks can do."""

from weightlaws.figures.network_law import network_law
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec, given = snakemake.params.spec, snakemake.input
    style = Style(**spec["look"])
    # Networks from elsewhere have no images to be measured on.
    drawn = read_table(given.drawn[0]) if given.drawn else None
    pairs = read_table(given.network_law)
    figure = network_law(pairs, drawn, spec["level"], spec["title"], style)
    save(figure, snakemake.output[0], style)
