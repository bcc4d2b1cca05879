"""Write the page of answers, and a page of each table."""

from pathlib import Path

from weightlaws.figures.answers_job import write_pages
from weightlaws.jobs import job_log
from weightlaws.monitoring.costs import cost_summary, cost_table

with job_log(snakemake):
    out, page = snakemake.output, Path(snakemake.output.page)
    costs = cost_table(page.parent)
    write_pages(
        snakemake.config["name"],
        {name: [*paths] for name, paths in snakemake.input.items()},
        costs,
        cost_summary(costs),
        page,
        [Path(path) for path in out.tables],
        snakemake.params.spec["titles"],
        snakemake.params.spec["level"],
    )
