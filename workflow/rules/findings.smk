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
        invariants=f"{RESULTS}/invariants.csv",
        members=f"{RESULTS}/members.csv",
    output:
        findings=shown(
            f"{RESULTS}/findings.csv",
            "findings",
            "Laws",
            "all",
            "table of findings",
        ),
        ranked=shown(
            f"{RESULTS}/deviations.csv",
            "deviations",
            "Laws",
            "all",
            "table of deviations",
        ),
        page=shown(
            f"{RESULTS}/findings.html",
            "findings_page",
            "Laws",
            "all",
            "findings in words",
        ),
    log:
        f"{RESULTS}/logs/findings.log",
    benchmark:
        f"{RESULTS}/benchmarks/findings.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.findings_spec(STUDY, CODE),
    script:
        "../scripts/findings.py"
