# Requires: {RESULTS}/weights/{condition}/{shard}.h5
# Produces: {RESULTS}/invariants/{condition}/{shard}.h5


rule invariants:
    """Evaluate the study's invariants of a shard's weight matrices."""
    input:
        weights=f"{RESULTS}/weights/{{condition}}/{{shard}}.h5",
    output:
        f"{RESULTS}/invariants/{{condition}}/{{shard}}.h5",
    log:
        f"{RESULTS}/logs/invariants/{{condition}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/invariants/{{condition}}/{{shard}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=lambda wildcards: specs.invariants_spec(
            STUDY, CONDITIONS[wildcards.condition], CODE, shard_of(wildcards)
        ),
    script:
        "../scripts/invariants.py"
