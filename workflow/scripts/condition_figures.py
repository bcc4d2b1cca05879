"""Draw the figures of one condition."""

import pandas as pd

from weightlaws.figures import fits, laws
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    style = Style(**spec["look"])
    invariants = pd.read_csv(snakemake.input.invariants)
    parameters = pd.read_csv(snakemake.input.parameters)
    out = snakemake.output
    if hasattr(out, "deviation_start"):  # an ensemble trained elsewhere has no initial law
        save(fits.deviation_start(invariants, style), out.deviation_start, style)
    save(fits.deviation_sd(invariants, style), out.deviation_sd, style)
    save(fits.parameters(parameters, style), out.parameters, style)
    typicality = pd.read_csv(snakemake.input.typicality)
    save(fits.typicality(typicality, style), out.typicality, style)
    comparison = pd.read_csv(snakemake.input.comparison)
    significance = pd.read_csv(snakemake.input.significance)
    save(laws.laws(comparison, style), out.laws, style)
    save(laws.largest_deviations(significance, spec["level"], style), out.largest_deviations, style)
