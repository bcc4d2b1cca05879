"""Draw the figures of one condition's spectra."""

import pandas as pd

from weightlaws.figures.spectra import hill, level_statistics, singular_values, singular_vectors
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log

with job_log(snakemake):
    style, out = Style(**snakemake.params.spec["look"]), snakemake.output
    spectra, ranks, curves = (
        pd.read_csv(snakemake.input[name]) for name in ("spectra", "ranks", "curves")
    )
    save(singular_values(curves, spectra, style), out.singular_values, style)
    save(level_statistics(curves, spectra, style), out.level_statistics, style)
    save(singular_vectors(ranks, spectra, style), out.singular_vectors, style)
    save(hill(curves, spectra, style), out.hill, style)
