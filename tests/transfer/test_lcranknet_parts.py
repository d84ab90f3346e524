"""The parts of LCRankNet against independent references."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import Table, WarmnasError, space
from warmnas.transfer.lcranknet.batches import Batches, better
from warmnas.transfer.lcranknet.calibration import interpolated, temperature
from warmnas.transfer.lcranknet.fitting import whole_trainings
from warmnas.transfer.lcranknet.inputs import LONGEST, places, read_curves
from warmnas.transfer.lcranknet.level import Context, Habits, standardised
from warmnas.transfer.lcranknet.study import main, rank_study, table_study, without_classes
from warmnas.transfer.lcranknet.target import labels
from warmnas.transfer.lcranknet.training import allowed_rows, folds, pair_loss

CELLS = space("nasbench201")


def test_a_curve_is_read_at_every_epoch_or_at_the_same_fractions():
    np.testing.assert_allclose(places(5), [0.2, 0.4, 0.6, 0.8, 1])
    for epochs in (33, 100, 200):
        fractions = places(epochs)
        assert len(fractions) <= LONGEST + 4
        assert fractions[0] == 1 / epochs
        assert fractions[-1] == 1
        assert (np.diff(fractions) > 0).all()
    rise = np.arange(1.0, 41)[None]
    read = read_curves(rise, places(20))
    np.testing.assert_allclose(read.values[0], np.arange(2.0, 41, 2))
    assert read.complete.all()


def test_gaps_in_a_curve():
    nan = np.nan
    read = read_curves(np.array([[nan, 3, nan, 5, nan, nan], [nan] * 6, [0, nan, nan, nan, nan, 9]]), places(6))
    np.testing.assert_array_equal(read.values[0], [3, 3, 3, 5, 5, 5])
    np.testing.assert_array_equal(read.values[1], 0)
    np.testing.assert_array_equal(read.values[2], [0, 0, 0, 0, 0, 9])
    np.testing.assert_array_equal(read.seen, [4, 0, 6])
    np.testing.assert_allclose(read.fraction, [4 / 6, 0, 1])
    np.testing.assert_array_equal(read.last, [5, 0, 9])


@settings(max_examples=40, deadline=None)
@given(epochs=st.integers(1, 60), own=st.integers(1, 60), data=st.data())
def test_of_a_curve_nothing_is_read_beyond_what_is_seen(epochs, own, data):
    seen = data.draw(st.integers(0, epochs))
    curve = np.random.default_rng(epochs).uniform(0, 100, (1, epochs))
    curve[:, seen:] = np.nan
    read = read_curves(curve, places(own))
    assert (read.seen[0] == 0) == (seen == 0)
    assert read.complete[0] == (seen == epochs)
    known = curve[0, :seen]
    low, high = (known.min(), known.max()) if seen else (0, 0)
    assert ((read.values >= low - 1e-9) & (read.values <= high + 1e-9)).all()
    assert read.last[0] == (known[-1] if seen else 0)


def test_cutting_what_was_read_is_reading_what_was_cut():
    curves = np.random.default_rng(0).uniform(0, 100, (4, 10))
    partial = curves.copy()
    for row, seen in enumerate([0, 1, 5, 10]):
        partial[row, seen:] = np.nan
    cut = read_curves(curves, places(10)).until(np.array([0, 1, 5, 10]), places(10))
    wanted = read_curves(partial, places(10))
    for field in ("values", "seen", "fraction", "last"):
        np.testing.assert_allclose(getattr(cut, field), getattr(wanted, field))


def test_a_context_is_the_median_of_what_reached_each_epoch():
    rng = np.random.default_rng(0)
    values, seen = rng.uniform(0, 100, (3, 9, 6)), rng.integers(0, 7, (3, 9))
    context = Context.of(values, seen)
    for group in range(3):
        for place in range(6):
            reached = values[group, seen[group] > place, place]
            assert context.count[group, place] == len(reached)
            assert context.median[group, place] == pytest.approx(np.median(reached) if len(reached) else 0)


def test_a_value_counts_relative_to_its_task():
    """A task of half the accuracies reads the same."""
    rng = np.random.default_rng(0)
    values = rng.uniform(20, 90, (7, 5))
    habits = Habits.of([values, rng.uniform(10, 50, (9, 5))])
    every = np.full(7, 5)
    full = standardised(values, np.full(7, 80.0), habits, Context.of(values, every))
    half = standardised(values / 2, np.full(7, 40.0), habits, Context.of(values / 2, every))
    np.testing.assert_allclose(full, half)
    assert standardised(values, values[:, -1], habits, None)[1][:, -1] == pytest.approx(0)
    near = standardised(values, np.full(7, 80.0), habits, None)[0]
    np.testing.assert_allclose(near, np.arcsinh((values - 80 * habits.centre) / (80 * habits.spread)))


def test_ties_are_a_half():
    table = better(np.array([50.0, 50.0, 50.4, 52.0]), tie=0.5)
    np.testing.assert_array_equal(table, [[0.5, 0.5, 0.5, 0], [0.5, 0.5, 0.5, 0], [0.5, 0.5, 0.5, 0], [1, 1, 1, 0.5]])
    np.testing.assert_array_equal(better(np.array([1.0, 1.0, 2.0]), 0), [[0.5, 0.5, 0], [0.5, 0.5, 0], [1, 1, 0.5]])


def test_the_loss_is_the_cross_entropy_of_pairs():
    score = torch.tensor([[[0.3, -1.0, 2.0]]])
    order = torch.from_numpy(better(np.array([[[3.0, 1.0, 1.0]]]), 0))

    def entropy(gap: float, p: float) -> float:
        q = 1 / (1 + np.exp(-gap))
        return float(-p * np.log(q) - (1 - p) * np.log(1 - q))

    wanted = 0.5 * (entropy(1.3, 1) + entropy(-1.7, 1)) / 2 + 0.5 * entropy(-3, 0.5)
    assert float(pair_loss(score, order)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_a_temperature_is_found_again(true):
    rng = np.random.default_rng(0)
    gaps = 3 * rng.standard_normal(20_000)
    outcomes = rng.random(20_000) < 1 / (1 + np.exp(-gaps / true))
    assert temperature(gaps, outcomes.astype(float)) == pytest.approx(true, rel=0.08)
    assert temperature(np.zeros(0), np.zeros(0)) == pytest.approx(1)


def test_temperatures_between_fractions():
    fractions, temperatures = np.array([0, 0.25, 1]), np.array([4.0, 2.0, 1.0])
    found = interpolated(fractions, temperatures, np.array([0, 0.0625, 0.25, 1]))
    np.testing.assert_allclose(found, [4, np.sqrt(8), 2, 1])


def tasks_of(sizes: list[int]):
    rng = np.random.default_rng(0)
    made = []
    for n in sizes:
        curves = read_curves(rng.uniform(0, 100, (n, 4)), places(4))
        made.append(whole_trainings(CELLS, CELLS.sample(n, rng), curves))
    return made


def test_members_leave_out_whole_families_or_classes():
    tasks = tasks_of([20, 30, 25, 15])
    rng = np.random.default_rng(0)
    by_family = folds(tasks, ["x", "x", "y", "z"], 3, rng)
    for own in by_family:
        assert [len(rows) in (0, n) for rows, n in zip(own, [20, 30, 25, 15], strict=True)] == [True] * 4
        assert len(own[0]) / 20 == len(own[1]) / 30
    by_class = folds(tasks, ["x", "x", "y", "y"], 3, rng)
    for left_out in (by_family, by_class):
        for t, n in enumerate([20, 30, 25, 15]):
            everything = np.sort(np.concatenate([own[t] for own in left_out]))
            np.testing.assert_array_equal(everything, np.arange(n))
    for own, kept in zip(by_class, allowed_rows(tasks, by_class), strict=True):
        out = {int(c) for task, rows in zip(tasks, own, strict=True) for c in task.classes[rows]}
        seen = {int(c) for task, rows in zip(tasks, kept, strict=True) for c in task.classes[rows]}
        assert out
        assert not out & seen


def test_a_batch_compares_trainings_of_one_task_with_the_best_of_some():
    tasks = tasks_of([20, 30])
    allowed = [[np.arange(10), np.arange(30)], [np.arange(20), np.arange(5, 9)]]
    values = [task.curves.values for task in tasks]
    batches = Batches(tasks, allowed, places(4), Habits.of(values), 3, 8, 0.0, np.random.default_rng(0))
    final = {int(key): [float(f) for f in task.final] for key, task in enumerate(tasks)}
    for _ in range(20):
        batch = batches.draw()
        assert batch.values.shape == (2, 24, 4, 2)
        assert (batch.seen.view(2, 3, 8)[..., 0] == 4).all()
        tokens = batch.tokens.view(2, 3, 8, -1).numpy()
        for m in range(2):
            for g in range(3):
                t = int(batch.task[m, g])
                mine = {row.tobytes() for row in tasks[t].tokens[allowed[m][t]]}
                assert all(row.tobytes() in mine for row in tokens[m, g])
    assert len(final) == 2


def test_a_terminated_training_is_no_evidence_against_what_it_cut_off():
    curves = read_curves(np.array([[10, 50, 60.0], [10, 70, np.nan], [10, 40, np.nan], [10, 60, 60.0]]), places(3))
    rows, against = np.array([0, 1, 2, 3]), np.array([0, 3])
    believed = np.full((4, 2), 0.3)
    found = labels(curves, rows, against, np.array([False, True, True, False]), believed, 0.0)
    np.testing.assert_array_equal(found, [[0.5, 0.5], [1, 1], [0.3, 0.3], [0.5, 0.5]])


def made_up(n: int, seed: int, epochs: int = 8):
    rng = np.random.default_rng(seed)
    genotypes = CELLS.sample(n, rng)
    end = 40 + 5 * (CELLS.live(CELLS.canonical(genotypes)) == 3).sum(axis=1) + rng.normal(0, 0.5, n)
    t = np.arange(1, epochs + 1) / epochs
    noise = 6 * rng.standard_normal((n, epochs)) * (1 - t)
    return genotypes, np.clip(end[:, None] * (1 - 0.8 * np.exp(-4 * t)) + noise, 0, 100)


def test_a_study_ranks_what_is_not_finished():
    target, source = made_up(60, 0), made_up(150, 1)
    source = without_classes(source, CELLS, CELLS.class_keys(target[0]))
    assert 0 < len(source[0]) < 150
    assert not np.isin(CELLS.class_keys(source[0]), CELLS.class_keys(target[0])).any()
    names = ("lcrank", "without architecture")
    result = rank_study(target, {"source": source}, CELLS, (1, 4), finished=5, variants=names, steps=60)
    assert set(result.method) == {"last value", *names, "without sources"}
    assert (result.ranked == 55).all()
    one = result[result.epochs == 1].set_index("method").spearman
    assert one["lcrank"] > one["last value"]


def make_table(architectures: int = 60, epochs: int = 6) -> Table:
    genotypes = np.unique(made_up(architectures, 5)[0], axis=0)
    noise = np.random.default_rng(0).normal(0, 2, (3, len(genotypes), 1))
    ends = 40 + 8 * (genotypes == 3).sum(axis=1)[None, :, None] + noise
    values = np.clip(ends * (1 - 0.7 * np.arange(1, epochs + 1) ** -0.9), 0, 100)
    metric = {"name": "accuracy", "unit": "percent", "direction": "maximize", "bounds": [0, 100]}
    names = ["a", "b", "c"]
    attrs = {"space": "nasbench201", "name": "made-up", "source": "a test", "licence": "none"}
    attrs |= {"splits": json.dumps({t: {"val": "v"} for t in names}), "metrics": json.dumps(dict.fromkeys(names, metric))}
    coords = {"task": names, "family": ("task", ["x", "x", "y"]), "epoch": np.arange(1, epochs + 1)}
    strings = [CELLS.to_string(g) for g in genotypes]
    coords |= {"genotype": (("architecture", "gene"), genotypes), "name": ("architecture", strings)}
    return Table(xr.Dataset({"val_accuracy": (("task", "architecture", "epoch"), values)}, coords, attrs))


def test_the_command(tmp_path, capsys):
    table = make_table()
    table.save(tmp_path / "t.h5")
    given = ["--table", str(tmp_path / "t.h5"), "--task", "a", "--epochs", "2", "--steps", "2", "--folds", "2"]
    assert main([*given, "--out", str(tmp_path / "s.csv")]) == 0
    assert "architecture alone" in capsys.readouterr().out
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0] == "method,epochs,finished,ranked,spearman,task"
    assert len(lines) == 6
    assert main([*given[:-2], "--folds", "30", "--out", str(tmp_path / "s.csv")]) == 2
    assert "use fewer folds" in capsys.readouterr().err
    with pytest.raises(WarmnasError, match="task of made-up"):
        table_study(table, "z", (1,))
