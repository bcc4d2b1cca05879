# Requires: nothing
# Produces: {RESULTS}/invariants.csv


rule catalogue:
    """List the invariants of the study, with their graphs and formulas."""
    output:
        at("catalogue"),
    log:
        log_of("catalogue"),
    benchmark:
        benchmark_of("catalogue")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("catalogue"),
    script:
        "../scripts/catalogue.py"
