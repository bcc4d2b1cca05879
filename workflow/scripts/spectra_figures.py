"""Draw the figures of one condition's spectra."""

from weightlaws.figures.spectra import hill, level_statistics, singular_values, singular_vectors
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table

with job_log(snakemake):
    spec, out = snakemake.params.spec, snakemake.output
    style, title = Style(**spec["look"]), spec["title"]
    spectra, ranks, curves = (
        read_table(snakemake.input[name]) for name in ("spectra", "ranks", "curves")
    )
    save(singular_values(curves, spectra, title, style), out.singular_values, style)
    save(level_statistics(curves, spectra, title, style), out.level_statistics, style)
    save(singular_vectors(ranks, spectra, title, style), out.singular_vectors, style)
    save(hill(curves, spectra, title, style), out.hill, style)
