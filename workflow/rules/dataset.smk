# Requires: nothing, or the data set in the folder `data` of the configuration, or a user's file
# Produces: {RESULTS}/datasets/{dataset}.h5


rule dataset:
    """Store both splits of the images that networks learn, as uint8 or float32."""
    input:
        lambda wildcards: DATA_FILES[wildcards.dataset],
    output:
        at("dataset"),
    log:
        log_of("dataset", "{dataset}"),
    benchmark:
        benchmark_of("dataset", "{dataset}")
    wildcard_constraints:
        dataset=one_of(DATA_FILES),
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("dataset"),
    script:
        "../scripts/dataset.py"
