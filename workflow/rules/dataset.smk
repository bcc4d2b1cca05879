# Requires: nothing, or the data set in the folder `data` of the configuration
# Produces: {RESULTS}/datasets/{dataset}.h5, {dataset}-{classes}classes.h5 and {noisy_images}.h5


rule dataset:
    """Store both splits of a data set's images as uint8."""
    output:
        at("dataset"),
    log:
        log_of("dataset", "{dataset}"),
    benchmark:
        benchmark_of("dataset", "{dataset}")
    wildcard_constraints:
        dataset=DATASET,
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("dataset"),
    script:
        "../scripts/dataset.py"


rule class_subset:
    """Store the images of a data set's first classes, and no others."""
    output:
        at("class_subset"),
    log:
        log_of("class_subset", "{dataset}", "{classes}"),
    benchmark:
        benchmark_of("class_subset", "{dataset}", "{classes}")
    wildcard_constraints:
        dataset=DATASET,
        classes=r"\d+",
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("class_subset"),
    script:
        "../scripts/class_subset.py"


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
