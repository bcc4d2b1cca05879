# Requires: {RESULTS}/weights/{condition}/{shard}.h5
# Produces: {RESULTS}/invariants/{condition}/{shard}.h5


rule invariants:
    """Evaluate the study's invariants of a shard's weight matrices."""
    input:
        weights=at("weights"),
    output:
        at("invariants"),
    log:
        log_of("invariants", "{condition}", "{shard}"),
    benchmark:
        benchmark_of("invariants", "{condition}", "{shard}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("invariants"),
    script:
        "../scripts/invariants.py"
