# Requires: all figures, pages and tables of the study
# Produces: {RESULTS}/answers.html, and {RESULTS}/tables/{table}.html of each table


rule answers:
    """Say what the study shows of each claim, and lead to all figures and tables."""
    input:
        **files_by_name([*contents.FIGURES, *contents.TABLES, "findings_page"]),
    output:
        page=page("answers"),
        tables=table_pages(),
    log:
        log_of("answers"),
    benchmark:
        benchmark_of("answers")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("answers"),
    script:
        "../scripts/answers.py"
