# Requires: {RESULTS}/models/{condition}.h5 of all modelled conditions
# Produces: {RESULTS}/distances.csv


rule distance:
    """Measure Wasserstein distances by layer and epoch, and between conditions."""
    input:
        expand(at("fits"), condition=MODELLED),
    output:
        at("distances"),
    log:
        log_of("distance"),
    benchmark:
        benchmark_of("distance")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("distance"),
    script:
        "../scripts/distance.py"
