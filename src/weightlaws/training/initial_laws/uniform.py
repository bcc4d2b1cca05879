"""Independent U(-1/sqrt(fan_in), 1/sqrt(fan_in)) entries, as published with arXiv:2510.05218."""

import numpy as np

from weightlaws.training.initial_law import InitialLaw

LAW = InitialLaw(
    draw=lambda rng, shape: rng.uniform(-1.0, 1.0, shape) / np.sqrt(shape[1]),
    independent=True,
    variance=lambda shape: 1 / 3 / shape[1],
    excess_kurtosis=-6 / 5,
)
