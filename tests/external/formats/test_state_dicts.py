import argparse
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
import torch
from support.weight_files import arrays, parameters, random, reasons, shapes

from weightlaws.errors import WeightLawsError

NETWORK = {"fc.weight": random(6, 4), "fc.bias": random(6)}
SHAPES = {"fc.weight": (6, 4), "fc.bias": (6,)}


def adam():
    """A state of Adam's that has taken a step."""
    model = torch.nn.Linear(4, 6)
    optimiser = torch.optim.Adam(model.parameters())
    model(random(2, 4)).sum().backward()
    optimiser.step()
    return optimiser.state_dict()


def lightning():
    return {
        "epoch": 3,
        "global_step": 100,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": OrderedDict(NETWORK),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {},
        "optimizer_states": [adam()],
        "lr_schedulers": [{"base_lrs": [0.1]}],
        "hyper_parameters": argparse.Namespace(lr=0.1),
    }


FILES = {
    "alone": NETWORK,
    "ordered": OrderedDict(NETWORK),
    "default": defaultdict(list, NETWORK),
    "lightning": lightning(),
    "model": {"epoch": 3, "model": NETWORK, "optimizer": adam()},
    "model_state": {"step": 3, "model_state": NETWORK, "optimizer_state": adam()},
    "deep": {"checkpoint": {"network": {"weights": NETWORK}}},
    "numpy scalars": {"best": np.float64(0.5), "at": np.int64(3), "net": NETWORK},
    "random state": {"rng_state": torch.get_rng_state(), "loss": torch.tensor(1.0), "g": NETWORK},
    "within an object": {"trainer": argparse.Namespace(lr=0.1, weights=NETWORK)},
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_the_only_state_dict_is_taken(tmp_path, content):
    torch.save(content, tmp_path / "a.ckpt")
    assert shapes(tmp_path / "a.ckpt") == SHAPES
    for name, array in arrays(tmp_path / "a.ckpt").items():
        np.testing.assert_array_equal(array, NETWORK[name].numpy())


@pytest.mark.parametrize("name", ["lightning", "model", "model_state"])
def test_an_optimisers_arrays_are_skipped_with_their_reason(tmp_path, name):
    torch.save(FILES[name], tmp_path / "a.ckpt")
    found = reasons(tmp_path / "a.ckpt")
    assert sum(key.endswith("exp_avg") for key in found) == 2
    assert {found[key] for key in found if "exp_avg" in key} == {"an optimiser's state"}


def test_what_is_outside_of_the_state_dict_is_skipped_with_its_reason(tmp_path):
    torch.save({"mean": random(3), "model": NETWORK}, tmp_path / "a.pt")
    assert reasons(tmp_path / "a.pt") == {"mean": "outside of the state dict 'model'"}


GAN = {"generator": NETWORK, "discriminator": {"fc.weight": random(3, 4), "x": random(2, 2)}}


def test_several_state_dicts_are_listed_and_one_is_chosen(tmp_path):
    torch.save({"nets": GAN, "epoch": 3, "optim_g": adam()}, tmp_path / "a.pt")
    message = (
        r"several state dicts: 'nets\.generator' \(1 matrix\), 'nets\.discriminator' "
        r"\(2 matrices\), .*`state_dict: nets\.generator`.*`state_dict: \.`"
    )
    with pytest.raises(WeightLawsError, match=message):
        parameters(tmp_path / "a.pt")
    assert shapes(tmp_path / "a.pt", "nets.generator") == SHAPES
    assert shapes(tmp_path / "a.pt", "nets.discriminator") == {"fc.weight": (3, 4), "x": (2, 2)}
    assert "generator.fc.weight" in shapes(tmp_path / "a.pt", "nets")
    assert "nets.generator.fc.weight" in shapes(tmp_path / "a.pt", ".")
    reason = reasons(tmp_path / "a.pt", "nets.generator")["nets.discriminator.x"]
    assert reason == "outside of the state dict 'nets.generator'"


def test_a_key_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    torch.save(GAN, tmp_path / "a.pt")
    with pytest.raises(WeightLawsError, match=r"no tensors under 'gen', .*'generator' \(1 matrix"):
        parameters(tmp_path / "a.pt", "gen")


def test_a_copy_that_averages_is_another_state_dict(tmp_path):
    torch.save({"state_dict": NETWORK, "state_dict_ema": NETWORK}, tmp_path / "a.pth.tar")
    with pytest.raises(WeightLawsError, match=r"'state_dict' .*'state_dict_ema'"):
        parameters(tmp_path / "a.pth.tar")
    assert shapes(tmp_path / "a.pth.tar", "state_dict_ema") == SHAPES


def test_tensors_beside_a_state_dict_are_one_too(tmp_path):
    torch.save({"table": random(5, 5), "model": NETWORK}, tmp_path / "a.pt")
    with pytest.raises(WeightLawsError, match=r"'\.' \(1 matrix\), 'model' \(1 matrix\)"):
        parameters(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([1, 2], "a list with the keys '0', '1'"),
        ({"epoch": 3, "lr": 0.1}, "a dict with the keys 'epoch', 'lr'"),
        (torch.ones(3), "a Tensor,"),
        (adam(), "a dict with the keys 'state', 'param_groups'"),
    ],
)
def test_a_file_without_a_state_dict_is_refused(tmp_path, content, found):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(WeightLawsError, match=f"found {found}.*a state dict"):
        parameters(tmp_path / "a.pt")


def test_keys_of_other_kinds(tmp_path):
    torch.save(
        {"a": random(3, 3), 3: random(4, 4), (1, "b"): 5, None: random(2)}, tmp_path / "a.pt"
    )
    assert shapes(tmp_path / "a.pt")["a"] == (3, 3)
    assert shapes(tmp_path / "a.pt")["3"] == (4, 4)


def test_a_dictionary_within_itself(tmp_path):
    content = {"a": random(3, 3)}
    content["self"] = content
    torch.save(content, tmp_path / "a.pt")
    assert shapes(tmp_path / "a.pt") == {"a": (3, 3)}


def test_shared_parts_that_multiply_are_refused(tmp_path):
    """Forty lists, each twice in the next, have a million million entries."""
    content = [random(3, 3)]
    for _ in range(40):
        content = [content, content]
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(WeightLawsError, match="more entries than any network has"):
        parameters(tmp_path / "a.pt")
