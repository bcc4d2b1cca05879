"""Sum up the study's tests, in tables and in words."""

from pathlib import Path

from weightlaws.figures.findings_page import findings_page
from weightlaws.inference.findings_job import FindingsSpec, sum_up
from weightlaws.jobs import job_log
from weightlaws.storage.tables import read_table, read_tables

with job_log(snakemake):
    given, out = snakemake.input, snakemake.output
    spec = FindingsSpec.parse(snakemake.params.spec)
    findings, ranked = sum_up(
        spec,
        comparison=given.comparison,
        symmetry=given.symmetry,
        significance=given.significance,
        omnibus=given.omnibus,
    )
    findings.to_csv(out.findings, index=False)
    ranked.to_csv(out.ranked, index=False)
    members, admissibility = read_table(given.members), read_tables(given.admissibility)
    name, level = snakemake.config["name"], spec.level
    titles = snakemake.params.spec["titles"]
    page = findings_page(name, findings, ranked, members, admissibility, level, titles)
    Path(out.page).write_text(page)
