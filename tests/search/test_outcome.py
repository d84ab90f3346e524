"""The figures made of a search, against plain loops; statistics against examples by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import FloatArray, IntArray, Table
from warmnas.search import Outcome, Record
from warmnas.search.statistics import across_tasks, bootstrap, holm, paired_p, within_task

Vary = Callable[..., Table]
ROWS, BUDGET = 8, 6


def outcome_of(table: Table, rows: IntArray, observed: FloatArray | None = None, name: str = "mine") -> Outcome:
    seen = table.values("cora")[rows] if observed is None else observed
    nothing = np.zeros(rows.shape[1])
    return Outcome(rows, seen, np.ones(rows.shape), nothing, nothing, 0.0, table=table, task="cora", optimizer=name)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), direction=st.sampled_from(["maximize", "minimize"]))
def test_figures_are_those_of_plain_loops(few_graphs: Table, vary: Vary, data: st.DataObject, direction: str) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    shape = (9, ROWS)
    values = rng.integers(0, 5, shape) * 0.25  # few levels: ties, and differences below and above .3
    test = rng.uniform(0, 100, shape)
    table = vary(few_graphs, rows=np.arange(ROWS), direction=direction, val_accuracy=values, test_accuracy=test)
    task = table.tasks.index("cora")
    rows = np.stack([rng.permutation(ROWS)[:BUDGET] for _ in range(5)])
    outcome = outcome_of(table, rows)
    better = max if direction == "maximize" else min
    optimum, regret, final_test, to_optimum, to_near = better(values[task]), [], [], [], []
    for run in rows:
        line, incumbent = [], None
        for row in run:
            if incumbent is None or better(values[task, row], values[task, incumbent]) != values[task, incumbent]:
                incumbent = row
            line.append(abs(optimum - values[task, incumbent]))
        regret.append(line)
        final_test.append(test[task, incumbent])
        to_optimum.append(next((i + 1 for i, r in enumerate(line) if r == 0), np.inf))
        to_near.append(next((i + 1 for i, r in enumerate(line) if r <= 0.3), np.inf))
    np.testing.assert_allclose(outcome.regret, regret)
    row = outcome.row()
    assert row["regret"] == pytest.approx({str(b): np.mean([r[b - 1] for r in regret]) for b in (1, 2, 5, 6)})
    sem = np.std([r[-1] for r in regret], ddof=1) / np.sqrt(5)
    assert row["regret_sem"]["6"] == pytest.approx(sem)
    for key, reached in (("evaluations_to_optimum", to_optimum), ("evaluations_to_near", to_near)):
        median = sorted(reached)[2]
        assert row[key] == (None if np.isinf(median) else median), key
    assert row["test_accuracy"] == pytest.approx(np.mean(final_test))
    best_test = better(test[task])
    assert row["test_regret"] == pytest.approx(np.mean([abs(best_test - t) for t in final_test]))
    assert row["deterministic"] == bool((rows == rows[0]).all())


def test_the_incumbent_is_the_best_that_was_observed_not_the_best_in_truth(few_graphs: Table, vary: Vary) -> None:
    values = np.tile(np.arange(8.0), (9, 1))
    table = vary(few_graphs, rows=np.arange(ROWS), val_accuracy=values)
    outcome = outcome_of(table, np.array([[2, 7, 5]]), observed=np.array([[3.0, 1.0, 3.0]]))
    assert outcome.incumbents.tolist() == [[2, 2, 2]]
    assert outcome.regret.tolist() == [[5.0, 5.0, 5.0]]


def test_the_trajectory_has_a_line_per_evaluation(few_graphs: Table) -> None:
    outcome = outcome_of(few_graphs, np.array([[4, 2], [1, 0]]))
    frame = outcome.trajectory()
    assert frame["run"].tolist() == [0, 0, 1, 1]
    assert frame["evaluation"].tolist() == [1, 2, 1, 2]
    assert frame["architecture"].tolist() == [few_graphs.names[i] for i in (4, 2, 1, 0)]
    assert frame["simulated_seconds"].tolist() == [1.0, 2.0, 1.0, 2.0]
    np.testing.assert_array_equal(frame["incumbent_validation"], outcome.validation.ravel())


def test_holm_against_an_example_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.9, 0.5]), [1.0, 1.0])
    assert len(holm([])) == 0


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.array(p) - 1e-12).all()
    assert (adjusted <= np.minimum(np.array(p) * len(p), 1.0) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= -1e-12).all()


def test_the_paired_test_sees_pairs() -> None:
    rng = np.random.default_rng(0)
    level = rng.normal(0, 10, 30)
    assert paired_p(level, level + rng.uniform(0.1, 0.2, 30)) < 1e-5
    assert paired_p(level, level) == 1.0
    assert paired_p(level[:1], level[:1] + 1) == 1.0
    assert paired_p(level, level + rng.normal(0, 1, 30)) > 0.01


def test_the_bootstrap_interval_covers_the_mean_of_most_samples() -> None:
    rng = np.random.default_rng(1)
    intervals = [bootstrap(rng.normal(3.0, 1.0, 20)) for _ in range(60)]
    covered = sum(i.low <= 3.0 <= i.high for i in intervals if i.low is not None and i.high is not None)
    assert covered >= 50
    assert bootstrap(np.array([1.0, 2.0])) == bootstrap(np.array([1.0, 2.0]))
    one = bootstrap(np.array([1.5]))
    assert (one.mean, one.low, one.high) == (1.5, None, None)


def test_tied_methods_and_deterministic_ones_are_marked(few_graphs: Table, vary: Vary) -> None:
    values = np.tile(np.arange(300.0), (9, 1))
    table = vary(few_graphs, val_accuracy=values)
    rng = np.random.default_rng(2)
    near, far = (rng.integers(low, low + 30, (20, 1)) for low in (260, 100))
    rows = within_task(
        [
            outcome_of(table, near, name="near"),
            outcome_of(table, far, name="far"),
            outcome_of(table, near + 1, name="nearer"),
            outcome_of(table, near[::-1], name="as near"),
        ],
        1,
    )
    verdict = {row["optimizer"]: (row["best"], row["tied"]) for row in rows}
    assert verdict == {"nearer": (True, True), "near": (False, False), "far": (False, False), "as near": (False, True)}
    fixed = [outcome_of(table, np.full((20, 1), row), name=str(row)) for row in (299, 298, 299)]
    rows = within_task(fixed, 1)
    assert [(row["best"], row["tied"], row["p"]) for row in rows] == [
        (True, True, None),
        (False, False, None),
        (False, True, None),
    ]
    alone = within_task(fixed[:1], 1)
    assert alone[0]["best"] is True


def test_across_tasks_counts_tasks_not_runs(few_graphs: Table) -> None:
    rng = np.random.default_rng(3)
    outcomes = []
    for task in ("cora", "cs", "photo"):
        for name in ("source-ranking", "mine"):
            rows = rng.integers(0, 300, (6, 2))
            seen = few_graphs.values(task)[rows]
            record = Record(rows, seen, seen, np.zeros(2), np.zeros(2), 0.0)
            outcomes.append(Outcome(**vars(record), table=few_graphs, task=task, optimizer=name))
    lines = across_tasks(outcomes, "source-ranking")
    last = {line["optimizer"]: line for line in lines if line["budget"] == 2}
    means = {n: [o.regret[:, -1].mean() for o in outcomes if o.optimizer == n] for n in ("source-ranking", "mine")}
    difference = np.subtract(means["mine"], means["source-ranking"])
    assert last["mine"]["tasks"] == 3
    assert last["mine"]["regret"]["mean"] == pytest.approx(np.mean(means["mine"]))
    assert last["mine"]["difference"]["mean"] == pytest.approx(difference.mean())
    assert difference.min() <= last["mine"]["difference"]["low"] <= last["mine"]["difference"]["high"] <= difference.max()
    assert last["mine"]["rank"] + last["source-ranking"]["rank"] == pytest.approx(3.0)
    assert "difference" not in last["source-ranking"]
