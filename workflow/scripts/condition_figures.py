"""Draw the figures of one condition."""

import pandas as pd

from weightlaws import figures, law_figures
from weightlaws.drawing import save
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    look = spec["look"]
    invariants = pd.read_csv(snakemake.input.invariants)
    parameters = pd.read_csv(snakemake.input.parameters)
    out = snakemake.output
    if hasattr(out, "deviation_start"):  # an ensemble trained elsewhere has no initial law
        save(figures.deviation_start(invariants, look), out.deviation_start)
    save(figures.deviation_sd(invariants, look), out.deviation_sd)
    save(figures.parameters(parameters, look), out.parameters)
    typicality = pd.read_csv(snakemake.input.typicality)
    save(figures.typicality(typicality, look), out.typicality)
    comparison = pd.read_csv(snakemake.input.comparison)
    significance = pd.read_csv(snakemake.input.significance)
    rate = spec["false_discovery_rate"]
    save(law_figures.laws(comparison, look), out.laws)
    save(law_figures.largest_deviations(significance, rate, look), out.largest_deviations)
