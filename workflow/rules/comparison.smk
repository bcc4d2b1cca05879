# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/comparison/{condition}.csv


rule comparison:
    """Compare laws by the likelihood of members that they were not fitted to."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        shown(
            f"{RESULTS}/comparison/{{condition}}.csv",
            "comparison",
            "Laws",
            "{condition}",
            "table of laws",
        ),
    log:
        f"{RESULTS}/logs/comparison/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/comparison/{{condition}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=lambda wildcards: specs.comparison_spec(
            STUDY, CONDITIONS[wildcards.condition], CODE
        ),
    script:
        "../scripts/comparison.py"
