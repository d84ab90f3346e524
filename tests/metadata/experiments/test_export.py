"""The export: every number of the store at its place in the table, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import standins
from standins import RECIPE, SPACE, FakeTrainer, epoch_of, trial

from warmnas.bench import Table, UnknownName, WarmnasError
from warmnas.metadata.experiments import TaskFacts, export, generate, prepare
from warmnas.metadata.experiments.draw import Draw
from warmnas.metadata.experiments.plan import Architectures, ExtraSeeds, TaskChoice

VARIABLES = ("train_loss", "train_accuracy", "val_accuracy", "test_accuracy", "train_seconds")


def done(store, plan, **trainer):
    generate(plan, store, workers=1, trainer=FakeTrainer(**trainer), opener=standins.open_task)
    return store


def test_round_trip_by_brute_force(store, tmp_path):
    plan = standins.plan(tasks=("a", "a[seed=1,classes=2]", TaskChoice("b", train_size=6)), extra_seeds=ExtraSeeds(2, 3))
    plan = replace(plan, architectures=Architectures(uniform=3, upper_half=2, per_task=Draw(uniform=1), seed=4))
    prepared = prepare(plan, standins.open_task)
    export(done(store, plan), "made-up").save(tmp_path / "t.h5")
    table = Table.open(tmp_path / "t.h5")
    assert table.data["val_accuracy"].dims == ("task", "architecture", "seed", "epoch")
    assert table.data["val_accuracy"].shape == (3, 5 + 3, 3, 3)
    names = {task.hash: task.name for task in prepared.tasks.values()}
    seen = 0
    for one in prepared.trials:
        task = names[one.task_hash]
        row = table.names.index(one.genotype)
        for epoch in (1, 2, 3):
            cell = table.data.sel(task=task, seed=one.seed, epoch=epoch).isel(architecture=row)
            for variable, value in zip(VARIABLES, epoch_of(one, epoch)[1:], strict=True):
                assert cell[variable].item() == np.float32(value)
                seen += 1
        network = table.data[["params", "flops"]].sel(task=task).isel(architecture=row)
        assert (network["params"].item(), network["flops"].item()) == FakeTrainer().costs(one, None)
    for variable in VARIABLES:
        seen -= int(np.isfinite(table.data[variable].values).sum())
    assert seen == 0  # everything else is NaN
    assert table.tasks == ("a", "a[seed=1,classes=2]", "b")
    assert [table.family(task) for task in table.tasks] == ["a", "a", "b"]
    assert table.data["validation_size"].values.tolist() == [6, 6, 6]
    assert table.data["classes"].values.tolist() == [2, 2, 2]
    assert json.loads(table.data.attrs["sizes"])["b"] == {"train": 6, "val": 6, "test": 4}
    assert table.data.attrs["leave_out"] == "family"
    assert json.loads(table.data.attrs["recipe"])["width"] == 4
    assert table.data["train_seconds"].attrs["timed"] == "alone"
    assert table.epochs == 3
    assert table.info()["licence"] == "CC0-1.0"
    last = [epoch_of(t, 3).test_accuracy for t in prepared.trials if t.genotype == table.names[0] and t.task == "a"]
    assert len(last) == 3
    assert table.value("a", table.names[0], "test") == pytest.approx(np.mean(last), rel=1e-6)


def test_stacks_are_marked(store, plan):
    assert export(done(store, plan, stack=2), "x").data["train_seconds"].attrs["timed"] == "shared"


def test_only_finished_trials_unless_told(store, plan):
    done(store, plan)
    store.add([replace(prepare(plan, standins.open_task).trials[0], seed=7)])
    (claim,) = store.claim()
    store.record(claim, epoch_of(claim.trial, 1))
    assert export(store, "x").seeds == ("0",)
    table = export(store, "x", partial=True)
    assert table.seeds == ("0", "7")
    assert np.isfinite(table.data["val_accuracy"].sel(seed=7).values).sum() == 1
    assert len(table.candidates("a")) == 4


def test_what_no_task_measured_is_no_split(store):
    store.add([trial(3)], tasks=[TaskFacts("", "a", "{}", "a", "a", 2, 10, 6, 0, "made up", "CC0-1.0")])
    (claim,) = store.claim()
    store.record(claim, epoch_of(claim.trial, 1)._replace(test_accuracy=float("nan")))
    store.finish(claim, 1, 1)
    assert set(export(store, "x").splits["a"]) == {"train", "val"}


def test_which_recipe_has_to_be_said_where_there_are_several(store, plan):
    done(done(store, plan), standins.plan(epochs=2))
    with pytest.raises(WarmnasError, match="the store has 2 recipes; name one with --recipe"):
        export(store, "x")
    table = export(store, "x", recipe=replace(RECIPE, epochs=2).hash[:6])
    assert table.epochs == 2
    with pytest.raises(UnknownName, match="recipe of the store"):
        export(store, "x", recipe="zzz")


def test_nothing_to_export(store):
    with pytest.raises(WarmnasError, match="no trial that is finished"):
        export(store, "x")
    store.add([trial(3)])
    with pytest.raises(WarmnasError, match="no trial with an epoch"):
        export(store, "x", partial=True)


def test_tasks_of_one_name_are_told_apart_by_their_options(store):
    plan = standins.plan(tasks=(TaskChoice("a", train_size=4), TaskChoice("a", train_size=6)))
    assert export(done(store, plan), "x").tasks == ('a {"train_size": 4}', 'a {"train_size": 6}')


def test_architectures_are_canonical(store, plan):
    genotypes = export(done(store, plan), "x").genotypes
    assert (SPACE.canonical(genotypes) == genotypes).all()
