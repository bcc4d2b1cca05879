"""Fit one condition's ensembles and write its tables."""

from pathlib import Path

from weightlaws import tables
from weightlaws.jobs import job_log
from weightlaws.models import fit_condition, store_fits

with job_log(snakemake):
    spec, out = snakemake.params.spec, snakemake.output
    condition = snakemake.wildcards.condition
    fits = fit_condition([Path(path) for path in snakemake.input], spec)
    store_fits(Path(out.fits), spec, fits)
    invariants = tables.fits_table(condition, spec, fits)
    invariants.to_csv(out.invariants, index=False)
    tables.parameters_table(condition, spec, fits).to_csv(out.parameters, index=False)
    tables.typicality_table(invariants).to_csv(out.typicality, index=False)
    tables.admissibility_table(condition, spec, fits).to_csv(out.admissibility, index=False)
