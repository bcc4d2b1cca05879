# Requires: nothing, or the data set in the folder `data` of the configuration
# Produces: {RESULTS}/datasets/{dataset}.h5


rule dataset:
    """Store both splits of a data set's images as uint8."""
    output:
        at("dataset"),
    log:
        log_of("dataset", "{dataset}"),
    benchmark:
        benchmark_of("dataset", "{dataset}")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("dataset"),
    script:
        "../scripts/dataset.py"
