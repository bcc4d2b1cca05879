"""Random matrices with orthonormal rows or columns, which keep the length of a signal.

Saxe, McClelland and Ganguli 2013 (arXiv:1312.6120); torch.nn.init.orthogonal_.
"""

import numpy as np

from weightlaws.arrays import Floats, Shape
from weightlaws.training.initial_law import InitialLaw


def draw(rng: np.random.Generator, shape: Shape) -> Floats:
    """Draw a matrix uniformly: the signs make the Q of a Gaussian matrix uniform."""
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q *= np.sign(np.diagonal(r))
    return np.asarray(q if shape[0] >= shape[1] else q.T)


LAW = InitialLaw(draw=draw, independent=False)
