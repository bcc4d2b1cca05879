# Requires: {RESULTS}/comparison/{condition}.csv, symmetry/{condition}.csv,
#           significance/{condition}.csv, omnibus/{condition}.csv and
#           models/{condition}.admissibility.csv of all modelled conditions; members.csv
# Produces: {RESULTS}/findings.csv, deviations.csv and findings.html


rule findings:
    """Sum up which law is best where, whether it holds, and what it does not explain."""
    input:
        comparison=expand(rules.comparison.output, condition=MODELLED),
        symmetry=expand(rules.symmetry.output, condition=MODELLED),
        significance=expand(rules.significance.output.tests, condition=MODELLED),
        omnibus=expand(rules.omnibus.output, condition=MODELLED),
        admissibility=expand(rules.model.output.admissibility, condition=MODELLED),
        members=at("members"),
    output:
        findings=at("findings"),
        ranked=at("deviations"),
        page=page("findings_page"),
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
