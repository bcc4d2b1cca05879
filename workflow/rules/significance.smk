# Requires: {RESULTS}/invariants/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/significance/{condition}.csv


rule significance:
    """Test the laws fitted to a condition at its headline epochs, by parametric bootstrap."""
    input:
        lambda wildcards: shard_files("invariants", wildcards.condition),
    output:
        at("significance"),
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
