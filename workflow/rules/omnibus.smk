# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/omnibus/{condition}.csv


rule omnibus:
    """Test each law of a condition as a whole, by distances of held-out members from samples."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        at("omnibus"),
    log:
        log_of("omnibus", "{condition}"),
    benchmark:
        benchmark_of("omnibus", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("omnibus"),
    script:
        "../scripts/omnibus.py"
