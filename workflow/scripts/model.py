"""Fit one condition's ensembles and write its tables."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.models import fit_condition, store_fits, tables

with job_log(snakemake.log[0]):
    spec = snakemake.params.spec
    fits = fit_condition([Path(path) for path in snakemake.input], spec)
    store_fits(Path(snakemake.output.fits), spec, fits)
    invariants, parameters = tables(snakemake.wildcards.condition, spec, fits)
    invariants.to_csv(snakemake.output.invariants, index=False)
    parameters.to_csv(snakemake.output.parameters, index=False)
