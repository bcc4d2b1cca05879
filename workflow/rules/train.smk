# Requires: {RESULTS}/datasets/{dataset}.h5 or {noisy_images}.h5
# Produces: {RESULTS}/weights/{condition}/{shard}.h5


rule train:
    """Train a shard's networks, each from its own seed, and keep their weights.

    A job that was stopped goes on from the state that it left, and so does one that is to train
    more epochs than before; fewer epochs are cut from the weights there are.
    """
    input:
        dataset=lambda wildcards: (
            at("dataset").format(dataset=CONDITIONS[wildcards.condition].stored_images)
        ),
    output:
        # The old shard is there when the job starts, and comes back if it fails.
        update(at("weights")),
    log:
        log_of("train", "{condition}", "{shard}"),
    benchmark:
        benchmark_of("train", "{condition}", "{shard}")
    wildcard_constraints:
        condition=one_of(TRAINED),
    conda:
        "../../envs/weightlaws.yaml"
    # On one machine more jobs do as well as more threads; on a cluster --set-threads gives a job more.
    threads: 1
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("train"),
    script:
        "../scripts/train.py"
