# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of the conditions of a recipe, which differ in
#           learning rate and batch size alone
# Produces: {RESULTS}/noise_scale/{recipe}.csv, .parameters.csv and .comparisons.csv


rule noise_scale:
    """Compare the laws of conditions that differ in learning rate and batch size."""
    input:
        lambda wildcards: [
            path
            for name in RECIPES[wildcards.recipe]
            for path in shard_files("weights", name)
        ],
    output:
        parameters=at("noise_scale_parameters"),
        comparisons=at("noise_scale_comparisons"),
        scalings=at("noise_scale"),
    log:
        log_of("noise_scale", "{recipe}"),
    benchmark:
        benchmark_of("noise_scale", "{recipe}")
    wildcard_constraints:
        recipe=one_of(RECIPES),
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("noise_scale"),
    script:
        "../scripts/noise_scale.py"
