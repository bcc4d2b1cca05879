"""Damaged and hostile files of every format: a valid answer or one clear error, and nothing is run.

Each example changes some bytes of a small file, or cuts it off, or puts bytes in. Archives are
changed within their records as well, with checksums made anew, so that what is changed is read.
"""

import io
import json
import warnings
import zipfile

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from support.weight_files import Bomb, numbers, random

from weightlaws.errors import WeightLawsError
from weightlaws.external.formats import detect

STATE = {"a.weight": random(4, 3), "b": random(3).to(torch.bfloat16), "c": random(2, 2).T}
BESIDE = {"epoch": 3, "best": np.float64(1.0), "optimizer": {"state": {0: {"x": random(2, 2)}}}}


def torch_saved(value, **options):
    content = io.BytesIO()
    torch.save(value, content, **options)
    return content.getvalue()


def scripted():
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripts are deprecated
        torch.jit.save(torch.jit.script(torch.nn.Sequential(torch.nn.Conv2d(2, 2, 1))), content)
    return content.getvalue()


def hdf5(write):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file)
    return content.getvalue()


def plain(file):
    file["a/weight"] = numbers(4, 3)
    file.create_dataset("b", data=numbers(4, 3), compression="gzip", fletcher32=True)


def keras2(file):
    layer = {"class_name": "Conv2DTranspose", "config": {"name": "up", "groups": 1}}
    config = {"class_name": "Functional", "config": {"layers": [layer]}}
    file.attrs["model_config"] = json.dumps(config)
    file["model_weights/up/up/kernel:0"] = numbers(2, 2, 3, 2)
    file["optimizer_weights/m:0"] = numbers(2, 2)


def keras3(file):
    file.create_group("layers/dense/vars").attrs["name"] = "fc"
    file["layers/dense/vars/0"] = numbers(4, 3)


def packed(records):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, record in records.items():
            archive.writestr(name, record)
    return content.getvalue()


def records(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def keras_archive():
    layers = [{"class_name": "Dense", "config": {"name": "fc"}}]
    config = {"class_name": "Functional", "config": {"layers": layers}}
    return packed(
        {
            "metadata.json": b"{}",
            "config.json": json.dumps(config).encode(),
            "model.weights.h5": hdf5(keras3),
        }
    )


def saved(save_arrays, *arrays, **named):
    content = io.BytesIO()
    save_arrays(content, *arrays, **named)
    return content.getvalue()


LEGACY = {"_use_new_zipfile_serialization": False}
FILES = {
    "safetensors": save({**STATE, "c": random(2, 2)}),
    "torch": torch_saved({"model": STATE, **BESIDE}),
    "torch protocol 5": torch_saved({"model": STATE, **BESIDE}, pickle_protocol=5),
    "torch legacy": torch_saved({"model": STATE, **BESIDE}, **LEGACY),
    "torch module": torch_saved(torch.nn.Sequential(torch.nn.Linear(3, 2))),
    "torchscript": scripted(),
    "hdf5": hdf5(plain),
    "keras 2": hdf5(keras2),
    "keras 3": hdf5(keras3),
    "keras archive": keras_archive(),
    "npz": saved(np.savez_compressed, a=numbers(4, 3), b=numbers(2)),
    "npy": saved(np.save, numbers(4, 3)),
}
ARCHIVES = [name for name, content in FILES.items() if content.startswith(b"PK")]


def changed(content, changes):
    """Change a file: at a place (as a share of its length) a byte, a cut or bytes put in."""
    for share, kind, value in changes:
        place = int(share * len(content))
        if kind == "cut":
            content = content[:place]
        elif kind == "put":
            content = content[:place] + bytes(value) + content[place:]
        else:
            content = content[:place] + bytes(value[:1]) + content[place + 1 :]
    return content


CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["byte", "byte", "byte", "byte", "put", "cut"]),
        st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=5,
)


def check(path):
    """Read all that a file holds: it is there as it is described, or one clear error is."""
    message = error_of(open_and_read, path)
    if message is not None:
        assert "\n" not in message
        assert str(path) in message
        assert "weights_only" not in message


def error_of(read, *arguments):
    try:
        read(*arguments)
    except WeightLawsError as error:
        return str(error)


def open_and_read(path):
    detect.check_file(path)
    with detect.opened(path, headers_only=True):
        pass
    with detect.opened(path, headers_only=False) as parameters:
        for parameter in parameters:
            if parameter.reason is None:
                error_of(read_one, parameter)


def read_one(parameter):
    values = parameter.read()
    assert tuple(values.shape) == parameter.shape


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "a.bin"


OFTEN = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("name", FILES)
def test_changed_files(file, name):
    file.write_bytes(FILES[name])
    with detect.opened(file, headers_only=False) as parameters:  # unchanged, it is read
        assert any(parameter.reason is None for parameter in parameters)

    @OFTEN
    @given(CHANGES)
    def check_changed(changes):
        file.write_bytes(changed(FILES[name], changes))
        check(file)

    check_changed()


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_are_changed_within(file, name):
    inside = records(FILES[name])

    @OFTEN
    @given(st.sampled_from(sorted(inside)), CHANGES)
    def check_changed(record, changes):
        file.write_bytes(packed({**inside, record: changed(inside[record], changes)}))
        check(file)

    check_changed()


@OFTEN
@given(st.sampled_from(sorted(FILES)), st.binary(max_size=200))
def test_beginnings_that_promise_a_format(file, name, rest):
    file.write_bytes(FILES[name][:16] + rest)
    check(file)


# Instructions of pickles, with what they need in front.
PICKLES = st.lists(
    st.one_of(
        st.sampled_from(
            [bytes([code]) for code in b"()]}.0120abdeoRQstul\x81\x85\x86\x87\x8f\x90\x91\x92\x93"]
        ),
        st.sampled_from(
            [
                b"ctorch._utils\n_rebuild_tensor_v2\n",
                b"ccollections\nOrderedDict\n",
                b"cnumpy.core.multiarray\n_reconstruct\n",
                b"cnumpy\ndtype\n",
                b"ctorch\nFloatStorage\n",
                b"c__torch__.a\nB\n",
                b"X\x07\0\0\0storage",
                b"X\x01\0\0\x000",
            ]
        ),
        st.integers(0, 255).map(lambda n: b"K" + bytes([n])),
        st.integers(0, 9).map(lambda n: b"q" + bytes([n])),
        st.integers(0, 9).map(lambda n: b"h" + bytes([n])),
        st.just(b"r\xff\xff\xff\x7f"),  # a place in memory that is far away
    ),
    max_size=60,
).map(lambda parts: b"\x80\x02" + b"".join(parts) + b".")


@OFTEN
@given(PICKLES)
def test_pickles_of_any_instructions(file, pickle):
    inside = records(FILES["torch"])
    name = next(name for name in inside if name.endswith("data.pkl"))
    for content in (pickle, packed({**inside, name: pickle})):
        file.write_bytes(content)
        check(file)


@pytest.mark.parametrize("options", [{}, LEGACY, {"pickle_protocol": 5}], ids=str)
def test_nothing_in_a_file_is_run(file, tmp_path, options):
    folder = tmp_path / "made"
    whole = torch_saved({"model": STATE, "x": Bomb(folder)}, **options)
    file.write_bytes(whole)
    with pytest.raises(WeightLawsError, match="code to be run"):
        open_and_read(file)

    @OFTEN
    @given(CHANGES)
    def check_changed(changes):
        inside = records(whole) if whole.startswith(b"PK") else None
        if inside is None:
            file.write_bytes(changed(whole, changes))
        else:
            name = next(name for name in inside if name.endswith("data.pkl"))
            file.write_bytes(packed({**inside, name: changed(inside[name], changes)}))
        check(file)
        assert not folder.exists()

    check_changed()
