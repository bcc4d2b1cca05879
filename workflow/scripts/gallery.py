"""Draw the graphs of the study's invariants."""

from weightlaws.catalogue import catalogue
from weightlaws.drawing import save
from weightlaws.graph_drawing import gallery
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    graphs = catalogue(spec["invariants"])
    save(gallery(graphs, spec["look"]), snakemake.output[0])
