"""Draw the eigenvalues of one condition's square matrices."""

from pathlib import Path

from weightlaws.figures.eigenvalues import eigenvalues_figure
from weightlaws.figures.style import Style, save
from weightlaws.inference.eigenvalues_job import condition_eigenvalues
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec, condition = snakemake.params.spec, snakemake.wildcards.condition
    style = Style(**spec["look"])
    found = condition_eigenvalues([Path(path) for path in snakemake.input], spec, condition)
    save(eigenvalues_figure(found, spec["title"], style), snakemake.output[0], style)
