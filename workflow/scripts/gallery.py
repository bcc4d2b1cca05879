"""Draw the graphs of the study's invariants."""

from weightlaws.figures.graphs import gallery
from weightlaws.figures.style import Style, save
from weightlaws.invariants.catalogue import catalogue
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    save(gallery(catalogue(spec["invariants"]), style), snakemake.output[0], style)
