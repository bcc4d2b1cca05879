# Requires: nothing
# Produces: {RESULTS}/invariants.csv


rule catalogue:
    """List the invariants of the study, with their graphs and formulas."""
    output:
        shown(
            f"{RESULTS}/invariants.csv",
            "catalogue",
            "Fits",
            "all",
            "table of invariants",
        ),
    log:
        f"{RESULTS}/logs/catalogue.log",
    benchmark:
        f"{RESULTS}/benchmarks/catalogue.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.catalogue_spec(STUDY, CODE),
    script:
        "../scripts/catalogue.py"
