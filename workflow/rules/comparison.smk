# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/comparison/{condition}.csv


rule comparison:
    """Compare laws by the likelihood of members that they were not fitted to."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        at("comparison"),
    log:
        log_of("comparison", "{condition}"),
    benchmark:
        benchmark_of("comparison", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("comparison"),
    script:
        "../scripts/comparison.py"
