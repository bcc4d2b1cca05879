"""Draw the figures of one condition."""

import pandas as pd

from weightlaws.figures import fits, laws
from weightlaws.figures.style import save
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    look = spec["look"]
    invariants = pd.read_csv(snakemake.input.invariants)
    parameters = pd.read_csv(snakemake.input.parameters)
    out = snakemake.output
    if hasattr(out, "deviation_start"):  # an ensemble trained elsewhere has no initial law
        save(fits.deviation_start(invariants, look), out.deviation_start)
    save(fits.deviation_sd(invariants, look), out.deviation_sd)
    save(fits.parameters(parameters, look), out.parameters)
    typicality = pd.read_csv(snakemake.input.typicality)
    save(fits.typicality(typicality, look), out.typicality)
    comparison = pd.read_csv(snakemake.input.comparison)
    significance = pd.read_csv(snakemake.input.significance)
    rate = spec["false_discovery_rate"]
    save(laws.laws(comparison, look), out.laws)
    save(laws.largest_deviations(significance, rate, look), out.largest_deviations)
