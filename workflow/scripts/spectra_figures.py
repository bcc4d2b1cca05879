"""Draw the figures of one condition's spectra."""

import pandas as pd

from weightlaws import spectra_figures
from weightlaws.drawing import save
from weightlaws.jobs import job_log

with job_log(snakemake):
    look, out = snakemake.params.spec["look"], snakemake.output
    spectra, ranks, curves = (
        pd.read_csv(snakemake.input[name]) for name in ("spectra", "ranks", "curves")
    )
    save(spectra_figures.singular_values(curves, spectra, look), out.singular_values)
    save(spectra_figures.level_statistics(curves, spectra, look), out.level_statistics)
    save(spectra_figures.singular_vectors(ranks, spectra, look), out.singular_vectors)
    save(spectra_figures.hill(curves, spectra, look), out.hill)
