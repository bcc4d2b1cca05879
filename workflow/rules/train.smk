# Requires: {RESULTS}/datasets/{dataset}.h5
# Produces: {RESULTS}/weights/{condition}/{shard}.h5


rule train:
    """Train a shard's networks, each from its own seed, and keep their weights.

    A job that was stopped goes on from the state that it left, and so does one that is to train
    more epochs than before; fewer epochs are cut from the weights there are.
    """
    input:
        dataset=lambda wildcards: (
            f"{RESULTS}/datasets/{CONDITIONS[wildcards.condition].dataset}.h5"
        ),
    output:
        # The old shard is there when the job starts, and comes back if it fails.
        update(f"{RESULTS}/weights/{{condition}}/{{shard}}.h5"),
    log:
        f"{RESULTS}/logs/train/{{condition}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{condition}}/{{shard}}.tsv"
    wildcard_constraints:
        condition=one_of(TRAINED),
    conda:
        "../../envs/weightlaws.yaml"
    # On one machine more jobs do as well as more threads; on a cluster --set-threads gives a job more.
    threads: 1
    resources:
        mem_mb=lambda wildcards, threads: requests.training(
            STUDY, CONDITIONS[wildcards.condition], shard_of(wildcards), threads
        ).mem_mb,
    params:
        spec=lambda wildcards: specs.training_spec(
            STUDY, CONDITIONS[wildcards.condition], CODE, shard_of(wildcards)
        ),
    script:
        "../scripts/train.py"
