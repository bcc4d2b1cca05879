"""Independent N(0, 1/fan_in) entries, as published with arXiv:2510.05218."""

import numpy as np

from weightlaws.training.initial_law import InitialLaw

LAW = InitialLaw(
    draw=lambda rng, shape: rng.standard_normal(shape) / np.sqrt(shape[1]),
    independent=True,
    variance=lambda shape: 1.0 / shape[1],
    excess_kurtosis=0.0,
)
