"""From tables to sets, and the commands that train and judge RapidNAS, on small image sets made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from warmnas.bench import Table, WarmnasError, space
from warmnas.metadata.tasks import open_task
from warmnas.transfer.rapidnas import RapidNAS, checkpoint, described, evaluate, held_out, image_set, train
from warmnas.transfer.rapidnas.described import sets_of
from warmnas.transfer.rapidnas.experience import apart, experience
from warmnas.transfer.rapidnas.lockstep import MetaD2A
from warmnas.transfer.rapidnas.sets import CLASSES, FEATURES, PER_CLASS

CELLS = space("nasbench201")
TOYS = ("toys", "blocks", "dots")
Make = Callable[..., Table]


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three sets of 8 x 8 images that differ in brightness, where tasks are looked for by name."""
    for level, name in enumerate(TOYS):
        rng = np.random.default_rng(level)
        x = rng.integers(0, 60 + 90 * level, size=(48, 8, 8, 3)).astype(np.uint8)
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.arange(48) % 4)
    monkeypatch.setenv("WARMNAS_DATA", str(tmp_path))
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(described, "_known", {})
    return tmp_path


@pytest.fixture
def make(images: Path) -> Make:
    """A table of 20 cells on the three sets, as an experiment store would export it."""

    def table(embedding: bool = False, hashes: dict[str, str] | None = None) -> Table:
        rng = np.random.default_rng(3)
        genotypes = CELLS.from_index(np.sort(rng.choice(CELLS.size, 20, replace=False)))
        known = {name: open_task(name, resolution=8) for name in TOYS}
        keys = {name: (hashes or {}).get(name, task.hash[:12]) for name, task in known.items()}
        attrs = {
            "name": "made",
            "space": CELLS.name,
            "source": "drawn",
            "licence": "none",
            "leave_out": "family",
            "recipe": json.dumps({"resolution": 8}),
            "sizes": json.dumps({name: {"train": len(task.train)} for name, task in known.items()}),
            "splits": json.dumps({name: {"val": f"{key}/val"} for name, key in keys.items()}),
            "metrics": json.dumps(
                {n: {"name": "accuracy", "unit": "percent", "direction": "maximize", "bounds": [0, 100]} for n in TOYS}
            ),
        }
        values = 50 + 5 * (genotypes == 3).sum(axis=1) + rng.normal(size=(3, 20))
        variables = {"val_accuracy": (("task", "architecture"), values, {"units": "percent"})}
        if embedding:
            variables["embedding"] = (("task", "feature"), rng.normal(size=(3, 6)), {"units": "1"})
        coords = {
            "task": list(TOYS),
            "family": ("task", list(TOYS)),
            "name": ("architecture", [CELLS.to_string(g) for g in genotypes]),
            "genotype": (("architecture", "gene"), genotypes),
        }
        return Table(xr.Dataset(variables, coords, attrs))

    return table


def test_the_images_of_a_table_are_found_again_and_remembered(make: Make, images: Path) -> None:
    table = make()
    found = sets_of([described.described(table, task) for task in TOYS])
    for name, one in zip(TOYS, found, strict=True):
        own = image_set(open_task(name, resolution=8))
        np.testing.assert_array_equal(one.features, own.features)
        np.testing.assert_array_equal(one.counts, own.counts)
        assert one.sizes[0] == pytest.approx(np.log10(4))
    assert found[0].features[..., -3].max() < found[2].features[..., -3].mean()  # brightness
    described._known.clear()
    for name in TOYS:
        (images / f"{name}.npz").unlink()
    again = sets_of([described.described(table, task) for task in TOYS])
    np.testing.assert_array_equal(again[1].features, found[1].features)
    described._known.clear()
    for path in (images / "cache").iterdir():  # a damaged cache is no cache
        path.write_bytes(b"damaged")
    with pytest.raises(WarmnasError, match="images of task 'toys' are not here"):
        sets_of([described.described(table, task) for task in TOYS])


def test_other_images_are_refused_and_stored_embeddings_stand_in(make: Make) -> None:
    wrong = {"blocks": "0123456789ab"}
    with pytest.raises(WarmnasError, match=r"images of task 'blocks' here are not those .* no embedding is stored"):
        sets_of([described.described(make(hashes=wrong), task) for task in TOYS])
    stored = make(embedding=True, hashes=wrong)
    entries = [described.described(stored, task) for task in TOYS]
    for one, task in zip(sets_of(entries), TOYS, strict=True):
        row = stored.tasks.index(task)
        np.testing.assert_allclose(one.features[0, 0], stored.data["embedding"].values[row], rtol=1e-6)
    with pytest.raises(WarmnasError, match="'blocks'"):
        sets_of(entries, "images")
    assert sets_of([described.described(make(), "toys")], "images")[0].features.shape[2] == FEATURES
    with pytest.raises(WarmnasError, match="--describe"):
        sets_of([described.described(make(), "toys")], "embedding")
    with pytest.raises(WarmnasError, match="Choices: auto, images, embedding"):
        sets_of(entries, "pixels")


def test_a_set_keeps_a_bounded_number_of_images_of_the_training_part_only(images: Path) -> None:
    rng = np.random.default_rng(9)
    x = rng.integers(0, 256, size=(3000, 8, 8)).astype(np.uint8)
    labels = np.where(np.arange(3000) < 2500, np.arange(3000) % 10, np.arange(3000) % (CLASSES + 20))
    np.savez(images / "many.npz", x_train=x, y_train=labels, x_test=x[:600] ^ 255, y_test=np.arange(600) % (CLASSES + 20))
    task = open_task("many")
    one = image_set(task)
    assert one.features.shape == (CLASSES, PER_CLASS, FEATURES)
    assert one.counts.max() == PER_CLASS
    assert one.sizes.tolist() == pytest.approx(
        [np.log10(CLASSES + 20), np.log10(len(task.train) / (CLASSES + 20))], rel=1e-5
    )


def test_training_goes_on_where_it_was_stopped_to_the_same_weights(make: Make, tmp_path: Path) -> None:
    table = make()

    def model(steps: int) -> RapidNAS:
        return RapidNAS(CELLS, members=1, steps=steps, width=8, code=8)

    class Stopped(Exception):
        pass

    whole = train.train([table], tmp_path / "whole", model(4))

    write = checkpoint.write

    def interrupted(networks: MetaD2A, path: Path, identity: str) -> None:
        write(networks, path, identity)
        if networks.step == 2:
            raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write", interrupted)
        with pytest.raises(Stopped):
            train.train([table], tmp_path / "parts", model(4), every=0.0)
    parts = train.train([table], tmp_path / "parts", model(4))
    assert parts.read_bytes() == whole.read_bytes()
    _, notes = RapidNAS.load(parts)
    assert notes["families"] == sorted(TOYS)
    with pytest.raises(WarmnasError, match="another training"):
        train.train([table], tmp_path / "parts", model(5))
    (tmp_path / "parts" / "squared.state.safetensors").write_bytes(b"broken")
    with pytest.raises(WarmnasError, match="not a checkpoint"):
        train.train([table], tmp_path / "parts", model(4))


def test_families_are_held_out_in_turn_and_the_figures_written(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make().save(tmp_path / "made.h5")
    common = ["--table", str(tmp_path / "made.h5"), "--steps", "1", "--members", "1"]
    assert evaluate.main([*common, "--loss", "rank", "--out", str(tmp_path / "figures.json")]) == 0
    content = json.loads((tmp_path / "figures.json").read_text())
    assert [one["task"] for one in content["each"]] == list(TOYS)
    assert set(content["tau"]) == {"source-ranking", "live-params", "rapidnas-rank", "rapidnas-rank, wrong images"}
    assert all(one["cells"] == one["common"] == 20 for one in content["each"])
    assert content["tau"]["source-ranking"]["common"]["mean"] > 0.5
    assert 0 < content["generated"]["valid"] <= 1
    assert "within 3 held-out tasks" in capsys.readouterr().out
    assert evaluate.main([*common, "--held-out", "nothing-is-called-so"]) == 2
    assert "0 tasks held out" in capsys.readouterr().err
    assert train.main(["--table", str(tmp_path / "absent.h5"), "--out", str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_source_ranks_are_mean_ranks_of_equal_functions(make: Make) -> None:
    table = make()
    known = experience(table, TOYS)
    ranks = held_out.source_ranks(CELLS, known[0].genotypes, known[1:])
    by_hand = np.mean([(-e.values).argsort().argsort() / (len(e.values) - 1) for e in known[1:]], axis=0)
    keys = CELLS.class_keys(known[0].genotypes)
    expected = [by_hand[keys == key].mean() for key in keys]
    np.testing.assert_allclose(ranks, expected)
    assert np.isnan(held_out.source_ranks(CELLS, CELLS.from_string("444444")[None], [])).all()


def test_tasks_that_share_no_class_are_told_by_their_names(make: Make) -> None:
    table = make()
    assert apart(table, "toys", "dots")
    family = pytest.MonkeyPatch()
    family.setattr(Table, "family", lambda self, task: task.partition("[")[0])
    try:
        assert apart(table, "a[seed=0,part=1,of=5]", "a[seed=0,part=2-3,of=5]")
        assert apart(table, "a[seed=0,part=1-4,of=5,draw=7,classes=3]", "a[seed=0,part=5,of=5,draw=1,classes=3]")
        assert not apart(table, "a[seed=0,part=1-4,of=5]", "a[seed=0,part=4,of=5]")
        assert not apart(table, "a[seed=0,part=1,of=5]", "a[seed=1,part=2,of=5]")
        assert not apart(table, "a[seed=0,part=1,of=5]", "a[seed=0,part=2,of=4]")
        assert not apart(table, "a[seed=1,classes=3]", "a[seed=2,classes=3]")
    finally:
        family.undo()


def test_kendall_is_nan_where_something_is_missing_and_0_where_nothing_is_ordered() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    assert held_out.kendall(truth**2, truth) == pytest.approx(1.0)
    assert held_out.kendall(np.ones(3), truth) == 0.0
    assert np.isnan(held_out.kendall(np.array([1.0, np.nan, 2.0]), truth))
    assert np.isnan(held_out.kendall(truth, np.ones(3)))
