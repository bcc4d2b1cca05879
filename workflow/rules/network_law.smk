# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition, and the images that its
#           networks learned: datasets/{dataset}.h5 or {noisy_images}.h5
# Produces: {RESULTS}/network_law/{condition}.csv and drawn/{condition}.csv


rule network_law:
    """Test whether neighbouring layers of a condition's networks know of each other."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        at("network_law"),
    log:
        log_of("network_law", "{condition}"),
    benchmark:
        benchmark_of("network_law", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("network_law"),
    script:
        "../scripts/network_law.py"


rule drawn_networks:
    """Draw networks from a condition's laws, and measure what they can do."""
    input:
        dataset=lambda wildcards: (
            at("dataset").format(dataset=CONDITIONS[wildcards.condition].stored_images)
        ),
        weights=lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        at("drawn_networks"),
    log:
        log_of("drawn_networks", "{condition}"),
    benchmark:
        benchmark_of("drawn_networks", "{condition}")
    wildcard_constraints:
        condition=one_of(TRAINED),
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("drawn_networks"),
    script:
        "../scripts/drawn_networks.py"
