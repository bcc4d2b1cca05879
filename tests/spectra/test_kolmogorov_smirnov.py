import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra import kolmogorov_smirnov


def test_distances_are_scipys():
    samples = np.sort(np.random.default_rng(3).random((4, 57)), axis=1)
    expected = [stats.kstest(sample, "uniform").statistic for sample in samples]
    assert kolmogorov_smirnov.distance(samples) == pytest.approx(expected, abs=1e-12)
