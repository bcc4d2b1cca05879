# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/significance/{condition}.csv and misses/{condition}.csv


rule significance:
    """Test invariants against each law fitted to a condition, by parametric bootstrap."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        tests=at("significance"),
        misses=at("misses"),
    log:
        log_of("significance", "{condition}"),
    benchmark:
        benchmark_of("significance", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("significance"),
    script:
        "../scripts/significance.py"
