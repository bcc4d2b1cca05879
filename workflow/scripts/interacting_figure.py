"""Draw the couplings of one condition, and how laws score on held-out members."""

from weightlaws.figures.interacting import interacting
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    couplings = read_table(snakemake.input.couplings)
    scores = read_table(snakemake.input.scores)
    save(interacting(couplings, scores, spec["level"], style), snakemake.output[0], style)
