# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/symmetry/{condition}.csv


rule symmetry:
    """Test the symmetries of a condition's weights by randomising its members."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        at("symmetry"),
    log:
        log_of("symmetry", "{condition}"),
    benchmark:
        benchmark_of("symmetry", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("symmetry"),
    script:
        "../scripts/symmetry.py"
