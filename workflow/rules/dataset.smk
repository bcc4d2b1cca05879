# Requires: nothing, or the data set in the folder `data` of the configuration
# Produces: {RESULTS}/datasets/{dataset}.h5 and {dataset}-{classes}classes.h5


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
