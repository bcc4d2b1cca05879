# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/symmetry/{condition}.csv


rule symmetry:
    """Test the symmetries of a condition's weights by randomising its members."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        shown(
            f"{RESULTS}/symmetry/{{condition}}.csv",
            "symmetry",
            "Laws",
            "{condition}",
            "table of symmetries",
        ),
    log:
        f"{RESULTS}/logs/symmetry/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/symmetry/{{condition}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=lambda wildcards: specs.symmetry_spec(
            STUDY, CONDITIONS[wildcards.condition], CODE
        ),
    script:
        "../scripts/symmetry.py"
