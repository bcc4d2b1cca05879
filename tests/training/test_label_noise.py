import numpy as np
import pytest

from weightlaws.training.class_subset import take_classes
from weightlaws.training.label_noise import shuffle_labels


def marked(splits):
    """The splits with labels that tell every training image apart."""
    return {**splits, "train_labels": np.arange(len(splits["train_labels"]))}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3333, 1.0])
def test_a_share_of_the_labels_moves_and_all_else_stays(digits, share):
    n = len(digits["train_labels"])
    found = shuffle_labels(marked(digits), share, [3])["train_labels"]
    assert sorted(found) == list(range(n))
    moved = int((found != np.arange(n)).sum())
    # Of a random permutation one place stays on average, and more than five almost never.
    assert round(share * n) - 5 <= moved <= round(share * n)
    noisy = shuffle_labels(digits, share, [3])
    np.testing.assert_array_equal(noisy["train_labels"], digits["train_labels"][found])
    for name in ("train_images", "test_images", "test_labels"):
        np.testing.assert_array_equal(noisy[name], digits[name])


def test_classes_are_shuffled_alike(digits):
    """With all labels shuffled each class has the label of any class equally often."""
    labels = digits["train_labels"]
    found = shuffle_labels(digits, 1.0, [0])["train_labels"]
    assert np.bincount(found).tolist() == np.bincount(labels).tolist()
    assert found.dtype == labels.dtype
    n = np.bincount(labels)[0]
    counts = np.histogram2d(labels, found, bins=10)[0]
    chi_square = ((counts - n / 10) ** 2 / (n / 10)).sum()
    assert 81 - 5 * np.sqrt(162) < chi_square < 81 + 5 * np.sqrt(162)


def test_the_seed_fixes_which_labels_move(digits):
    one, same, other = (shuffle_labels(digits, 0.5, [seed])["train_labels"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_some_classes_keep_to_themselves(digits):
    some = take_classes(digits, range(3))
    found = shuffle_labels(some, 1.0, [0])["train_labels"]
    assert np.bincount(found).tolist() == np.bincount(some["train_labels"]).tolist()
    assert (found != some["train_labels"]).mean() == pytest.approx(2 / 3, abs=0.05)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_is_from_0_to_1(digits, share):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        shuffle_labels(digits, share, [0])
