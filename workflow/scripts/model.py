"""Fit one condition's ensembles and write its tables."""

from pathlib import Path

from weightlaws.inference import model_tables
from weightlaws.inference.model_job import fit_condition, store_fits
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec, out = snakemake.params.spec, snakemake.output
    condition = snakemake.wildcards.condition
    fits = fit_condition([Path(path) for path in snakemake.input], spec)
    store_fits(Path(out.fits), spec, fits)
    invariants = model_tables.fits_table(condition, spec, fits)
    invariants.to_csv(out.invariants, index=False)
    model_tables.parameters_table(condition, spec, fits).to_csv(out.parameters, index=False)
    model_tables.typicality_table(invariants).to_csv(out.typicality, index=False)
    model_tables.admissibility_table(condition, spec, fits).to_csv(out.admissibility, index=False)
