# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/entries/{condition}.csv


rule entries:
    """Count the entries of a condition's weights in bins, beside its laws."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        at("entries"),
    log:
        log_of("entries", "{condition}"),
    benchmark:
        benchmark_of("entries", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("entries"),
    script:
        "../scripts/entries.py"
