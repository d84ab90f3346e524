"""The simulated clock: an independent loop over one run, the end of a run, and two fidelities that are never mixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import ACCURACY, FloatArray, IntArray, Table, UnknownName, WarmnasError, space
from warmnas.bench.table import json_by_task
from warmnas.search import Outcome, Protocol, StudyResult, make_problem, optimizers, run_optimizer, study

SpecOf = Callable[[str], str]
Vary = Callable[..., Table]
# tapas is for chains alone and stands in test_opt_tapas.py.
every_optimizer = pytest.mark.parametrize("name", [name for name in optimizers if name != "tapas"])
ROWS, TASKS = 250, ("cifar100", "cifar10-valid")
SHORT, LONG = 0, 1  # places of the 12- and the 200-epoch schedule
CLOCK = Protocol(("cifar100",), budget=None, runs=5, seed=11, source_rows=40, schedule=12, seconds=3000.0)


def two_schedules(seed: int = 3, **other: FloatArray) -> Table:
    """Cells with 12- and 200-epoch trainings of 90 to 200 and of 1,500 to 3,400 seconds, or ``other`` numbers."""
    rng, cells = np.random.default_rng(seed), space("nasbench201")
    shape = (len(TASKS), ROWS, 2)
    final = rng.normal(70, 8, shape[:2])
    accuracy = np.stack([final * 0.6 + rng.normal(0, 6, shape[:2]), final], axis=-1)
    seconds = rng.uniform(90, 200, shape[:2])[..., None] * [1.0, 200 / 12]
    numbers = {"val_accuracy": accuracy, "test_accuracy": accuracy - 1, "train_seconds": seconds, **other}
    dims, names = ("task", "architecture", "schedule"), rng.choice(15_625, ROWS, replace=False)
    genotypes = cells.from_index(np.sort(names))
    keys = {"val": "x-valid", "test": "x-test"}
    return Table(
        xr.Dataset(
            {
                **{name: (dims if values.ndim == 3 else dims[:2], values) for name, values in numbers.items()},
                "embedding": (("task", "feature"), rng.normal(size=(len(TASKS), 4))),
            },
            coords={
                "task": list(TASKS),
                "schedule": [12, 200],
                "name": ("architecture", [cells.to_string(g) for g in genotypes]),
                "genotype": (("architecture", "gene"), genotypes),
            },
            attrs={
                "name": "two",
                "space": "nasbench201",
                "source": "drawn",
                "licence": "none",
                "splits": json_by_task(dict.fromkeys(TASKS, keys)),
                "metrics": json_by_task(dict.fromkeys(TASKS, vars(ACCURACY))),
            },
        )
    )


@pytest.fixture(scope="module")
def table() -> Table:
    return two_schedules()


def outcome(table: Table, spec: str, protocol: Protocol) -> Outcome:
    return study([table], [spec], protocol).outcomes[0]


def numbers(table: Table, variable: str, schedule: int, task: str = "cifar100") -> FloatArray:
    values: FloatArray = table.data[variable].values[table.tasks.index(task), :, schedule]
    return values


def by_hand(order: IntArray, seconds: FloatArray, limit: float) -> list[int]:
    """What a run evaluates of an order, in the words of the reference loop: stop at the first that would overrun."""
    spent = 0.0
    done: list[int] = []
    for row in order.tolist():
        if done and spent + seconds[row] > limit:
            break
        spent += seconds[row]
        done.append(row)
    return done


@settings(max_examples=25, deadline=None)
@given(limit=st.floats(91, 40_000), schedule=st.sampled_from([12, None]), seed=st.integers(0, 5))
def test_a_run_ends_as_the_plain_loop_ends(table: Table, limit: float, schedule: int | None, seed: int) -> None:
    place = LONG if schedule is None else SHORT
    seconds = numbers(table, "train_seconds", place)
    protocol = replace(CLOCK, schedule=schedule, seconds=max(limit, seconds.min() + 1), seed=seed)
    found = outcome(table, "random", protocol)
    order = outcome(table, "random", replace(protocol, seconds=None, budget=ROWS)).rows
    for run in range(protocol.runs):
        expected = by_hand(order[run], seconds, protocol.seconds or 0)
        assert found.rows[run, : len(expected)].tolist() == expected
        assert (found.rows[run, len(expected) :] == -1).all()
        assert found.evaluations[run] == len(expected)
        assert found.seconds[run].sum() == pytest.approx(seconds[expected].sum())


@every_optimizer
def test_every_optimizer_keeps_its_time_and_uses_it(name: str, table: Table, spec_of: SpecOf) -> None:
    limit = 900.0
    found = outcome(table, spec_of(name), replace(CLOCK, seconds=limit, runs=3))
    spent = found.seconds.sum(axis=1)
    assert (spent <= limit).all()
    assert (spent > limit - 200).all(), "no training takes 200 s, so one more would have fitted"
    assert found.row()["simulated_seconds"] == pytest.approx(spent.mean())


def test_runs_that_end_at_different_evaluations_are_the_single_runs(table: Table) -> None:
    for spec in ("rea", "local", "random"):
        problem = make_problem(table, "cifar100", CLOCK)
        limits = {"schedule": 12, "seconds": CLOCK.seconds}
        together = run_optimizer(table, "cifar100", spec, problem, "mean", **limits)  # type: ignore[arg-type]
        assert len(set(together.evaluations.tolist())) > 1
        for run, n in enumerate(together.evaluations):
            alone = run_optimizer(table, "cifar100", spec, problem.single(run), "mean", **limits)  # type: ignore[arg-type]
            np.testing.assert_array_equal(alone.rows[0], together.rows[run, :n])
            np.testing.assert_array_equal(alone.seconds[0], together.seconds[run, :n])


def test_processes_and_chunks_of_runs_change_nothing(table: Table) -> None:
    protocol = replace(CLOCK, runs=18)
    one, two = (study([table], ["gp", "rea"], protocol, workers=n).outcomes for n in (1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.rows, b.rows)
        np.testing.assert_array_equal(a.seconds, b.seconds)
    assert one[0].rows.shape == one[1].rows.shape == (18, max(o.evaluations.max() for o in one))


def test_a_budget_and_a_time_both_hold(table: Table) -> None:
    free = outcome(table, "rea", CLOCK)
    few = outcome(table, "rea", replace(CLOCK, budget=10))
    assert (few.evaluations == 10).all()
    wide = outcome(table, "rea", replace(CLOCK, budget=ROWS))
    assert wide.budget == ROWS
    np.testing.assert_array_equal(wide.rows[:, : free.budget], free.rows)
    assert (wide.rows[:, free.budget :] == -1).all()
    assert str(ROWS) in wide.row()["regret"]


def test_time_for_everything_ends_with_the_last_candidate(table: Table) -> None:
    found = outcome(table, "rea", replace(CLOCK, seconds=1e9, runs=2))
    np.testing.assert_array_equal(np.sort(found.rows, axis=1), [np.arange(ROWS)] * 2)
    assert found.regret[:, -1].max() > 0, "the best after 12 epochs is not the best after 200"


def test_a_first_training_is_granted_though_it_overruns(table: Table) -> None:
    cheapest = numbers(table, "train_seconds", SHORT).min()
    found = outcome(table, "random", replace(CLOCK, seconds=cheapest + 1e-6, runs=20))
    assert (found.evaluations == 1).all()
    row = found.row()
    assert row["regret_by_seconds"][f"{cheapest + 1e-6:g}"] == pytest.approx(found.regret[:, -1].mean())
    assert row["regret_by_seconds"][f"{0.1 * (cheapest + 1e-6):g}"] is None


# --- two fidelities ------------------------------------------------------------------------------------------------
def test_the_short_schedule_is_seen_and_charged_and_the_long_one_judges(table: Table) -> None:
    found = outcome(table, "rea", CLOCK)
    for run, n in enumerate(found.evaluations):
        rows = found.rows[run, :n]
        np.testing.assert_array_equal(found.observed[run, :n], numbers(table, "val_accuracy", SHORT)[rows])
        np.testing.assert_array_equal(found.seconds[run, :n], numbers(table, "train_seconds", SHORT)[rows])
        best = rows[found.observed[run, :n].argmax()]
        assert found.incumbents[run, -1] == best
        assert found.test is not None
        assert found.test[run, -1] == numbers(table, "test_accuracy", LONG)[best]
        long = numbers(table, "val_accuracy", LONG)
        assert found.regret[run, -1] == pytest.approx(long.max() - long[best])


def test_sources_are_seen_at_the_schedule_of_the_target(table: Table) -> None:
    for schedule, place in ((12, SHORT), (200, LONG), (None, LONG)):
        [source] = make_problem(table, "cifar100", replace(CLOCK, schedule=schedule, seconds=5000.0)).sources
        rows = table.rows(source.genotypes)
        np.testing.assert_array_equal(source.values, numbers(table, "val_accuracy", place, "cifar10-valid")[rows])


def test_a_source_without_the_schedule_is_none(table: Table) -> None:
    values = table.data["val_accuracy"].values.copy()
    values[1, :, SHORT] = np.nan
    assert make_problem(two_schedules(val_accuracy=values), "cifar100", CLOCK).sources == ()
    values[1, 20:, SHORT] = 50.0
    [source] = make_problem(two_schedules(val_accuracy=values), "cifar100", CLOCK).sources
    assert (source.values == 50).all()


def test_the_long_schedule_by_name_is_the_default(table: Table) -> None:
    named, default = (outcome(table, "rea", replace(CLOCK, schedule=s, seconds=20_000.0)) for s in (200, None))
    np.testing.assert_array_equal(named.rows, default.rows)


def test_seeds_of_the_schedule_are_drawn(few_cells: Table) -> None:
    protocol = Protocol(("cifar100",), None, 3, observe="seed", schedule=200, seconds=30_000.0)
    found = outcome(few_cells, "rea", protocol)
    recorded = few_cells.seed_values("cifar100")
    for run, n in enumerate(found.evaluations):
        assert (found.observed[run, :n, None] == recorded[found.rows[run, :n]]).any(axis=1).all()


def test_epochs_of_a_shorter_schedule_end_with_it() -> None:
    """A table with curves of both schedules: the epochs after the twelfth belong to the other one."""
    plain = two_schedules()
    epochs = np.arange(1, 201)
    curve = np.broadcast_to(plain.data["val_accuracy"].values[..., None], (2, ROWS, 2, 200)).copy()
    curve -= 1.0 / epochs
    curve[:, :, SHORT, 12:] = np.nan
    seconds = np.where(np.isnan(curve), np.nan, 7.0)
    dims = ("task", "architecture", "schedule", "epoch")
    data = plain.data.drop_vars(["train_seconds", "test_accuracy"])
    data.attrs["splits"] = json_by_task({task: {"val": "x-valid"} for task in TASKS})
    table = Table(data.assign(val_accuracy=(dims, curve), train_seconds=(dims, seconds)).assign_coords(epoch=epochs))
    np.testing.assert_array_equal(table.schedule_values("cifar100", 12), curve[0, :, SHORT, 11])
    np.testing.assert_array_equal(table.values("cifar100"), curve[0, :, LONG, 199])
    for schedule, total in ((12, 84.0), (None, 1400.0)):
        found = table.training_seconds("cifar100", schedule)
        assert found is not None
        np.testing.assert_array_equal(found, np.full(ROWS, total))


# --- no look-ahead -------------------------------------------------------------------------------------------------
@every_optimizer
def test_times_and_values_of_what_is_not_trained_yet_do_not_matter(
    name: str, table: Table, vary: Vary, spec_of: SpecOf
) -> None:
    seen, protocol = 6, replace(CLOCK, runs=1, sources="none", seconds=2000.0)
    before = outcome(table, spec_of(name), protocol).rows[0]
    told, rng = before[:seen], np.random.default_rng(9)
    noise = {v: table.data[v].values.copy() for v in ("val_accuracy", "test_accuracy", "train_seconds")}
    for variable, values in noise.items():
        drawn = rng.uniform(1, 99, values[0].shape)
        if variable != "test_accuracy":
            drawn[told, SHORT] = values[0, told, SHORT]
        values[0] = drawn
    after = outcome(vary(table, **noise), spec_of(name), protocol).rows[0]
    np.testing.assert_array_equal(after[: seen + 1], before[: seen + 1])


# --- figures over time ---------------------------------------------------------------------------------------------
@settings(max_examples=20, deadline=None)
@given(times=st.lists(st.floats(0, 3000), min_size=1, max_size=5))
def test_regret_after_some_time_is_that_of_what_was_finished_by_then(table: Table, times: list[float]) -> None:
    found = outcome(table, "rea", CLOCK)
    regret = found.regret_at(times)
    for run, n in enumerate(found.evaluations):
        ends = np.cumsum(found.seconds[run, :n])
        for place, time in enumerate(times):
            done = n if time >= found.points[-1] else sum(end <= time for end in ends)
            expected = found.regret[run, done - 1] if done else np.nan
            np.testing.assert_equal(regret[run, place], expected)


def test_rows_and_trajectories_hold_what_was_granted(table: Table) -> None:
    found = outcome(table, "rea", CLOCK)
    row, frame = found.row(), found.trajectory()
    assert row["seconds"] == CLOCK.seconds
    assert row["evaluations"] == found.evaluations.mean()
    assert list(row["regret_by_seconds"]) == ["300", "600", "1500", "3000"]
    assert row["regret_by_seconds"]["3000"] == row["regret"][str(found.budget)]
    assert found.test is not None
    assert row["test_accuracy_sd"] == pytest.approx(np.std(found.test[:, -1], ddof=1))
    assert len(frame) == found.evaluations.sum()
    assert not frame.isna().any().any()
    assert frame["simulated_seconds"].max() <= 3000
    assert "seconds" not in outcome(table, "rea", replace(CLOCK, seconds=None, budget=5)).row()


def test_statistics_compare_what_the_same_time_gave(table: Table) -> None:
    result = study([table], ["rea", "random"], replace(CLOCK, tasks=TASKS))
    within = result.statistics["within_task"]
    assert {row["budget"] for row in within} == {3000.0}
    for row, found in zip(within, result.outcomes, strict=True):
        assert row["regret"] == pytest.approx(found.regret[:, -1].mean())
    assert [row["budget"] for row in result.statistics["across_tasks"]["two"]][-1] == 3000.0


def test_time_and_schedule_are_in_the_hash_and_change_none_without(table: Table) -> None:
    protocols = [replace(CLOCK, seconds=s, schedule=e) for s in (1000.0, 2000.0) for e in (12, 200)]
    hashes = {StudyResult(p, (table,), ()).protocol_hash() for p in [*protocols, replace(CLOCK, budget=9, seconds=None)]}
    assert len(hashes) == 5


# --- errors --------------------------------------------------------------------------------------------------------
def refusal(table: Table, protocol: Protocol) -> str:
    with pytest.raises(WarmnasError) as error:
        make_problem(table, protocol.tasks[0], protocol)
    return str(error.value)


def test_a_table_without_times_is_named(few_graphs: Table, table: Table) -> None:
    text = refusal(few_graphs, Protocol(("cora",), 5, 2, seconds=100.0))
    assert text.startswith("nasbench-graph has no training times for 300 of the 300 candidates of cora")
    times = table.data["train_seconds"].values.copy()
    times[0, 7, SHORT] = np.nan
    text = refusal(two_schedules(train_seconds=times), CLOCK)
    assert "no training times of the 12-epoch schedule for 1 of the 250 candidates of cifar100" in text
    times[0, 7, SHORT] = -3
    assert "below 0" in refusal(two_schedules(train_seconds=times), CLOCK)


def test_times_of_the_long_schedule_are_not_charged_for_the_short_one(table: Table) -> None:
    long_only = two_schedules(train_seconds=table.data["train_seconds"].values[..., LONG])
    assert "no training times of the 12-epoch schedule" in refusal(long_only, CLOCK)
    assert outcome(long_only, "rea", replace(CLOCK, schedule=None, seconds=9000.0)).evaluations.min() >= 1
    unclocked = outcome(long_only, "rea", replace(CLOCK, seconds=None, budget=5))
    assert unclocked.row()["simulated_seconds"] is None


def test_other_limits_that_cannot_be_kept(table: Table) -> None:
    assert "--seconds 20: the shortest training on cifar100 takes 9" in refusal(table, replace(CLOCK, seconds=20.0))
    assert "--budget, --seconds or both" in refusal(table, replace(CLOCK, seconds=None))
    values = table.data["val_accuracy"].values.copy()
    values[0, :3, SHORT] = np.nan
    assert "--schedule 12: 3 of the 250" in refusal(two_schedules(val_accuracy=values), CLOCK)
    with pytest.raises(UnknownName, match="schedule of two '13'"):
        make_problem(table, "cifar100", replace(CLOCK, schedule=13))
