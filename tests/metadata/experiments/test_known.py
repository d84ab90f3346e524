"""Going on from a table: what it holds is not trained again, and what it does not hold is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import standins
from standins import RECIPE, FakeTrainer, epoch_of

from warmnas.bench import Table, WarmnasError, open_benchmark
from warmnas.metadata.experiments import ExperimentStore, export, generate, prepare
from warmnas.metadata.experiments.plan import ExtraSeeds, TaskChoice


class Refusing(FakeTrainer):  # type: ignore[misc]
    """A trainer that must not be asked for what is known."""

    def train(self, trials, task, report, device):
        raise AssertionError(f"trained {[t.id for t in trials]}")


def plan(**changes):
    return standins.plan(tasks=("a", TaskChoice("b", train_size=6)), extra_seeds=ExtraSeeds(2, 3), **changes)


@pytest.fixture
def table(store, tmp_path):
    generate(plan(), store, workers=1, trainer=FakeTrainer(), opener=standins.open_task)
    export(store, "first").save(tmp_path / "t.h5")
    return Table.open(tmp_path / "t.h5")


def test_all_of_the_same_plan_is_known(table, tmp_path):
    other = ExperimentStore(tmp_path / "other.db")
    counts = generate(plan(), other, workers=1, trainer=Refusing(), opener=standins.open_task, known=[table])
    assert counts["done"] == len(prepare(plan(), standins.open_task).trials)
    assert counts["left"] == counts["running"] == counts["failed"] == 0
    assert counts["epochs"] == counts["done"] * RECIPE.epochs
    again = export(other, "first")
    assert again.hash == table.hash


def test_what_it_lacks_is_trained(table, tmp_path):
    data = table.data.copy(deep=True)
    data["val_accuracy"][0, 1, 0, -1] = np.nan  # one epoch of one trial
    wider = plan(seeds=2)
    prepared = prepare(wider, standins.open_task)
    other = ExperimentStore(tmp_path / "other.db")
    counts = generate(wider, other, workers=1, trainer=FakeTrainer(), opener=standins.open_task, known=[Table(data)])
    assert counts["done"] == len(prepared.trials)
    trained = other.query("SELECT id FROM trials WHERE started IS NOT NULL")
    known = len(prepare(plan(), standins.open_task).trials) - 1
    assert len(trained) == len(prepared.trials) - known
    result = export(other, "x")
    for trial in prepared.trials:
        cell = result.data.sel(task=trial.task, seed=trial.seed, epoch=2)
        row = result.names.index(trial.genotype)
        assert cell["val_accuracy"][row].item() == np.float32(epoch_of(trial, 2).val_accuracy)


@pytest.mark.parametrize("change", [{"rate": 0.05}, {"epochs": 2}, {"width": 5}])
def test_another_recipe_is_not_known(table, tmp_path, change):
    other = ExperimentStore(tmp_path / "other.db")
    changed = replace(plan(), recipe=replace(RECIPE, **change))
    generate(changed, other, workers=1, trainer=FakeTrainer(), opener=standins.open_task, known=[table])
    ((begun,),) = other.query("SELECT COUNT(*) FROM trials WHERE started IS NOT NULL")
    assert begun == len(prepare(changed, standins.open_task).trials)


def test_a_table_of_something_else_is_refused(tmp_path):
    other = ExperimentStore(tmp_path / "other.db")
    with pytest.raises(WarmnasError, match=r"nasbench201.*metadata export"):
        generate(
            plan(), other, workers=1, trainer=Refusing(), opener=standins.open_task, known=[open_benchmark("nasbench201")]
        )
