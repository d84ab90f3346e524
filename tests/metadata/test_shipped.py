"""The tables that come with warmnas: small, from the plans in the repository, and without what is held out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench import WarmnasError, benchmarks, open_benchmark
from warmnas.metadata import shipped
from warmnas.metadata.experiments import read_plan
from warmnas.metadata.experiments import shipped as plans
from warmnas.metadata.tasks import HELD_OUT
from warmnas.metadata.tasks.reading import read
from warmnas.metadata.tasks.spec import parse

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "images"
NAMES = sorted(path.stem for path in shipped.folder().glob("*.h5"))


def test_every_file_is_registered_and_small():
    sizes = [path.stat().st_size for path in shipped.folder().glob("*.h5")]
    assert set(NAMES) <= set(benchmarks)
    assert max(sizes, default=0) <= 8e6
    assert sum(sizes) <= 12e6


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_what_its_plan_says(name):
    table, plan = open_benchmark(name), read_plan(name)
    assert table.name == name
    assert table.space.name == plan.space
    said = {parse(choice.task).base + parse(choice.task).brackets for choice in plan.tasks}
    assert set(table.tasks) <= said
    recipe = {key: value for key, value in asdict(plan.recipe).items() if key != "train_size"}
    written = json.loads(table.data.attrs["recipe"])
    assert {key: recipe[key] for key in written} == written
    sizes = json.loads(table.data.attrs["sizes"])
    for choice in plan.tasks:
        size, name_of = choice.train_size or plan.recipe.train_size, parse(choice.task).base + parse(choice.task).brackets
        if name_of in sizes:
            assert sizes[name_of]["train"] <= size
    for split in ("val", "test"):
        values = table.data[f"{split}_accuracy"].values
        assert np.nanmin(values) >= 0
        assert np.nanmax(values) <= 100
    assert all(table.has(task, split) for task in table.tasks for split in ("train", "val", "test"))


@pytest.mark.parametrize("name", sorted(plans()))
def test_no_plan_has_what_is_held_out(name):
    for choice in read_plan(name).tasks:
        assert parse(choice.task).base not in HELD_OUT


@pytest.mark.parametrize("name", NAMES)
def test_no_table_has_what_is_held_out(name):
    table = open_benchmark(name)
    families = {table.family(task) for task in table.tasks} | {task.partition("[")[0] for task in table.tasks}
    assert not families & set(HELD_OUT)
    assert not any(held.replace("-", "") in json.dumps(table.info()).replace("-", "").lower() for held in HELD_OUT)


def test_no_image_that_is_held_out_is_in_a_plan(monkeypatch):
    if not SHARED.is_dir():
        pytest.skip("needs the images that are held out")
    monkeypatch.setenv("WARMNAS_DATA", str(SHARED))
    held = {name: _digests(name) for name in HELD_OUT}
    assert held["flowers17"]
    assert held["spoken-digits"]
    bases = {parse(choice.task).base for name in plans() for choice in read_plan(name).tasks}
    seen = {base: _digests(base) for base in bases}
    assert seen["digits"]
    assert seen["cifar10"]
    for images in held.values():
        assert not any(images & others for others in seen.values())


def _digests(name: str) -> set[bytes]:
    """Hashes of the images of a set, empty where it is not installed here."""
    try:
        return set(read(name, None)[0].digests)
    except WarmnasError:
        return set()


def test_meta_training_and_held_out_classes_have_none_in_common():
    sides: dict[str, set[int]] = {"1-4": set(), "5": set()}
    for choice in read_plan("subsets-v1").tasks:
        asked = parse(choice.task)
        if asked.base != "cifar100":
            continue
        chosen = asked.choose("cifar100", 100)
        assert len(chosen) == 10
        sides["5" if asked.part == (5, 5) else "1-4"] |= set(chosen.tolist())
    assert not sides["1-4"] & sides["5"]
    parts = [set(parse(f"cifar100[seed=0,part={i},of=5]").choose("cifar100", 100).tolist()) for i in range(1, 6)]
    assert sides["5"] <= parts[4]
    assert sorted(x for part in parts for x in part) == list(range(100))
