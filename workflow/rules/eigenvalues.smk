# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/eigenvalues/{condition}.csv and .plane.csv


rule eigenvalues:
    """Find the eigenvalues of a condition's square matrices, and of draws of its laws."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        shares=at("eigenvalues"),
        plane=at("eigenvalue_plane"),
    log:
        log_of("eigenvalues", "{condition}"),
    benchmark:
        benchmark_of("eigenvalues", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("eigenvalues"),
    script:
        "../scripts/eigenvalues.py"
