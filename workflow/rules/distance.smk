# Requires: {RESULTS}/models/{condition}.h5 of all modelled conditions
# Produces: {RESULTS}/distances.csv


rule distance:
    """Measure Wasserstein distances by layer and epoch, and between conditions."""
    input:
        expand(f"{RESULTS}/models/{{condition}}.h5", condition=MODELLED),
    output:
        shown(
            f"{RESULTS}/distances.csv",
            "distances",
            "Distances",
            "all",
            "table of distances",
        ),
    log:
        f"{RESULTS}/logs/distance.log",
    benchmark:
        f"{RESULTS}/benchmarks/distance.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.distance_spec(STUDY, CODE),
    script:
        "../scripts/distance.py"
