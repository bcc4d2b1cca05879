"""Draw how well the conditions of each architecture learned."""

from weightlaws.figures.style import Style, save
from weightlaws.figures.training import accuracy
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    curves = read_table(snakemake.input.learning_curves)
    conditions = read_table(snakemake.input.conditions)
    for names, path in zip(spec["conditions"].values(), snakemake.output.svg, strict=True):
        mine = conditions[conditions["condition"].isin(names)]
        save(accuracy(curves, mine, style), path, style)
