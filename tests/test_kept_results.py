"""The results in docs/results: whole, as this library writes them, and repeatable."""

import re

import pandas as pd
import pytest
import yaml
from support.project import CODE, DEFAULT, ROOT

from weightlaws.inference.claims_table import COLUMNS
from weightlaws.kept_results import DIGESTS, LARGEST_TABLE
from weightlaws.planning.specs import dataset_spec, training_spec
from weightlaws.storage.hdf5 import create, opened
from weightlaws.storage.shard_digests import member_digests
from weightlaws.storage.shards import read_shard
from weightlaws.storage.tables import read_table
from weightlaws.study.conditions import Shard
from weightlaws.study.study import parse_study
from weightlaws.training.dataset_job import load_images
from weightlaws.training.record import unlike
from weightlaws.training.train_job import train_shard

KEPT = sorted(path.parent for path in (ROOT / "docs/results").glob(f"*/{DIGESTS}"))
LARGEST_FOLDER = 4_000_000
# A network that takes longer is not trained by a test.
SECONDS = 60.0

pytestmark = pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)


def kept_study(folder):
    """The study of the folder; keys that it has no word of have the values of the default study."""
    config = {**DEFAULT}
    for key, value in yaml.safe_load((folder / "study.yaml").read_text()).items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    return parse_study(config, recorded=True)


def test_the_readme_names_all_files_and_no_others(folder):
    page = (folder / "README.md").read_text()
    named = {"README.md", *re.findall(r"\]\(([^)]+)\)", page)}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {str(path.relative_to(folder)) for path in files} == named
    assert sum(path.stat().st_size for path in files) <= LARGEST_FOLDER
    sizes = {path.name: path.stat().st_size for path in files if path.parent.name == "tables"}
    assert {name: size for name, size in sizes.items() if size > LARGEST_TABLE} == {}


def test_claims_have_the_columns_of_the_library_and_stand_in_the_readme(folder):
    claims, page = read_table(folder / "claims.csv"), (folder / "README.md").read_text()
    assert claims.columns.tolist() == [*COLUMNS]
    for _, row in claims.iterrows():
        assert re.search(rf"^\| {row['claim']} \|.*\| {row['verdict']} \|$", page, re.MULTILINE)


def test_every_shard_of_the_study_has_a_digest(folder):
    study, digests = kept_study(folder), pd.read_csv(folder / DIGESTS)
    assert folder.name == study.name
    expected = [
        (name, shard.name)
        for name, networks in study.conditions.items()
        for shard in study.shards(networks)
    ]
    assert [*zip(digests["condition"], digests["shard"], strict=True)] == expected
    for column in ("sha256", "first_member_sha256"):
        assert digests[column].str.fullmatch("[0-9a-f]{64}").all()
        assert digests[column].is_unique


def cheapest(folder, study):
    """The condition whose networks train fastest, and the processor's seconds that one took."""
    cost = read_table(folder / "cost.csv")
    cost = cost[cost["rule"] == "train"].set_index("scope")["cpu_seconds"].fillna(0)
    seconds = {name: cost[name] / one.members for name, one in study.trained.items()}
    name = min(seconds, key=seconds.__getitem__)
    return study.trained[name], seconds[name]


def test_a_network_trained_anew_has_the_kept_digest(folder, mnist_folder, tmp_path):
    study = kept_study(folder)
    condition, seconds = cheapest(folder, study)
    if seconds > SECONDS:
        pytest.skip(f"a network of {condition.name} took {seconds:.0f} s")
    spec, dataset = dataset_spec(study, condition, CODE), tmp_path / "dataset.h5"
    with create(dataset, "dataset", spec) as writer:
        for name, values in load_images(spec, mnist_folder).items():
            writer.add(name, values)
    # The last shard: its members do not rest on those before.
    shard, path = study.shards(condition)[-1], tmp_path / "shard.h5"
    train_shard(
        path,
        training_spec(study, condition, CODE, Shard(shard.first, shard.first)),
        dataset,
        tmp_path / "state.h5",
        engine="numba",
        device="cpu",
        threads=1,
        keep_state=False,
    )
    (found,) = member_digests(read_shard(path))
    digests = pd.read_csv(folder / DIGESTS, index_col=["condition", "shard"])
    expected = digests.loc[(condition.name, shard.name), "first_member_sha256"]
    with opened(path, "weights") as reader:
        here = reader.provenance
    made = yaml.safe_load((folder / "versions.yaml").read_text())["made_with"]["weights"]
    alike = [
        one["numpy"] == here["numpy"] and not unlike(one["trained_by"][-1], here["trained_by"][-1])
        for one in made
    ]
    if found != expected and not all(alike):
        pytest.skip(f"made by {made}, and here is {here}: they round otherwise")
    assert found == expected
