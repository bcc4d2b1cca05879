# Requires: {RESULTS}/invariants/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/significance/{condition}.csv


rule significance:
    """Test the laws fitted to a condition at its headline epochs, by parametric bootstrap."""
    input:
        lambda wildcards: shard_files("invariants", wildcards.condition),
    output:
        f"{RESULTS}/significance/{{condition}}.csv",
    log:
        f"{RESULTS}/logs/significance/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/significance/{{condition}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=lambda wildcards: specs.significance_spec(
            STUDY, CONDITIONS[wildcards.condition], CODE
        ),
    script:
        "../scripts/significance.py"
