"""A plan of chains through the generator and out of the store: a row per prefix, at its place in the table."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench import Table, WarmnasError, space
from warmnas.cli import main
from warmnas.metadata.experiments import ExperimentStore, prepare, read_plan
from warmnas.metadata.experiments.draw import Draw, architectures
from warmnas.metadata.experiments.known import known
from warmnas.metadata.experiments.trial import recipe_from, recipe_text
from warmnas.metadata.training import Recipe

CHAINS = space("chain")
PLAN = """
name = "chains"
space = "chain"
tasks = ["digits.npz"]
epochs = 2
seeds = 2
[architectures]
names = [
    "max-s1",
    "conv3x3-w1-s1,max-s2,skip1",
    "res-w1-s2,avg-s1,conv1x1-w2-s1,skip3,conv5x5-w1-s1",
]
[recipe]
incremental = true
width = 2
cells = 1
resolution = 8
batch = 32
"""
DEPTHS = {"max-s1": 1, "conv3x3-w1-s1,max-s2,skip1": 3, "res-w1-s2,avg-s1,conv1x1-w2-s1,skip3,conv5x5-w1-s1": 5}


def write(folder: Path, plan: str = PLAN, images: int = 120) -> Path:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (images, 8, 8), dtype=np.uint8), np.arange(images) % 3
    np.savez(folder / "digits.npz", x=x, y=y)
    text = plan.replace("digits.npz", str(folder / "digits.npz"))
    (folder / "plan.toml").write_text(text)
    return folder / "plan.toml"


def generate(folder: Path) -> list[str]:
    return ["metadata", "generate", "--plan", str(folder / "plan.toml"), "--store", str(folder / "s"), "--workers", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of three chains, two seeds, generated and exported."""
    made = tmp_path_factory.mktemp("chains")
    write(made)
    assert main(generate(made)) == 0
    assert main(["metadata", "export", "--store", str(made / "s"), "--out", str(made / "t.h5")]) == 0
    return made


def test_shallow_chains_are_done_not_failed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metadata", "status", "--store", str(folder / "s"), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["total"], status["done"], status["failed"], status["left"]) == (6, 6, 0, 0)
    store = ExperimentStore(folder / "s", read_only=True)
    rows = store.query("SELECT genotype, epochs, reported FROM trials")
    assert all(epochs == reported == DEPTHS[genotype] for genotype, epochs, reported in rows)
    store.close()


def test_the_table_has_a_prefix_per_epoch(folder: Path) -> None:
    table = Table.open(folder / "t.h5")
    assert table.data.attrs["axis"] == "prefix"
    assert table.data["val_accuracy"].sizes == {"task": 1, "architecture": 3, "seed": 2, "epoch": 5}
    store = ExperimentStore(folder / "s", read_only=True)
    select = "SELECT genotype, seed, epoch, val_accuracy, seconds FROM epochs JOIN trials ON trial = number"
    found = {row[:3]: row[3:] for row in store.query(select)}
    store.close()
    for row, name in enumerate(table.names):
        for seed in (0, 1):
            for epoch in range(1, 6):
                cell = table.data.isel(task=0, architecture=row).sel(seed=seed, epoch=epoch)
                value, seconds = found.get((name, seed, epoch), (np.nan, np.nan))
                np.testing.assert_array_equal(cell["val_accuracy"].item(), np.float32(value))
                np.testing.assert_array_equal(cell["train_seconds"].item(), np.float32(seconds))
                assert np.isnan(value) == (epoch > DEPTHS[name])


def test_look_ups_take_each_chain_s_own_last_prefix(folder: Path) -> None:
    table = Table.open(folder / "t.h5")
    (task,) = table.tasks
    values = table.data["val_accuracy"].values[0]
    seconds = table.data["train_seconds"].values[0].astype(float)
    for row, name in enumerate(table.names):
        last = values[row, :, DEPTHS[name] - 1].astype(float)
        assert table.value(task, name) == pytest.approx(last.mean())
        np.testing.assert_allclose(table.seed_values(task)[row], last)
        total = table.training_seconds(task)
        assert total is not None
        assert total[row] == pytest.approx(np.nansum(seconds[row], axis=1).mean())
        answer = table.query(task, name)
        assert list(answer["values"]["val"]["0"]) == [str(layers + 1) for layers in range(DEPTHS[name])]
    assert len(table.candidates(task)) == 3
    assert table.prefixes is not None
    assert table.prefixes.values.tolist() == [DEPTHS[name] for name in table.names]


def test_a_prefix_is_no_epoch(folder: Path) -> None:
    table = Table.open(folder / "t.h5")
    assert table.epochs is None
    assert table.schedules == ()
    assert table.info()["epochs"] is None


def test_a_chain_of_which_the_last_prefix_is_missing_is_not_measured(folder: Path) -> None:
    data = Table.open(folder / "t.h5").data.load()
    deepest = list(DEPTHS).index(max(DEPTHS, key=lambda name: DEPTHS[name]))
    row = [str(name) for name in data["name"].values].index(list(DEPTHS)[deepest])
    for variable in ("val_accuracy", "train_seconds"):
        data[variable][0, row, :, 4] = np.nan
    table = Table(data.drop_attrs(deep=False).assign_attrs({k: v for k, v in data.attrs.items() if k != "hash"}))
    (task,) = table.tasks
    assert np.isnan(table.values(task)[row])
    assert len(table.candidates(task)) == 2
    seconds = table.training_seconds(task)
    assert seconds is not None
    assert np.flatnonzero(np.isnan(seconds)).tolist() == [row]


def test_the_table_gives_back_its_trials(folder: Path) -> None:
    prepared = prepare(read_plan(folder / "plan.toml"))
    found = list(known(prepared.trials, Table.open(folder / "t.h5")))
    assert [one.trial for one in found] == list(prepared.trials)
    assert [len(one.epochs) for one in found] == [one.trial.rows for one in found]


def test_a_killed_generation_goes_on(tmp_path: Path) -> None:
    """kill -9 in the middle of a chain: prefixes that were reported stay, and in the end everything is there once."""
    slow = PLAN.replace("epochs = 2", "epochs = 6").replace("width = 2", "width = 4")
    write(tmp_path, slow, images=300)
    command = [sys.executable, "-m", "warmnas", *generate(tmp_path)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen, end = 0, time.monotonic() + 60
    while seen < 2 and time.monotonic() < end and process.poll() is None:
        time.sleep(0.02)
        if (tmp_path / "s").exists():
            try:
                connection = sqlite3.connect(tmp_path / "s")
                (seen,) = connection.execute("SELECT COUNT(*) FROM epochs").fetchone()
                connection.close()
            except sqlite3.OperationalError:
                continue  # it is just being made
    assert process.poll() is None, "the generation was over before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    store = ExperimentStore(tmp_path / "s")
    assert len(store.query("SELECT * FROM epochs")) >= seen >= 2
    store.close()
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
    store = ExperimentStore(tmp_path / "s")
    rows = store.query("SELECT genotype, state, (SELECT COUNT(*) FROM epochs WHERE trial = number) FROM trials")
    assert sorted(rows) == sorted([(name, "done", depth) for name, depth in DEPTHS.items()] * 2)
    store.close()


# --- recipes and plans ---------------------------------------------------------------------------------------------
def test_recipes_from_before_stay_what_they_are() -> None:
    text = (
        '{"augment": true, "batch": 64, "cells": 1, "epochs": 20, "momentum": 0.9, "rate": 0.1, "resolution": 16, '
        '"train_size": 2500, "weight_decay": 0.0005, "width": 8}'
    )
    recipe = recipe_from(text)
    assert not recipe.incremental
    assert recipe_text(recipe) == text
    incremental = Recipe(**{**json.loads(text), "incremental": True})
    assert incremental.hash != recipe.hash
    assert recipe_from(recipe_text(incremental)) == incremental
    with pytest.raises(WarmnasError, match="incremental must be true or false"):
        Recipe(incremental=1)  # type: ignore[arg-type]


def test_a_plan_of_cells_cannot_be_incremental(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = PLAN[PLAN.index("names") : PLAN.index("[recipe]")]
    write(tmp_path, PLAN.replace('"chain"', '"nasbench201"').replace(names, 'names = ["000001"]\n'))
    assert main(generate(tmp_path)) == 2
    error = capsys.readouterr().err
    assert "nasbench201: its networks are no chains" in error
    assert error.count("\n") == 1


def test_a_plan_that_names_no_chain_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, PLAN.replace("max-s1", "max-s3"))
    assert main(generate(tmp_path)) == 2
    assert "'max-s3' is not a layer" in capsys.readouterr().err


def test_a_plan_that_asks_for_more_keeps_what_it_had() -> None:
    few, many = (architectures(CHAINS, Draw(uniform=n), 1) for n in (10, 40))
    np.testing.assert_array_equal(many[:10], few)
    assert len(np.unique(CHAINS.index(many))) == 40
    upper = architectures(CHAINS, Draw(upper_half=30), 1)
    params = CHAINS.live_params(CHAINS.sample(4000, np.random.default_rng(0)), 10)
    own = CHAINS.live_params(upper, 10)
    assert params is not None
    assert own is not None
    assert (own > np.median(params) * 0.9).all()
    with pytest.raises(WarmnasError, match="too large to train all of it"):
        architectures(CHAINS, Draw(uniform="all"), 1)


def test_the_shipped_plan_has_common_chains_and_each_task_its_own() -> None:
    plan = read_plan("chains-v1")
    assert (plan.space, plan.recipe.incremental, plan.recipe.resolution) == ("chain", True, 16)
    assert len(plan.tasks) == 10
    assert (plan.architectures.uniform, plan.architectures.per_task) == (24, Draw(uniform=6))
