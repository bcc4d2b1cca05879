"""Draw the figures that show the modelled conditions of each architecture side by side."""

from weightlaws.figures.distances import distance_matrix, wasserstein
from weightlaws.figures.fits import normalised_change
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table, read_tables

with job_log(snakemake):
    spec, out = snakemake.params.spec, snakemake.output
    style = Style(**spec["look"])
    distances = read_table(snakemake.input.distances)
    conditions = read_table(snakemake.input.conditions)
    invariants = read_tables(snakemake.input.invariants)
    matrices = iter(out.distance_matrix)
    figures = zip(spec["conditions"].values(), out.normalised_change, out.wasserstein, strict=True)
    for names, change, w2 in figures:
        mine = conditions[conditions["condition"].isin(names)]
        fitted = invariants[invariants["condition"].isin(names)]
        save(normalised_change(fitted, mine, style), change, style)
        save(wasserstein(distances, mine, style), w2, style)
        if len(names) > 1:  # there is something to compare
            save(distance_matrix(distances, mine, style), next(matrices), style)
