"""What is torch's own; `test_training.py` has what holds for every engine."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from weightlaws.errors import WeightLawsError
from weightlaws.training import torch_engine, torch_kernels
from weightlaws.training.engine import Engine, Networks, Recipe
from weightlaws.training.networks import initial_weights, layer_shapes
from weightlaws.training.torch_engine import TorchEngine

NEEDS_CUDA = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no CUDA device on this machine"
)
DEVICES = ["cpu", pytest.param("cuda", marks=NEEDS_CUDA)]
RECIPE = Recipe(batch_size=100, learning_rate=1e-3, weight_decay=0.01)
SCALED = Recipe(batch_size=100, learning_rate=1e-3, weight_decay=0.0, output_scale=4.0)


@pytest.fixture(scope="module")
def splits(digits):
    """1050 and 500 of the digits: 11 steps an epoch, the last one on 50 images."""
    rng = np.random.default_rng(0)
    chosen = {"train": 1050, "test": 500}
    result = {}
    for split, n in chosen.items():
        order = rng.permutation(len(digits[f"{split}_labels"]))[:n]
        result |= {f"{split}_{k}": digits[f"{split}_{k}"][order] for k in ("images", "labels")}
    return result


def networks_of(members, hidden=(10, 10)):
    shapes = layer_shapes(784, hidden, 10)
    drawn = [initial_weights(shapes, "gaussian", np.random.default_rng([1, m])) for m in members]
    weights = np.stack([np.concatenate([w.ravel() for w in one.values()]) for one in drawn])
    return Networks(shapes, weights, np.zeros_like(weights), np.zeros_like(weights), 0)


def shuffles_of(members, images, epochs=0):
    result = [np.random.default_rng([2, member]) for member in members]
    for rng in result:
        for _ in range(epochs):
            rng.permutation(images)
    return result


def engine_of(splits, members, device="cpu", recipe=RECIPE, hidden=(10, 10), **options):
    shuffles = shuffles_of(members, len(splits["train_labels"]))
    device = torch.device(device)
    return TorchEngine(
        splits, networks_of(members, hidden), shuffles, recipe, device=device, **options
    )


def assert_same(networks, expected):
    """Bitwise, so that NaN is NaN."""
    for name in ("weights", "first_moment", "second_moment"):
        np.testing.assert_array_equal(getattr(networks, name), getattr(expected, name))
    assert networks.steps == expected.steps


def distances(weights, expected):
    """Of each member, relative to its norm."""
    return np.linalg.norm(weights - expected, axis=1) / np.linalg.norm(expected, axis=1)


@pytest.mark.parametrize("device", DEVICES)
def test_the_same_call_gives_the_same_bits(splits, device):
    runs = [engine_of(splits, range(3), device) for _ in range(2)]
    np.testing.assert_array_equal(*[run.train_epoch() for run in runs])
    assert_same(*[run.networks() for run in runs])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("recipe", [RECIPE, SCALED])
def test_chunks_are_shards_of_their_own_and_differ_from_one_chunk_by_rounding(
    splits, device, recipe
):
    one = engine_of(splits, range(8), device, recipe)
    needed = torch_engine._bytes_per_member(layer_shapes(784, (10, 10), 10), recipe, 1050, 784)
    cut = engine_of(splits, range(8), device, recipe, memory=4 * needed)
    alone = [engine_of(splits, members, device, recipe) for members in (range(4), range(4, 8))]
    assert [len(engine._chunks) for engine in (one, cut, *alone)] == [1, 2, 1, 1]
    losses = [engine.train_epoch() for engine in (one, cut, *alone)]
    np.testing.assert_array_equal(losses[1], np.concatenate(losses[2:]))
    weights = [engine.networks().weights for engine in (one, cut, *alone)]
    np.testing.assert_array_equal(weights[1], np.concatenate(weights[2:]))
    assert np.median(distances(weights[1], weights[0])) < 1e-6
    assert len(engine_of(splits, range(8), device, memory=0)._chunks) == 8


def test_chunks_are_as_equal_as_can_be():
    for n_members, most, sizes in [(8, 4, [4, 4]), (7, 3, [2, 2, 3]), (5, 9, [5]), (3, 1, [1] * 3)]:
        slices = torch_engine._slices(n_members, most)
        assert [cut.stop - cut.start for cut in slices] == sizes
        assert np.concatenate([np.arange(8)[cut] for cut in slices]).tolist() == [*range(n_members)]


@NEEDS_CUDA
@pytest.mark.parametrize("recipe", [RECIPE, SCALED])
def test_chunks_keep_to_their_memory(splits, recipe):
    memory = 8 * 2**20
    engine = engine_of(splits, range(100), "cuda", recipe, memory=memory)
    engine.train_epoch()  # once, for what the libraries keep
    for work in (engine.train_epoch, engine.assess):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        assert torch.cuda.max_memory_allocated() - before <= memory


@pytest.mark.parametrize("threads", [1, 3])
def test_orders_are_drawn_from_copies_whatever_the_threads(splits, threads):
    shuffles = shuffles_of(range(6), 1050)
    engine = TorchEngine(
        splits,
        networks_of(range(6)),
        shuffles,
        RECIPE,
        device=torch.device("cpu"),
        threads=threads,
    )
    expected = shuffles_of(range(6), 1050)
    for _ in range(3):
        for row in engine._drawing:
            row.result()
        drawn = engine._orders.numpy()
        np.testing.assert_array_equal(drawn, [rng.permutation(1050) for rng in expected])
        engine._start_drawing()
    assert [rng.random() for rng in shuffles] == [
        rng.random() for rng in shuffles_of(range(6), 1050)
    ]
    assert torch.get_num_threads() == threads
    torch.set_num_threads(1)


@pytest.mark.parametrize("recipe", [RECIPE, SCALED])
def test_the_host_waits_for_nothing_within_an_epoch(splits, recipe, monkeypatch):
    """What would read a tensor's values is taken away from the loop over batches."""
    train = torch_engine.train
    engine = engine_of(splits, range(2), recipe=recipe)

    def refuse(*_):
        raise AssertionError("the host reads a tensor")

    def watched(*arguments):
        with monkeypatch.context() as patch:
            for name in ("item", "tolist", "cpu", "numpy", "nonzero", "__bool__", "__float__"):
                patch.setattr(torch.Tensor, name, refuse)
            return train(*arguments)

    monkeypatch.setattr(torch_engine, "train", watched)
    assert np.isfinite(engine.train_epoch()).all()


@NEEDS_CUDA
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("recipe", [RECIPE, SCALED])
def test_cuda_sees_no_synchronisation_within_an_epoch(splits, recipe, monkeypatch):
    train = torch_engine.train

    def watched(*arguments):
        torch.cuda.set_sync_debug_mode("error")
        try:
            return train(*arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(torch_engine, "train", watched)
    engine = engine_of(splits, range(4), "cuda", recipe, memory=2**20)
    assert len(engine._chunks) > 1
    for _ in range(2):
        assert np.isfinite(engine.train_epoch()).all()


@pytest.mark.parametrize("device", DEVICES)
def test_pixels_are_scaled_with_the_published_rounding(device):
    pixels = torch.arange(256, dtype=torch.uint8)
    published = (pixels.float() / 255 - 0.5) / 0.5
    scaled = torch_kernels.scale_pixels(pixels.to(device), torch.empty(256, device=device))
    assert torch.equal(scaled.cpu(), published)


@pytest.mark.parametrize("device", DEVICES)
def test_products_are_of_full_float32(splits, device):
    torch.set_float32_matmul_precision("medium")
    engine_of(splits, [0], device)
    assert torch.get_float32_matmul_precision() == "highest"
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    left, right = torch.randn(2, 3, 200, 200, dtype=torch.float64).to(device)
    product = torch.bmm(left.float(), right.float())
    # Reduced precision has 10 bits or fewer: 1e-4 at least.
    assert (product - left @ right).norm() / (left @ right).norm() < 1e-6


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("memory", [None, 10**5])
def test_evaluation_is_that_of_the_networks(splits, device, memory):
    networks = networks_of(range(4))
    matrices = [*networks.layers().values()]
    matrices[-1][1] = 0
    matrices[0][2] = 0
    matrices[1][3, 0, 0] = np.inf
    engine = TorchEngine(
        splits,
        networks,
        shuffles_of(range(4), 1050),
        RECIPE,
        device=torch.device(device),
        memory=memory,
    )
    evaluations = []
    for _ in range(4):
        found = engine.assess()
        evaluations.append(found)
        assert found.finite.tolist() == [True, True, True, False]
        for place in range(3):
            activation = splits["test_images"].reshape(500, -1) / 127.5 - 1
            for layer, values in engine.networks().layers().items():
                activation = activation @ values[place].T.astype(np.float64)
                if layer != "hidden2-output":
                    activation = np.maximum(activation, 0)
            accuracy = (activation.argmax(axis=1) == splits["test_labels"]).mean()
            # Float32 against float64: one of the 500 images may be so close to a tie.
            assert found.accuracy[place] == pytest.approx(accuracy, abs=1 / 500)
            assert found.dead_output[place] == (activation == 0).all()
        engine.train_epoch()
    # An output layer of zeros learns at once, an input layer of zeros never.
    assert evaluations[0].dead_output[:3].tolist() == [False, True, True]
    assert evaluations[-1].dead_output[:3].tolist() == [False, False, True]
    assert found.accuracy[0] > 0.3


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_a_member_that_diverges_harms_no_other(splits, device, bad):
    good = engine_of(splits, range(3), device)
    networks = networks_of(range(3))
    networks.layers()["hidden1-hidden2"][1, 0] = bad
    other = TorchEngine(
        splits, networks, shuffles_of(range(3), 1050), RECIPE, device=torch.device(device)
    )
    losses = np.array([[engine.train_epoch() for _ in range(2)] for engine in (good, other)])
    np.testing.assert_array_equal(losses[0][:, [0, 2]], losses[1][:, [0, 2]])
    np.testing.assert_array_equal(good.networks().weights[[0, 2]], other.networks().weights[[0, 2]])
    found = other.assess()
    assert found.finite.tolist() == [True, False, True]
    np.testing.assert_array_equal(found.accuracy[[0, 2]], good.assess().accuracy[[0, 2]])


def test_too_little_memory_is_told(splits, monkeypatch):
    def refuse(*_, **__):
        raise torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 3.00 GiB. GPU 0 has a total capacity of 79.15 "
            "GiB of which 1.50 GiB is free. Process 1 has 77.00 GiB memory in use."
        )

    message = (
        r"memory of cpu: found too little for 7 members, expected room for .*; choose a smaller "
        r"shard_size \(torch: CUDA out of memory. Tried to allocate 3.00 GiB. GPU 0 has a total "
        r"capacity of 79.15 GiB of which 1.50 GiB is free\)"
    )
    engine = engine_of(splits, range(7))
    with monkeypatch.context() as patch, pytest.raises(WeightLawsError, match=message):
        patch.setattr(torch, "tensor", refuse)
        engine_of(splits, range(7))
    monkeypatch.setattr(torch, "matmul", refuse)
    for work in (engine.train_epoch, engine.assess):
        with pytest.raises(WeightLawsError, match=message):
            work()


@pytest.mark.parametrize("device", DEVICES)
def test_it_is_an_engine_and_says_what_it_runs_on(splits, device):
    engine: Engine = engine_of(splits, [0], device)
    name = "cpu" if device == "cpu" else torch.cuda.get_device_name(0)
    assert engine.description == {
        "engine": "torch",
        "device": name,
        "torch": torch.__version__,
    }


def test_arrays_that_cannot_be_written_are_fine(splits):
    networks = networks_of(range(2))
    zeros = np.broadcast_to(np.float32(0), networks.weights.shape)
    networks = replace(networks, first_moment=zeros, second_moment=zeros)
    splits = {name: values.copy() for name, values in splits.items()}
    for array in (networks.weights, *splits.values()):
        array.flags.writeable = False
    engine = TorchEngine(
        splits, networks, shuffles_of(range(2), 1050), RECIPE, device=torch.device("cpu")
    )
    assert np.isfinite(engine.train_epoch()).all()
