import itertools

import numpy as np
import ot
import pytest
from scipy import stats

from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.network import NetworkLaw
from weightlaws.laws.one_sided import OneSided

WIDTHS = [(4, 4, 4), (4, 4, 4, 4), (3, 4, 2, 5), (4, 3, 3, 3, 2)]
INPUTS = ["labelled", "summed", "exchangeable"]
each_case = pytest.mark.parametrize(
    ("widths", "inputs"), [(w, i) for w in WIDTHS for i in INPUTS if len(w) < 5 or i != INPUTS[2]]
)


def networks(widths, n, rng):
    """Correlated entries everywhere, of a covariance without any symmetry."""
    shapes = list(zip(widths[1:], widths, strict=False))
    size = sum(rows * columns for rows, columns in shapes)
    mixing = rng.normal(size=(size, size)) / np.sqrt(size)
    return cut(0.5 + rng.normal(size=(n, size)) @ (mixing + np.eye(size)), widths)


def cut(flat, widths):
    shapes = list(zip(widths[1:], widths, strict=False))
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    parts = np.split(flat, ends[:-1], axis=1)
    return [part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]


def flatten(layers):
    return np.concatenate([layer.reshape(len(layer), -1) for layer in layers], axis=1)


def orbit(widths, inputs):
    """Orders of all entries, one for each element of the group."""
    numbers = cut(np.arange(sum(a * b for a, b in itertools.pairwise(widths)))[None], widths)
    first = itertools.permutations(range(widths[0]))
    choices = [first if inputs == "exchangeable" else [tuple(range(widths[0]))]]
    choices += [itertools.permutations(range(width)) for width in widths[1:-1]]
    for orders in itertools.product(*choices):
        sides = [*map(list, orders), list(range(widths[-1]))]
        moved = [
            number[:, rows][:, :, columns]
            for number, rows, columns in zip(numbers, sides[1:], sides, strict=False)
        ]
        yield flatten(moved)[0]


def brute_force(layers, inputs):
    """Mean and covariance of greatest likelihood: averages over members and the whole group."""
    widths = [layers[0].shape[2], *(layer.shape[1] for layer in layers)]
    flat = flatten(layers)
    orders = list(orbit(widths, inputs))
    mean = np.mean([flat.mean(0)[order] for order in orders], axis=0)
    moment = flat.T @ flat / len(flat)
    second = np.zeros_like(moment)
    for order in orders:
        second += moment[np.ix_(order, order)] / len(orders)
    covariance = second - np.outer(mean, mean)
    if inputs == "summed":
        # The later layers depend on the first through its row sums alone.
        n_first = widths[0] * widths[1]
        sums = np.kron(np.eye(widths[1]), np.ones(widths[0]))
        a, o = slice(n_first), slice(n_first, None)
        with_sums = sums @ covariance[a]
        across = with_sums[:, a].T @ np.linalg.solve(with_sums[:, a] @ sums.T, with_sums[:, o])
        covariance[a, o], covariance[o, a] = across, across.T
    return mean, covariance


@each_case
def test_fit_and_likelihood_on_the_full_covariance(widths, inputs):
    rng = np.random.default_rng(0)
    layers = networks(widths, 60, rng)
    density = stats.multivariate_normal(*brute_force(layers, inputs))
    law = NetworkLaw.fit(layers, inputs)
    others = networks(widths, 7, rng)
    np.testing.assert_allclose(law.log_likelihood(others), density.logpdf(flatten(others)), 1e-10)
    # The likelihood does not change when hidden neurons do.
    turned = [layer.copy() for layer in others]
    turned[0], turned[1] = turned[0][:, ::-1], turned[1][:, :, ::-1]
    np.testing.assert_allclose(law.log_likelihood(turned), law.log_likelihood(others), 1e-12)


@each_case
def test_fit_is_the_maximum_of_the_likelihood(widths, inputs):
    rng = np.random.default_rng(1)
    layers = networks(widths, 80, rng)
    best = NetworkLaw.fit(layers, inputs).log_likelihood(layers).sum()
    for _ in range(20):
        # A law of the same model nearby.
        moved = [layer + 0.02 * rng.normal(size=layer.shape) for layer in layers]
        near = NetworkLaw.fit(moved, inputs).log_likelihood(layers).sum()
        assert best - 40 < near < best


@each_case
def test_number_of_parameters(widths, inputs):
    """Of the symmetric covariances, as many dimensions as the group leaves."""
    law = NetworkLaw.fit(networks(widths, 80, np.random.default_rng(2)), inputs)
    orders = np.array(list(orbit(widths, "labelled" if inputs == "summed" else inputs)))
    size = orders.shape[1]
    # Orbits of entries, and of unordered pairs of entries: Burnside's lemma.
    fixed = (orders == np.arange(size)).sum(1)
    squares = np.take_along_axis(orders, orders, axis=1)
    fixed_by_squares = (squares == np.arange(size)).sum(1)
    expected = fixed.mean() + ((fixed**2 + fixed_by_squares) / 2).mean()
    if inputs == "summed":
        n_others = sum(len(part.layers) - widths[0] for part in law.parts if 0 in part.layers)
        expected -= (widths[0] - 1) * n_others
    assert law.n_parameters == expected


@each_case
def test_samples_have_the_moments(widths, inputs):
    rng = np.random.default_rng(3)
    mean, covariance = brute_force(networks(widths, 60, rng), inputs)
    rng = np.random.default_rng(3)
    law, n = NetworkLaw.fit(networks(widths, 60, rng), inputs), 40_000
    flat = flatten(law.sample(n, rng))
    diagonal = covariance.diagonal()
    assert np.abs((flat.mean(0) - mean) / np.sqrt(diagonal / n)).max() < 5
    error = np.sqrt((covariance**2 + np.outer(diagonal, diagonal)) / n)
    assert np.abs((np.cov(flat.T) - covariance) / error).max() < 5.5


@each_case
def test_distance_on_the_full_covariance(widths, inputs):
    rng = np.random.default_rng(4)
    ensembles = networks(widths, 60, rng), networks(widths, 60, rng)
    p, q = (NetworkLaw.fit(layers, inputs) for layers in ensembles)
    (m, a), (n, b) = (brute_force(layers, inputs) for layers in ensembles)
    expected = float(ot.gaussian.bures_wasserstein_distance(m, n, a, b))
    assert p.wasserstein(q) == pytest.approx(expected, rel=1e-8)
    assert p.wasserstein(p) == pytest.approx(0, abs=1e-7)


@each_case
def test_independent_layers_have_the_laws_of_single_matrices(widths, inputs):
    rng = np.random.default_rng(5)
    layers, others = networks(widths, 60, rng), networks(widths, 5, rng)
    law = NetworkLaw.fit(layers, inputs)
    expected = np.zeros(5)
    fitted = len(layers[1:-1]) * 5
    for k, (layer, other) in enumerate(zip(layers, others, strict=True)):
        if k == len(layers) - 1:
            single = OneSided.fit(layer, "rows")
        elif k == 0 and inputs != "exchangeable":
            single = OneSided.fit(layer, "columns")
        else:
            single = Bipartite.fit(layer)
        expected += single.log_likelihood(other)
        fitted += single.n_parameters if k in (0, len(layers) - 1) else 0
    independent = law.independent()
    np.testing.assert_allclose(independent.log_likelihood(others), expected, rtol=1e-10)
    assert independent.n_parameters == fitted
    gains = law.gains(others)
    names = ["totals", *(f"hidden{k}" for k in range(1, len(widths) - 1))]
    assert list(gains) == names
    difference = law.log_likelihood(others) - independent.log_likelihood(others)
    np.testing.assert_allclose(gains.sum(axis=1), difference, rtol=0, atol=1e-10)
    assert np.abs(independent.gains(others).to_numpy()).max() < 1e-12


def test_gains_do_not_depend_on_what_is_known_of_the_inputs_beside_their_sum():
    rng = np.random.default_rng(6)
    layers, others = (networks((4, 4, 3, 2), n, rng) for n in (60, 5))
    gains = [NetworkLaw.fit(layers, inputs).gains(others) for inputs in INPUTS[1:]]
    np.testing.assert_allclose(gains[0], gains[1], rtol=0, atol=1e-10)


@each_case
def test_a_layer_given_the_others(widths, inputs):
    rng = np.random.default_rng(7)
    law = NetworkLaw.fit(networks(widths, 60, rng), inputs)
    rng = np.random.default_rng(7)
    mean, covariance = brute_force(networks(widths, 60, rng), inputs)
    one, n = networks(widths, 1, rng), 40_000
    many = [np.repeat(layer, n, axis=0) for layer in one]
    owner = np.concatenate([np.full(layer[0].size, k) for k, layer in enumerate(one)])
    for layer in range(len(one)):
        own = owner == layer
        slopes = np.linalg.solve(covariance[np.ix_(~own, ~own)], covariance[np.ix_(~own, own)])
        expected = mean[own] + (flatten(one)[0] - mean)[~own] @ slopes
        rest = covariance[np.ix_(own, own)] - covariance[np.ix_(own, ~own)] @ slopes
        many[layer] = np.full_like(many[layer], np.nan)
        with pytest.raises(ValueError, match="NaN"):
            law.sample_layer(layer, many, rng)
        many[layer] = np.zeros_like(many[layer])
        drawn = law.sample_layer(layer, many, rng).reshape(n, -1)
        many[layer] = np.repeat(one[layer], n, axis=0)
        diagonal = rest.diagonal()
        assert np.abs((drawn.mean(0) - expected) / np.sqrt(diagonal / n)).max() < 5
        error = np.sqrt((rest**2 + np.outer(diagonal, diagonal)) / n)
        assert np.abs((np.cov(drawn.T) - rest) / error).max() < 5.5


def test_correlations_of_sums():
    """Where neuron i passes on what it takes in, and totals say nothing of it."""
    rng = np.random.default_rng(8)
    first = rng.normal(size=(4000, 5, 3))
    second = rng.normal(size=(4000, 4, 5)) - first.sum(2)[:, None, :] / 3
    third = rng.normal(size=(4000, 2, 4))
    found = NetworkLaw.fit([first, second, third]).correlations
    assert list(found["hidden"]) == ["hidden1", "hidden2"]
    # Sums of variance 3 and 4 + 16 * 3 / 9, with covariance -4.
    expected = [-4 / np.sqrt(3 * (4 + 16 / 3)), 0]
    np.testing.assert_allclose(found["correlation"], expected, rtol=0, atol=5 / np.sqrt(16000))


def test_singular_laws_have_no_density_but_samples():
    rng = np.random.default_rng(9)
    layers = networks((4, 4, 3, 2), 60, rng)
    # Totals of 4 inputs, 1 of their sum beside 1 and 2 others; or all 7 together.
    for inputs, n in [("summed", 4), ("labelled", 7)]:
        law = NetworkLaw.fit([layer[:n] for layer in layers], inputs)
        message = f"of totals is singular.*; {n} members are too few for {n} totals"
        with pytest.raises(np.linalg.LinAlgError, match=message):
            law.log_likelihood(layers)
        law = NetworkLaw.fit([layer[: n + 1] for layer in layers], inputs)
        assert np.isfinite(law.log_likelihood(layers)).all()
    assert all(np.isfinite(layer).all() for layer in law.sample(3, rng))
    layers[1] = layers[1] - layers[1].mean(1, keepdims=True)
    law = NetworkLaw.fit(layers)
    with pytest.raises(np.linalg.LinAlgError, match="of totals is singular: the law has no densi"):
        law.log_likelihood(layers)
    assert np.abs(law.sample(3, rng)[1].sum(1)).max() < 1e-12
    assert law.correlations["correlation"].isna().tolist() == [True, False]
    drawn = law.sample_layer(0, layers, rng)
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([np.ones((5, 3, 4))], "expected two or more layers"),
        ([np.ones((5, 3, 4)), np.ones((5, 2, 4))], r"rows of the layer before, found .*\(5, 2, 4"),
        ([np.ones((5, 3, 4)), np.ones((6, 2, 3))], "expected two or more layers of one network"),
        ([np.ones((5, 1, 4)), np.ones((5, 2, 1))], r"at least \[1, 2, 1\] neurons, found \[4, 1"),
        ([np.ones((5, 3, 4)), np.full((5, 2, 3), np.nan)], "found NaN or infinity in 5 of 5"),
    ],
)
def test_what_is_no_network_is_refused(layers, message):
    with pytest.raises(ValueError, match=message):
        NetworkLaw.fit(layers)


def test_what_is_no_law_is_refused():
    layers = networks((4, 3, 2), 30, np.random.default_rng(10))
    law = NetworkLaw.fit(layers)
    with pytest.raises(ValueError, match=r"expected inputs \('labelled', .* found 'pixels'"):
        NetworkLaw.fit(layers, "pixels")
    with pytest.raises(ValueError, match="a mean and covariances of shapes"):
        NetworkLaw(law.widths, law.mean[1:], law.covariances)
    with pytest.raises(ValueError, match="covariance of hidden1 has the negative eigenvalue"):
        NetworkLaw(law.widths, law.mean, [law.covariances[0], -law.covariances[1]])
    with pytest.raises(ValueError, match="expected a finite mean"):
        NetworkLaw(law.widths, law.mean + np.inf, law.covariances)
    with pytest.raises(ValueError, match=r"layers of shapes \[\(3, 4\), \(2, 3\)\], found"):
        law.log_likelihood([np.ones((1, 4, 4)), np.ones((1, 2, 4))])
    with pytest.raises(ValueError, match="two laws of the same parts"):
        law.wasserstein(NetworkLaw.fit(layers, "exchangeable"))
    with pytest.raises(ValueError, match="read-only"):
        law.mean[0] = 1
