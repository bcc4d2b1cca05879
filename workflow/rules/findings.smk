# Requires: {RESULTS}/comparison/{condition}.csv, symmetry/{condition}.csv,
#           significance/{condition}.csv and models/{condition}.admissibility.csv of all
#           modelled conditions; invariants.csv and members.csv
# Produces: {RESULTS}/findings.csv, deviations.csv and findings.html


rule findings:
    """Sum up which law fits where, and which invariants it does not explain."""
    input:
        comparison=expand(rules.comparison.output, condition=MODELLED),
        symmetry=expand(rules.symmetry.output, condition=MODELLED),
        significance=expand(rules.significance.output, condition=MODELLED),
        admissibility=expand(rules.model.output.admissibility, condition=MODELLED),
        invariants=at("catalogue"),
        members=at("members"),
    output:
        findings=shown(
            at("findings"),
            "findings",
            "Laws",
            "all",
            "table of findings",
        ),
        ranked=shown(
            at("deviations"),
            "deviations",
            "Laws",
            "all",
            "table of deviations",
        ),
        page=shown(
            at("findings_page"),
            "findings_page",
            "Laws",
            "all",
            "findings in words",
        ),
    log:
        log_of("findings"),
    benchmark:
        benchmark_of("findings")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("findings"),
    script:
        "../scripts/findings.py"
