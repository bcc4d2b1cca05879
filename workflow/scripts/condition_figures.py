"""Draw the figures of one condition."""

from weightlaws.figures import fits, laws
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec = snakemake.params.spec
    style, title = Style(**spec["look"]), spec["title"]
    invariants = read_table(snakemake.input.invariants)
    parameters = read_table(snakemake.input.parameters)
    out = snakemake.output
    if hasattr(out, "deviation_start"):  # an ensemble of one epoch has no start
        save(fits.deviation_start(invariants, title, style), out.deviation_start, style)
    save(fits.deviation_sd(invariants, title, style), out.deviation_sd, style)
    save(fits.parameters(parameters, title, style), out.parameters, style)
    typicality = read_table(snakemake.input.typicality)
    save(fits.typicality(typicality, title, style), out.typicality, style)
    comparison = read_table(snakemake.input.comparison)
    significance = read_table(snakemake.input.significance)
    save(laws.laws(comparison, title, style), out.laws, style)
    largest = laws.largest_deviations(significance, spec["level"], title, style)
    save(largest, out.largest_deviations, style)
