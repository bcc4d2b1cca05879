"""A map of ensembles: points in the plane whose distances are nearly those of the fitted laws."""

import numpy as np

from weightlaws.arrays import Floats, Integers
from weightlaws.laws.wasserstein import squared_distances

#: Epochs of a path at most.
STEPS = 9


def steps(epochs: Integers) -> Integers:
    """Return up to `STEPS` of ascending epochs: the first and last, and more of the early ones.

    Weights move fastest at the start of training.
    """
    if len(epochs) <= STEPS:
        return epochs
    places = np.geomspace(1, len(epochs), STEPS).round().astype(int) - 1
    return np.asarray(epochs[np.unique(places)])


def distances(parameters: Floats, size: int) -> Floats:
    """Return the Wasserstein distances (n, n) between laws (n, 13) of D x D matrices."""
    rows = [squared_distances(law, parameters, size) for law in parameters]
    return np.sqrt(np.stack(rows))


def positions(dissimilarities: Floats, seed: int) -> tuple[Floats, float]:
    """Place points in the plane, by metric multidimensional scaling from its classical solution.

    Parameters
    ----------
    dissimilarities : (n, n)
        Symmetric, with 0 on the diagonal.
    seed
        Of scikit-learn's generator.

    Returns
    -------
    positions : (n, 2)
        With their largest spread along the first axis.
    stress : float
        Kruskal's stress-1, the root of the sum of (distance in the plane - dissimilarity)^2 over
        that of distance^2: 0 if the plane shows all of it.

    References
    ----------
    Kruskal, J. B. (1964). Psychometrika 29, 1-27: stress. Borg, I. and Groenen, P. (2005). Modern
    multidimensional scaling: SMACOF, which scikit-learn has.
    """
    # Slow to import, and nothing else needs it.
    from sklearn.manifold import MDS

    scaling = MDS(
        n_components=2,
        metric_mds=True,
        metric="precomputed",
        init="classical_mds",
        n_init=1,
        normalized_stress=True,
        random_state=seed,
    )
    found = scaling.fit_transform((dissimilarities + dissimilarities.T) / 2)
    found = found - found.mean(axis=0)
    _, _, axes = np.linalg.svd(found, full_matrices=False)
    turned = found @ axes.T
    # A mirror image is as good: the first point lies on the left and below.
    return turned * np.where(turned[0] > 0, -1, 1), float(scaling.stress_)
