# Requires: {RESULTS}/datasets/{dataset}.h5
# Produces: {RESULTS}/weights/{condition}/{shard}.h5


rule train:
    """Train a shard's networks, each from its own seed, and keep their weights."""
    input:
        dataset=lambda wildcards: (
            f"{RESULTS}/datasets/{CONDITIONS[wildcards.condition].dataset}.h5"
        ),
    output:
        f"{RESULTS}/weights/{{condition}}/{{shard}}.h5",
    log:
        f"{RESULTS}/logs/train/{{condition}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{condition}}/{{shard}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    # The matrices are small, so cores are better used by more jobs than by more threads.
    threads: 1
    params:
        spec=lambda wildcards: specs.training_spec(
            STUDY, CONDITIONS[wildcards.condition], CODE, shard_of(wildcards)
        ),
    script:
        "../scripts/train.py"
