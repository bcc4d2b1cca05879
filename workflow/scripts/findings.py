"""Sum up the study's tests, in tables and in words."""

from pathlib import Path

import pandas as pd

from weightlaws.figures.findings_page import findings_page
from weightlaws.inference.findings import findings_table, ranked_deviations
from weightlaws.jobs import job_log

with job_log(snakemake):
    rate = snakemake.params.spec["false_discovery_rate"]
    comparison, symmetry, significance, admissibility = (
        pd.concat(map(pd.read_csv, snakemake.input[name]), ignore_index=True)
        for name in ("comparison", "symmetry", "significance", "admissibility")
    )
    findings = findings_table(comparison, symmetry, significance, rate)
    ranked = ranked_deviations(significance, pd.read_csv(snakemake.input.invariants), rate)
    findings.to_csv(snakemake.output.findings, index=False)
    ranked.to_csv(snakemake.output.ranked, index=False)
    members = pd.read_csv(snakemake.input.members)
    name = snakemake.config["name"]
    page = findings_page(name, findings, ranked, members, admissibility, rate)
    Path(snakemake.output.page).write_text(page)
