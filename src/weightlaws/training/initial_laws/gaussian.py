"""Independent N(0, 1/fan_in) entries, as published with arXiv:2510.05218."""

from weightlaws.training.initial_law import InitialLaw

LAW = InitialLaw(
    draw=lambda rng, shape: rng.standard_normal(shape),
    independent=True,
    variance=1.0,
    excess_kurtosis=0.0,
)
