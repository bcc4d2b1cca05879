"""Draw the spectra of one architecture from rich to lazy training."""

import pandas as pd

from weightlaws.figures.lazy_rich import lazy_rich
from weightlaws.figures.style import Style, save
from weightlaws.jobs import job_log

with job_log(snakemake):
    style = Style(**snakemake.params.spec["look"])
    spectra = pd.concat(map(pd.read_csv, snakemake.input.spectra), ignore_index=True)
    conditions = pd.read_csv(snakemake.input.conditions)
    mine = conditions[conditions["condition"].isin(spectra["condition"])]
    curves = pd.read_csv(snakemake.input.learning_curves)
    save(lazy_rich(spectra, mine, curves, style), snakemake.output[0], style)
