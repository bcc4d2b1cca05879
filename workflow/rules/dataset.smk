# Requires: nothing, or the data set in the folder `data` of the configuration, or a user's file
# Produces: {RESULTS}/datasets/{dataset}.h5 and {noisy_images}.h5


rule dataset:
    """Store both splits of the images that networks learn, as uint8 or float32."""
    input:
        lambda wildcards: DATA_FILES[wildcards.dataset],
    output:
        at("dataset"),
    log:
        log_of("dataset", "{dataset}"),
    benchmark:
        benchmark_of("dataset", "{dataset}")
    wildcard_constraints:
        dataset=one_of(DATA_FILES),
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("dataset"),
    script:
        "../scripts/dataset.py"


rule label_noise:
    """Store images with the labels of some training images shuffled among themselves."""
    input:
        lambda wildcards: at("dataset").format(
            dataset=NOISY[wildcards.noisy_images].images
        ),
    output:
        at("label_noise"),
    log:
        log_of("label_noise", "{noisy_images}"),
    benchmark:
        benchmark_of("label_noise", "{noisy_images}")
    wildcard_constraints:
        noisy_images=one_of(NOISY),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("label_noise"),
    script:
        "../scripts/label_noise.py"
