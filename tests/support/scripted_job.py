"""What Snakemake hands to a script, as far as logs are concerned."""

from types import SimpleNamespace

SPEC = {"shapes": {"hidden1-hidden2": [10, 10]}, "seed": 1, "code": "abc"}


def scripted_job(log):
    """A job of training with its log in this file."""
    return SimpleNamespace(
        rule="train",
        wildcards={"condition": "digits-10x10"},
        params={"spec": SPEC},
        resources={"mem_mb": 500, "_cores": 1},
        threads=2,
        output=["weights/0-1.h5"],
        log=[str(log)],
    )
