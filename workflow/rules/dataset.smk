# Requires: nothing, or the data set in the folder `data` of the configuration
# Produces: {RESULTS}/datasets/{dataset}.h5


rule dataset:
    """Store both splits of a data set's images as uint8."""
    output:
        f"{RESULTS}/datasets/{{dataset}}.h5",
    log:
        f"{RESULTS}/logs/dataset/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/dataset/{{dataset}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=lambda wildcards: specs.dataset_spec(wildcards.dataset, CODE),
    script:
        "../scripts/dataset.py"
