import numpy as np
import pytest
from support.laws import FIVE, one_sided

from weightlaws.inference.comparison import compare, held_out, random_folds
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.candidates import candidates
from weightlaws.laws.iid import IID
from weightlaws.laws.names import LAWS, NESTED
from weightlaws.laws.one_sided import OneSided
from weightlaws.laws.pigmm import PIGMM
from weightlaws.storage.matrices import Matrices

RNG = np.random.default_rng(9)


@pytest.mark.parametrize("folds", [2, 5, 17])
def test_held_out_members_are_described_by_fits_to_the_others(folds):
    matrices = np.random.default_rng(0).normal(0.2, 1, size=(17, 4, 4))
    fits = candidates((4, 4), "columns")
    divisions = np.stack([np.arange(17) % folds, np.arange(17)[::-1] % folds])
    results = held_out(matrices, "columns", divisions)
    assert list(results) == ["i.i.d.", "bipartite", "diagonal S_D", "one-sided"]
    for name, result in results.items():
        for fold, values in zip(divisions, result.log_likelihood, strict=True):
            for k in range(17):
                law = fits[name](matrices[fold != fold[k]])
                expected = law.log_likelihood(matrices[k : k + 1])
                np.testing.assert_allclose(values[k], expected[0], rtol=1e-12)
        assert result.n_parameters == fits[name](matrices).n_parameters
        assert result.note == ""


@pytest.mark.parametrize(("shape", "labelled"), [((5, 5), None), ((6, 4), "columns")])
def test_members_in_parts_give_what_all_of_them_give(monkeypatch, shape, labelled):
    # Large means, as of weights that all have one sign.
    stored = np.random.default_rng(1).normal(3.0, 0.1, size=(23, *shape)).astype(np.float32)
    folds = np.stack([random_folds(23, 4, RNG) for _ in range(3)])
    whole = held_out(stored, labelled, folds)
    monkeypatch.setattr("weightlaws.storage.matrices.TOGETHER", 100)
    parts = Matrices.of(stored)
    assert len([*parts]) > 4
    for name, result in held_out(parts, labelled, folds).items():
        np.testing.assert_allclose(
            result.log_likelihood, whole[name].log_likelihood, rtol=1e-10, err_msg=name
        )


def test_a_law_needs_no_more_than_its_fit_and_its_density(monkeypatch):
    name = "weightlaws.inference.comparison.candidates"
    monkeypatch.setattr(name, lambda *of: {"another": Bipartite.fit, **candidates(*of)})
    matrices = np.random.default_rng(0).normal(0.2, 1, size=(17, 4, 5))
    found = held_out(matrices, None, np.arange(17)[None] % 5)
    another, bipartite = found["another"], found["bipartite"]
    np.testing.assert_allclose(another.log_likelihood, bipartite.log_likelihood, rtol=1e-12)
    assert another.n_parameters == 5


def test_laws_of_a_layer():
    assert list(candidates((10, 10), None)) == ["i.i.d.", "bipartite", "diagonal S_D"]
    assert list(candidates((10, 784), "columns")) == ["i.i.d.", "bipartite", "one-sided"]
    assert list(candidates((3, 3), None)) == ["i.i.d.", "bipartite"]
    assert list(candidates((1, 8), "rows")) == ["i.i.d."]
    matrices = np.random.default_rng(1).normal(size=(5, 4, 4))
    expected = [IID((4, 4), [0, 1]), Bipartite((4, 4), FIVE), PIGMM.iid(4, 1)]
    expected.append(one_sided((4, 4), "columns"))
    laws = [fit(matrices) for fit in candidates((4, 4), "columns").values()]
    for law, other in zip(laws, expected, strict=True):
        assert (type(law), law.shape, law.n_parameters) == (type(other), (4, 4), other.n_parameters)
    assert [law.n_parameters for law in laws] == [2, 5, 13, 24]
    assert laws[-1].labelled == "columns"


def test_every_law_has_words_and_follows_the_law_that_it_is_nested_above():
    names = list(candidates((4, 4), "rows"))
    assert list(LAWS) == names
    assert list(NESTED) == names[1:]
    assert all(names.index(than) < names.index(law) for law, than in NESTED.items())


@pytest.mark.parametrize("folds", [2, 5, 16, 17])
def test_folds_are_as_large_as_each_other_and_random(folds):
    rng = np.random.default_rng(8)
    drawn = np.array([random_folds(17, folds, rng) for _ in range(2000)])
    for fold in drawn:
        assert {*np.bincount(fold, minlength=folds)} <= {17 // folds, -(-17 // folds)}
    # Each member is in each fold as often as the others: 5 binomial standard deviations.
    share = (drawn == 0).mean(axis=0)
    expected = np.mean(np.arange(17) % folds == 0)
    np.testing.assert_allclose(share, expected, atol=5 * 0.5 / np.sqrt(2000))


@pytest.mark.parametrize("orders", [1, 3])
def test_table(orders):
    matrices = np.random.default_rng(2).normal(size=(30, 4, 4)).astype(np.float32)
    table = compare(matrices, "rows", 5, np.random.default_rng(7), orders)
    rng = np.random.default_rng(7)
    divisions = [random_folds(30, 5, rng) for _ in range(orders)]
    results = held_out(matrices, "rows", np.array(divisions))
    assert list(table.columns) == [
        "law", "n_parameters", "log_likelihood", "standard_error",
        "than", "gain", "gain_standard_error", "gain_order_sd", "note",
    ]  # fmt: skip
    assert list(table["law"]) == ["i.i.d.", "bipartite", "diagonal S_D", "one-sided"]
    assert list(table["than"]) == ["", "i.i.d.", "bipartite", "bipartite"]
    assert list(table["n_parameters"]) == [2, 5, 13, 24]
    for row in table.to_dict("records"):
        each = results[row["law"]].log_likelihood
        values = each.mean(axis=0)
        assert row["log_likelihood"] == pytest.approx(values.mean(), rel=1e-14)
        assert row["standard_error"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(30))
        if row["than"]:
            gains = each - results[NESTED[row["law"]]].log_likelihood
            of_members, of_orders = gains.mean(axis=0), gains.mean(axis=1)
            assert row["gain"] == pytest.approx(of_members.mean())
            error = np.std(of_members, ddof=1) / np.sqrt(30)
            assert row["gain_standard_error"] == pytest.approx(error)
            if orders > 1:
                assert row["gain_order_sd"] == pytest.approx(np.std(of_orders, ddof=1))
    missing = table[["gain", "gain_standard_error", "gain_order_sd"]].isna()
    assert missing.loc[0].all()
    assert missing.loc[1:, "gain_order_sd"].eq(orders == 1).all()
    assert not missing.loc[1:, "gain"].any()
    assert not table["note"].any()


def test_a_law_without_density_is_named_and_left_out():
    matrices = np.random.default_rng(3).normal(size=(10, 4, 9))
    table = compare(matrices, "columns", 5, RNG).set_index("law")
    assert "8 members are too few for 9 labels" in table.loc["one-sided", "note"]
    missing = table.drop(columns=["than", "note"]).isna()
    assert missing.loc["one-sided"].tolist() == [False, *[True] * 5]
    assert missing.columns[missing.loc["bipartite"]].tolist() == ["gain_order_sd"]
    assert table.loc[["i.i.d.", "bipartite"], "note"].tolist() == ["", ""]
    # One degenerate fold is enough: without the last member all others are equal.
    matrices = np.ones((3, 4, 4))
    matrices[2] += np.random.default_rng(4).normal(size=(4, 4))
    result = held_out(matrices, None, np.arange(3)[None])["i.i.d."]
    assert np.isnan(result.log_likelihood).all()
    assert result.note == "the variance of the entries is singular (0): the law has no density"
    table = compare(matrices, None, 3, RNG)
    assert table[["log_likelihood", "standard_error", "gain"]].isna().all(axis=None)
    assert "the grand total is singular" in table["note"][1]
    assert "block V0 is singular" in table["note"][2]


def test_superfluous_parameters_lose():
    rng, n = np.random.default_rng(5), 100
    law = Bipartite((5, 5), FIVE)
    tables = [compare(law.sample(n, rng), "rows", 5, rng).set_index("law") for _ in range(40)]
    gains = np.array([table.loc[["diagonal S_D", "one-sided"], "gain"] for table in tables])
    # A true parameter fitted to 80 members costs half a nat / 80, to first order.
    expected = -0.5 / 80 * (np.array([13, 35]) - 5)
    error = gains.std(0, ddof=1) / np.sqrt(len(gains))
    assert (np.abs(gains.mean(0) - expected) < [4, 6] * error + 0.1 * np.abs(expected)).all()
    assert (gains.mean(0) < -5 * error).all()


@pytest.mark.parametrize(("shape", "labelled"), [((4, 6), "rows"), ((6, 4), "columns")])
def test_class_means_show(shape, labelled):
    means = [-0.5, 0, 0.2, 0.6]
    A, B = np.zeros(10), np.eye(4)[np.triu_indices(4)]
    law = OneSided(shape, np.concatenate([means, A, B]), labelled)
    matrices = law.sample(100, np.random.default_rng(6))
    row = compare(matrices, labelled, 5, RNG).set_index("law").loc["one-sided"]
    assert row["gain"] > 5 * row["gain_standard_error"]


def test_errors():
    matrices = np.ones((4, 3, 3))
    for folds in (1, 5):
        with pytest.raises(ValueError, match=f"from 2 to 4 folds for 4 members, found {folds}"):
            compare(matrices, None, folds, RNG)
    with pytest.raises(ValueError, match=r"shape \(n, rows, columns\), found float64 of shape"):
        compare(matrices[0], None, 2, RNG)
    with pytest.raises(ValueError, match="expected 'rows' or 'columns' to be labelled"):
        compare(matrices, "both", 2, RNG)
