import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra.kolmogorov_smirnov import ks_distance


def test_distances_are_scipys():
    samples = np.sort(np.random.default_rng(3).random((4, 57)), axis=1)
    expected = [stats.kstest(sample, "uniform").statistic for sample in samples]
    assert ks_distance(samples) == pytest.approx(expected, abs=1e-12)
