"""Draw the graphs of the study's invariants."""

from weightlaws.figures.graphs import gallery
from weightlaws.figures.style import save
from weightlaws.invariants.catalogue import catalogue
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    graphs = catalogue(spec["invariants"])
    save(gallery(graphs, spec["look"]), snakemake.output[0])
