"""Whatever a configuration holds: it is a study that can be planned, or one clear error."""

import json
import re
from collections import defaultdict
from copy import deepcopy
from datetime import date, datetime

import h5py
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from support.project import DEFAULT

from weightlaws.planning import specs
from weightlaws.study.study import MOST_SHARDS, Study, StudyError, parse_study, study_to_yaml

SCHEMA = Study.model_json_schema()


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Studies that hold every key, with paths and as a run records them."""
    folder = tmp_path_factory.mktemp("networks")
    with h5py.File(folder / "ensemble.h5", "w") as file:
        file["a"] = np.random.default_rng(0).normal(size=(6, 5, 5))
        file["b"] = file["a"][:, :4]
    arrays = {"a": np.ones((3, 4), np.float32), "b": np.ones((2, 5), np.float32)}
    save_file(arrays, folder / "network.safetensors")
    config = deepcopy(DEFAULT)
    ensemble, network = str(folder / "ensemble.h5"), str(folder / "network.safetensors")
    some = {"include": ["*"], "exclude": ["b"], "state_dict": None}
    config["ensembles"] = [
        {"path": ensemble, "name": "named", **some, "epoch": None, "layout": None}
        | {"layers": {"a": "one"}, "labelled": {"one": "rows"}}
    ]
    config["checkpoints"] = [{"source": network, "name": "alone", **some}, "torchvision:vgg16"]
    config["sweeps"] = config["sweeps"][1:]
    config["snapshots"] = [0, 1, 5, 10, 50]
    config["sweeps"][1].update(output_scales=[None, 4.0], classes=[None, 5])
    config["sweeps"][1].update(learning_rates=[None, 0.01], batch_sizes=[None, 50], vary="grid")
    config["sweeps"][1].update(optimisers=["adam"], activations=["relu"])
    config["sweeps"][1].update(biases=[False, True], label_noise=[0.0, 0.5])
    config["sweeps"][0].update(snapshots=[0, 1, 10], members=50, analyses=["models", "spectra"])
    images = {f"{split}_images": np.zeros((4, 3), np.float32) for split in ("train", "test")}
    labels = {f"{split}_labels": np.arange(4) % 2 for split in ("train", "test")}
    np.savez(folder / "mine.npz", **images, **labels)
    mine = {"path": str(folder / "mine.npz"), "range": [0.0, 1.0], "classes": [1, 0]}
    teacher = {"inputs": 5, "hidden": [4], "classes": 3, "train": 50, "test": 5}
    small = {"hidden": [[5, 5]], "initialisations": ["gaussian"], "weight_decays": [0]}
    own = [{"name": "mine", **mine}, {"name": "taught", "teacher": teacher}]
    config["sweeps"] += [{"dataset": data, **small} for data in own]
    return [config, yaml.safe_load(study_to_yaml(parse_study(config)))]


def places(value, place=()):
    """All places in a configuration: keys and entries of lists, with what they are in."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*place, key)
            yield from places(value[key], (*place, key))


def keys_of(place):
    """A place's keys, with ``*`` for each list that it is in."""
    return tuple("*" if isinstance(key, int) else key for key in place)


def one_of_each(places):
    """The first place of each key: one entry of a list is like another."""
    return {keys_of(place): place for place in reversed([*places])}.values()


def key_paths(schema, path=()):
    """All keys of a JSON schema, with ``*`` for each list that they are in."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].split("/")[-1]]
    for branch in schema.get("anyOf", []):
        yield from key_paths(branch, path)
    if "prefixItems" in schema:
        yield (*path, "*")
    if "items" in schema:
        yield (*path, "*")
        yield from key_paths(schema["items"], (*path, "*"))
    for key, below in schema.get("properties", {}).items():
        yield (*path, key)
        yield from key_paths(below, (*path, key))


def test_every_key_of_the_schema_is_tried(bases):
    found = {
        keys_of(place)
        for place in places(bases[0])
        if len(place) < 2 or place[-2] not in ("layers", "labelled")  # whose keys are names
    }
    assert found == set(key_paths(SCHEMA))


def replaced(config, place, value):
    config = deepcopy(config)
    within = config
    for key in place[:-1]:
        within = within[key]
    within[place[-1]] = value
    return config


def problems(config):
    """Lines of the error of what is no study; none of what is one."""
    try:
        study = parse_study(config)
    except StudyError as error:
        message = str(error)
    else:
        check_study(study)
        return []
    first, *lines, last = message.split("\n")
    assert first == "the configuration is not a study:"
    assert "config.yaml" in last
    assert 1 <= len(lines) <= 21
    for line in lines:
        assert line.isprintable()
        assert len(line) < 1100
        assert "Input should" not in line
        if not re.fullmatch(r"  and \d+ more", line):
            assert re.match(r"  \S.*: .*found .*expected ", line), line
    return lines


def check_study(study):
    """A study can be planned, recorded and written below its folder of results."""
    networks = {**study.conditions, **study.with_spectra}
    assert len(networks) <= 3000
    assert sum(-(-each.members // study.shard_size) for each in networks.values()) <= MOST_SHARDS
    assert read_back(study) == study
    for name in (study.name, *networks):
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", name)
    code = defaultdict(lambda: "digest")
    every = [specs.members_spec(study, code), specs.distance_spec(study, code)]
    every += [specs.findings_spec(study, code), specs.gallery_spec(study, code)]
    every += [specs.spectra_spec(study, each, code) for each in study.with_spectra.values()]
    for spec in every:
        assert json.loads(json.dumps(spec, allow_nan=False)) == spec


def read_back(study):
    return parse_study(yaml.safe_load(study_to_yaml(study)))


# Values that no key takes.
NEVER = {
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": -float("inf"),
    "10^4000": 10**4000,
    "-10^400": -(10**400),
    "bytes": b"default",
    "set": {"a", "b"},
    "a key that is a number": {1: 2},
    "a key that is nothing": {None: 2},
    "long list": [0.5] * 1001,
    "a list of lists": [[[[1]]]],
    "an unknown key": {"__class__": "Study"},
}
# Values that some keys take.
SELDOM = [
    *(None, True, False, 0, 1, -1, 2, 10**30, -(10**30), 2**63, 2**63 - 1, 65_536, 10**6),
    *(0.0, -0.0, 0.5, 1.0, -1.5, 5e-324, 1e-7, 1e308),
    *("", " ", ".", "..", "../x", "/etc/passwd", "a/b", "~", "con", "x.", ".x", "-x", "$HOME"),
    *("1e-3", "null", "auto", "numba", "мир", "שלום", "e\u0301", "🙂", "default", "x" * 201),
    *("torchvision:", "torchvision:../x", "torchvision:" + "x" * 300, "x" * 300 + ".h5"),
    *("config.yaml", "/", "/dev/null", "src", "{condition}", "%s"),
    *([], [[]], [None], [0], [-1], [""], [10**6], {}, {"a": {}}, date(2026, 11, 22)),
    datetime(2026, 11, 22, 10, 30),
]


def key_of(line):
    return line.strip().split(":")[0].split(",")[0]


def names_place(lines, place):
    """Whether a line is about this key, what it is in or what is in it."""
    asked = [*map(str, place)]
    keys = [key.split(".") for key in map(key_of, lines)]
    return any(key[: len(asked)] == asked[: len(key)] for key in keys)


@pytest.mark.parametrize("value", NEVER.values(), ids=NEVER)
def test_what_no_key_takes_is_refused_by_the_key(bases, value):
    for base in bases:
        for place in [*places(base), ("colour",), ("figures", "dpi")]:
            lines = problems(replaced(base, place, value))
            assert names_place(lines, place), (place, lines)


def test_any_value_at_any_key_makes_a_study_or_an_error(bases):
    counts = {True: 0, False: 0}
    records = [place for place in places(bases[1]) if place[0] in ("ensembles", "checkpoints")]
    for base, where in zip(bases, (places(bases[0]), records), strict=True):
        for place in one_of_each(where):
            for value in SELDOM:
                counts[problems(replaced(base, place, value)) == []] += 1
    assert min(counts.values()) > 100


# Without these a sweep is another one, which may not agree with the rest.
OPTIONAL = ("members", "snapshots", "analyses")


def test_keys_may_be_missing_or_come_twice(bases):
    for base in bases:
        for *within, last in one_of_each(places(base)):
            config = deepcopy(base)
            inside = config
            for key in within:
                inside = inside[key]
            if isinstance(inside, list):
                inside.append(inside[last])
                problems(config)
                inside.pop()
            del inside[last]
            lines = problems(config)
            if isinstance(inside, dict) and lines:
                assert names_place(lines, (*within, last)) or last in OPTIONAL


TEXT = st.text(max_size=8) | st.sampled_from([v for v in SELDOM if isinstance(v, str)])
VALUES = st.recursive(
    st.sampled_from([*NEVER]).map(lambda name: NEVER[name])
    | st.sampled_from(SELDOM)
    | st.integers()
    | st.floats()
    | st.binary(max_size=4)
    | st.dates()
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.data())
def test_several_changes_make_a_study_or_an_error(bases, data):
    config = data.draw(st.sampled_from(bases))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from([*places(config)]))
        config = replaced(config, place, data.draw(VALUES))
        if data.draw(st.booleans()):
            config[data.draw(TEXT)] = data.draw(VALUES)
    problems(config)


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_any_mapping_is_an_error(config):
    assert problems(config)


def sweep(**changes):
    return {**DEFAULT["sweeps"][0], **changes}


FEW = {"initialisations": ["gaussian"], "weight_decays": [0]}
GRID = {"weight_decays": [k / 1000 for k in range(1000)]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"members": 10**6, "shard_size": 1}, "shard_size: found 1, which makes 6,000,030 shards"),
        (
            {
                "sweeps": [
                    sweep(**GRID, initialisations=["gaussian"] * 1000, hidden=[[9, 9]] * 1000)
                ]
            },
            "sweeps: found 1,000,000,000 combinations .* expected at most 1,000 in all",
        ),
        ({"sweeps": [sweep(**GRID)]}, "sweeps: found 2,000 combinations"),
        ({"sweeps": [sweep()] * 10**5}, "sweeps: found .* expected at most 1000 of them|values"),
        (
            {"epochs": 100_000, "snapshots": "all", "shard_size": 1},
            "snapshots: found 150,604,600 epochs .* at most 10,000,000; .* or raise shard_size",
        ),
        ({"snapshots": [1] * 10**4 + [2]}, "snapshots: found .* expected .*at most 10000 of them"),
        ({"checkpoints": ["torchvision:vgg16"] * 10**5}, "checkpoints: .* at most 1000 of them"),
        ({"ensembles": ["none.h5"] * 1000}, "and 980 more"),
        ({"sweeps": [sweep(hidden=[[10] * 101])]}, "sweeps.0.hidden.0: .* at most 100 of them"),
        ({"sweeps": [sweep(hidden=[[10] * 90])]}, "sweeps: .* of the name .* at most 200 char"),
        ({"sweeps": [sweep(hidden=[[65_537] * 2])]}, "hidden.0.0: found 65537, .* at most 65536"),
    ],
)
def test_what_is_too_large_to_plan_is_refused(changes, words):
    assert re.search(words, "\n".join(problems({**DEFAULT, **changes})))


def test_ten_times_the_published_studies_can_be_planned():
    """Twenty conditions of 10,000 members, in 2000 and in 8000 shards."""
    grid = [sweep(hidden=[[10, 10], [20, 20], [30, 30], [40, 40], [50, 50]])]
    for shard_size in (100, 25):
        config = {**DEFAULT, "members": 10_000, "shard_size": shard_size, "sweeps": grid}
        assert problems(config) == []


def test_the_shard_size_that_is_proposed_is_enough():
    config = {
        **DEFAULT,
        "shard_size": 1,
        "sweeps": [sweep(**FEW), sweep(members=7, hidden=[[9, 9]])],
    }
    exact = {**config, "members": MOST_SHARDS - 4 * 7}
    assert problems(exact) == []
    (line,) = problems({**exact, "members": exact["members"] + 1})
    assert "makes 20,001 shards" in line
    for members in (exact["members"] + 1, 10**6):
        (line,) = problems({**config, "members": members})
        proposed = int(re.search(r"raise it, to (\d+) say", line)[1])
        assert problems({**config, "members": members, "shard_size": proposed}) == []


def networks_of_names(folder, *names):
    """Sources of single networks whose files have these names."""
    paths = [folder / f"{name}.h5" for name in names]
    for path in paths:
        with h5py.File(path, "w") as file:
            file["a"] = np.ones((3, 4))
    return [str(path) for path in paths]


@pytest.mark.parametrize(
    "name", ["a b", "-x", "..x", "x..", "x;rm", "$(x)", "{x}", "*", "x%2F..", "\\x", "é", "x" * 240]
)
def test_names_of_files_make_names_of_results_or_are_refused(tmp_path, name):
    problems({**DEFAULT, "checkpoints": networks_of_names(tmp_path, name)})


@pytest.mark.parametrize(
    ("names", "owner"),
    [
        (["x", "x.ranks"], "x.h5"),
        (["x.curves", "x"], "x.h5"),
        (["y", "y.curves"], "y.h5"),
        (["digits-10x10-gaussian-decay0.parameters"], "a condition of sweeps"),
        (["digits-10x10"], "the architecture digits-10x10"),
        (["digits-10x10.curves"], "the architecture digits-10x10"),
        (["invariants.svg"], "the whole study"),
        (["across.pdf"], "the whole study"),
        (["rank_by_classes.svg"], "the whole study"),
    ],
)
def test_names_that_results_of_others_have_are_refused(tmp_path, names, owner):
    (line,) = problems({**DEFAULT, "checkpoints": networks_of_names(tmp_path, *names)})
    assert re.search(rf"by which results of .*{owner} are named, expected another name", line)


def test_names_that_only_look_alike_are_taken(tmp_path):
    names = ["x.rank", "x", "x-2", "ranks", "digits-10x1"]
    assert problems({**DEFAULT, "checkpoints": networks_of_names(tmp_path, *names)}) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "/etc", "x\n", "x" * 201])
@pytest.mark.parametrize("kind", ["ensembles", "checkpoints"])
def test_records_cannot_name_other_folders(bases, kind, name):
    record = {**bases[1][kind][0], "name": name}
    (line,) = problems({**bases[1], kind: [record]})
    assert key_of(line) == f"{kind}.0.name"
