"""Draw the figures of one condition's spectra."""

import pandas as pd

from weightlaws.figures.spectra import hill, level_statistics, singular_values, singular_vectors
from weightlaws.figures.style import save
from weightlaws.jobs import job_log

with job_log(snakemake):
    look, out = snakemake.params.spec["look"], snakemake.output
    spectra, ranks, curves = (
        pd.read_csv(snakemake.input[name]) for name in ("spectra", "ranks", "curves")
    )
    save(singular_values(curves, spectra, look), out.singular_values)
    save(level_statistics(curves, spectra, look), out.level_statistics)
    save(singular_vectors(ranks, spectra, look), out.singular_vectors)
    save(hill(curves, spectra, look), out.hill)
