"""A study of other choices than the published ones, on images of one's own and of a teacher."""

import numpy as np
import pytest
from support.mini_study import sources

import weightlaws
from weightlaws.training.dataset import load_dataset

RECIPE = "coarse-5x5-gaussian-decay0-sgd-tanh-biases-noise0.5"
SWEEPS = [
    {
        "dataset": {"name": "coarse", "path": "coarse.npz", "range": [0, 255]},
        "hidden": [[5, 5]],
        "initialisations": ["gaussian"],
        "weight_decays": [0],
        "optimisers": ["sgd"],
        "activations": ["tanh"],
        "batch_sizes": [None, 50],
        "learning_rates": [None, 0.0005],
        "biases": [True],
        "label_noise": [0.5],
        "vary": "together",
    },
    {
        "dataset": {
            "name": "taught",
            "teacher": {"inputs": 10, "hidden": [5], "classes": 2, "train": 500, "test": 100},
        },
        "hidden": [[4, 4]],
        "initialisations": ["orthogonal"],
        "weight_decays": [0.1],
        "optimisers": ["adamw"],
        "activations": ["gelu"],
    },
]


@pytest.fixture(scope="module")
def choices(tmp_path_factory):
    """The project after a study of these choices has run to its end."""
    project = sources(tmp_path_factory.mktemp("choices") / "project")
    digits = load_dataset("digits", project.folder)
    images = {
        name: values[:, 0, ::4, ::4].astype(np.float64)
        for name, values in digits.items()
        if name.endswith("images")
    }
    labels = {name: values for name, values in digits.items() if name.endswith("labels")}
    np.savez(project.folder / "coarse.npz", **images, **labels)
    project.configure(sweeps=SWEEPS)
    project.run()
    return project


def test_tables_say_how_networks_were_trained(choices):
    table = weightlaws.load(choices.folder / "results/mini").conditions.set_index("condition")
    half = RECIPE.replace("-biases", "-rate0.0005-batch50-biases")
    assert list(table.index) == [RECIPE, half, "taught-4x4-orthogonal-decay0.1-adamw-gelu"]
    assert table.loc[half, "learning_rate"] == 0.0005
    assert table["batch_size"].tolist() == [100, 50, 100]
    assert table["biases"].tolist() == [True, True, False]
    assert table["label_noise"].tolist() == [0.5, 0.5, 0]
    assert table["activation"].tolist() == ["tanh", "tanh", "gelu"]


def test_rates_and_batch_sizes_are_compared(choices):
    results = weightlaws.load(choices.folder / "results/mini")
    table = results.noise_scale
    assert set(table["recipe"]) == {RECIPE}
    assert (table["pairs"] == 1).all()
    # Both have one learning rate over batch size.
    assert set(table["same"]) == {"rate / batch"}
    assert (results.folder / f"figures/{RECIPE}/noise_scale.svg").is_file()


def test_networks_with_biases_are_not_drawn_and_others_are(choices):
    drawn = weightlaws.load(choices.folder / "results/mini").drawn_networks
    assert set(drawn["condition"]) == {"taught-4x4-orthogonal-decay0.1-adamw-gelu"}


def test_a_dependent_start_has_no_distance_from_its_law(choices):
    distances = weightlaws.load(choices.folder / "results/mini").distances
    mine = distances[distances["condition"].str.startswith("taught")]
    assert set(mine["reference"]) == {"start"}
