"""Draw the couplings of one condition, the scores of laws, and what laws predict."""

from weightlaws.figures.interacting import interacting
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    couplings = read_table(snakemake.input.couplings)
    scores = read_table(snakemake.input.scores)
    predictions = read_table(snakemake.input.predictions)
    tables = couplings, scores, predictions
    figure = interacting(*tables, spec["level"], spec["title"], style)
    save(figure, snakemake.output[0], style)
