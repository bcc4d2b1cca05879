"""Matrices of members that are read a part at a time."""

import numpy as np
import pytest

from weightlaws.storage.matrices import Matrices


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)


@pytest.mark.parametrize("together", [1, 12, 100])
def test_parts_are_the_members_in_their_order(values, together, monkeypatch):
    monkeypatch.setattr("weightlaws.storage.matrices.TOGETHER", together)
    matrices = Matrices.of(values)
    sizes = [len(part) for part in matrices]
    assert max(sizes) == max(1, min(7, together // 6))
    assert (len(matrices), matrices.shape) == (7, (2, 3))
    for _ in range(2):  # as often as wanted
        np.testing.assert_array_equal(np.concatenate([*matrices]), values)
    mask = np.array([True, False, False, True, True, False, True])
    some = matrices[mask]
    np.testing.assert_array_equal(np.asarray(some), values[mask])
    # A mask is of the members that are there.
    few = some[np.array([False, True, False, True])]
    np.testing.assert_array_equal(np.asarray(few, np.float64), values[[3, 6]])
    assert len(few) == 2
    assert all(len(part) for part in few)
    assert Matrices.of(few) is few


@pytest.mark.parametrize("wrong", [np.ones((2, 3)), np.ones((0, 2, 3)), np.full((1, 2, 2), "a")])
def test_other_arrays_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected real matrices of shape \(n, rows, columns\)"):
        Matrices.of(wrong)
