"""Independent U(-a, a) entries with a^2 = 6 / (fan_in + fan_out).

Glorot and Bengio 2010 (AISTATS, PMLR 9, page 249), equation 16; torch.nn.init.xavier_uniform_.
"""

import numpy as np

from weightlaws.training.initial_law import InitialLaw

LAW = InitialLaw(
    draw=lambda rng, shape: rng.uniform(-1.0, 1.0, shape) * np.sqrt(6 / sum(shape)),
    independent=True,
    variance=lambda shape: 2 / sum(shape),
    excess_kurtosis=-6 / 5,
)
