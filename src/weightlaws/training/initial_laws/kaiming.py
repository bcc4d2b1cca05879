"""Independent N(0, 2/fan_in) entries, which keep the size of signals through ReLU.

He, Zhang, Ren and Sun 2015 (arXiv:1502.01852), equation 10; torch.nn.init.kaiming_normal_.
"""

import numpy as np

from weightlaws.training.initial_law import InitialLaw

LAW = InitialLaw(
    draw=lambda rng, shape: rng.standard_normal(shape) * np.sqrt(2 / shape[1]),
    independent=True,
    variance=lambda shape: 2 / shape[1],
    excess_kurtosis=0.0,
)
