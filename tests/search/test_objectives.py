"""Two objectives: hypervolume and fronts against counting and definitions, their studies and their optimizers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmnas.bench import FloatArray, IntArray, Split, Table, WarmnasError
from warmnas.search import Protocol, StudyResult, make_problem, study
from warmnas.search.dominance import crowding, front_numbers, order_of
from warmnas.search.hypervolume import attained, hypervolume, on_front
from warmnas.search.objectives import cost_name, costs_of, scaled_costs, scaled_values
from warmnas.search.optimizers.ehvi import staircase
from warmnas.search.records import write_study

Vary = Callable[..., Table]
Drive = Callable[..., IntArray]
STEPS = 8  # numbers are eighths, so that an area can be counted in squares
eighths = st.integers(-4, 12).map(lambda k: k / STEPS)
clouds = st.lists(st.tuples(eighths, eighths), min_size=1, max_size=9)


def counted_area(points: list[tuple[float, float]]) -> float:
    """Squares of a grid between the reference (0, 1) and the ideal that a point dominates; no point is beyond the grid."""
    squares = 0
    for i in range(-4, STEPS):  # costs from i / STEPS on
        for j in range(12):  # values up to (j + 1) / STEPS
            squares += any(v >= (j + 1) / STEPS and c <= i / STEPS for v, c in points)
    return squares / STEPS**2


@given(points=clouds)
def test_hypervolume_by_counting_squares(points: list[tuple[float, float]]) -> None:
    values, costs = np.array(points).T
    assert float(hypervolume(values, costs)) == pytest.approx(counted_area(points))


@given(points=clouds, other=st.tuples(eighths, eighths))
def test_another_point_never_takes_area_away(points: list[tuple[float, float]], other: tuple[float, float]) -> None:
    before, after = (float(hypervolume(*np.array(some).T)) for some in (points, [*points, other]))
    assert after >= before - 1e-12


@given(points=clouds)
def test_a_front_is_what_nothing_dominates_and_has_all_of_the_area(points: list[tuple[float, float]]) -> None:
    values, costs = np.array(points).T
    front = on_front(values, costs)
    kept = {points[i] for i in np.flatnonzero(front)}
    beaten = {p for p in points if any(q[0] >= p[0] and q[1] <= p[1] and q != p for q in points)}
    assert kept == set(points) - beaten
    assert len(kept) == front.sum()  # of equal points one
    assert float(hypervolume(values[front], costs[front])) == pytest.approx(float(hypervolume(values, costs)))


@given(points=clouds)
def test_nsga2s_fronts_by_peeling(points: list[tuple[float, float]]) -> None:
    values, costs = np.array(points).T
    found = front_numbers(values[None], costs[None])[0]
    left, number = set(range(len(points))), 0
    while left:
        best = {
            i
            for i in left
            if not any(
                points[j][0] >= points[i][0] and points[j][1] <= points[i][1] and points[j] != points[i] for j in left
            )
        }
        assert {i for i in range(len(points)) if found[i] == number} == best
        left, number = left - best, number + 1


def test_crowding_of_a_front_by_hand() -> None:
    values = np.array([[1.0, 2.0, 4.0, 5.0, 0.0]])
    costs = np.array([[0.0, 0.2, 0.8, 1.0, 1.0]])  # four on a front, the last behind it
    fronts = front_numbers(values, costs)
    np.testing.assert_array_equal(fronts, [[0, 0, 0, 0, 1]])
    crowd = crowding(values, costs, fronts)[0]
    assert np.isinf(crowd[[0, 3, 4]]).all()
    np.testing.assert_allclose(crowd[1:3], [(4 - 1) / 4 + 0.8, (5 - 2) / 4 + 0.8])
    assert order_of(values, costs)[0].tolist() == [0, 2, 3, 1, 4]


def test_runs_are_ordered_each_for_itself() -> None:
    rng = np.random.default_rng(0)
    values, costs = rng.integers(0, 5, (2, 6, 8)).astype(float)
    together = order_of(values, costs)
    for run in range(6):
        np.testing.assert_array_equal(together[run], order_of(values[run : run + 1], costs[run : run + 1])[0])
        assert sorted(together[run]) == list(range(8))


def test_what_a_run_attains_is_chosen_by_what_it_saw_and_judged_by_the_truth() -> None:
    seen = np.array([[0.5, 0.9, 0.7, -np.inf]])
    judged = np.array([[0.6, 0.2, 1.0, 9.0]])
    costs = np.array([[0.0, 0.5, 0.5, 0.0]])
    areas = attained(seen, judged, costs, np.array([[0, 1, 2, 3, 4]]))
    # The second looks better than it is; the third, which is better, was seen as worse at the same cost.
    np.testing.assert_allclose(areas, [[0.0, 0.6, 0.6, 0.6, 0.6]])


def test_the_staircase_of_a_front() -> None:
    edges, heights = staircase(np.array([0.4, -1.0, 0.3, 0.9]), np.array([0.5, 0.1, 0.2, 0.5]))
    assert edges.tolist() == [0.0, 0.2, 0.5, 1.05]
    assert heights.tolist() == [0.0, 0.3, 0.9]


def test_the_scales_are_what_they_say(few_cells: Table) -> None:
    values, costs = scaled_values(few_cells, "cifar100"), scaled_costs(costs_of(few_cells, "cifar100", "params"))
    raw = few_cells.values("cifar100", None, Split.VAL)
    assert values.max() == 1
    assert values[np.argsort(raw)[len(raw) // 2]] == pytest.approx(0, abs=0.01)
    assert (costs.min(), costs.max()) == (0, 1)
    params = costs_of(few_cells, "cifar100", "params")
    ratio = np.log(params / params.min()) / np.log(params.max() / params.min())
    np.testing.assert_allclose(costs, ratio)
    assert scaled_costs(np.array([-1.0, 0.0, 3.0])).tolist() == [0.0, 0.25, 1.0]
    assert scaled_costs(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]


def test_costs_that_a_table_lacks_are_refused(few_cells: Table, few_graphs: Table, vary: Vary) -> None:
    assert cost_name("accuracy,params") == cost_name("params") == "params"
    for text, words in (("", "one cost"), ("params,flops", "one cost"), ("watts", "watts"), ("accuracy", "one cost")):
        with pytest.raises(WarmnasError, match=words):
            cost_name(text)
    with pytest.raises(WarmnasError, match="does not say flops; it has params, latency"):
        costs_of(few_cells, "cifar100", "flops")
    with pytest.raises(WarmnasError, match="only a latency has a device"):
        costs_of(few_cells, "cifar100", "params:pixel")
    device = str(few_cells.data["device"].values[0])
    np.testing.assert_array_equal(
        costs_of(few_cells, "cifar100", f"latency:{device}"), few_cells.data["latency"].sel(task="cifar100", device=device)
    )
    with pytest.raises(WarmnasError, match="nowhere"):
        costs_of(few_cells, "cifar100", "latency:nowhere")
    holes = few_cells.data["params"].values.copy()
    holes[..., 3] = np.nan
    with pytest.raises(WarmnasError, match="lacks it for 1 of the 300"):
        costs_of(vary(few_cells, params=holes), "cifar100", "params")
    with pytest.raises(WarmnasError, match="--stopper"):
        study([few_cells], ["random"], Protocol(("cifar100",), 5, 2, stopper="median", objectives="params"))


@pytest.fixture(scope="module")
def result(few_cells: Table) -> StudyResult:
    protocol = Protocol(("cifar100", "ImageNet16-120"), 40, 4, seed=3, sources="none", objectives="accuracy,params")
    return study([few_cells], ["random", "mo-rea", "nsga2", "ehvi"], protocol)


def test_a_study_judges_fronts(result: StudyResult, tmp_path: Path) -> None:
    assert result.protocol.objectives == "params"
    for front in result.fronts:
        shares = front.share_at(range(1, 41))
        assert ((shares >= 0) & (shares <= 1 + 1e-12)).all()
        assert (np.diff(shares, axis=1) >= -1e-12).all()  # by means over seeds, what is seen is the truth
        rows = front.front(0)
        params, values = front.costs[rows], front.outcome.table.values(front.outcome.task, rows)
        assert (np.diff(params) > 0).all()
        assert (np.diff(values) > 0).all()
    content = write_study(result, tmp_path, "warmnas study")
    again = json.loads((tmp_path / "summary.json").read_text())
    for row, front in zip(again["rows"], result.fronts, strict=True):
        assert row["objectives"] == ["accuracy", "params"]
        assert list(row["hypervolume"]) == ["1", "2", "5", "10", "20", "40"]
        assert row["hypervolume"]["40"] == pytest.approx(front.share_at([40]).mean())
        assert row["front"][0]["cost"] == front.costs[front.front(front.typical)[0]]
    tests = content["statistics"]["hypervolume"]
    assert {row["optimizer"] for row in tests["within_task"] if row["best"]} <= {"random", "mo-rea", "nsga2", "ehvi"}
    assert sum(tests["ranks"][0]["rank"].values()) == pytest.approx(10)
    page = (tmp_path / "report.html").read_text()
    assert "Accuracy against parameters" in page
    assert "the task&#x27;s own front" in page
    assert "Average ranks by missing hypervolume (%) over 2 tasks" in page


def test_all_candidates_have_all_of_the_hypervolume(few_cells: Table, vary: Vary) -> None:
    table = vary(few_cells, rows=np.arange(30))
    [front] = study([table], ["nsga2"], Protocol(("cifar100",), 30, 3, sources="none", objectives="params")).fronts
    np.testing.assert_allclose(front.share_at([30]), 1)
    np.testing.assert_array_equal(front.front(0), front.best_front())


def test_a_clock_and_single_seeds(few_cells: Table) -> None:
    protocol = Protocol(("cifar100",), None, 3, observe="seed", sources="none", seconds=1e5, objectives="params")
    outcomes = study([few_cells], ["random", "mo-rea"], protocol)
    for front in outcomes.fronts:
        lost = front.lost_at(front.outcome.points)
        assert lost.shape == (3, 4)
        assert np.isfinite(lost[:, -1]).all()


def test_those_for_two_objectives_find_better_fronts_than_chance(cells: Table, few_cells: Table) -> None:
    def shares(table: Table, names: list[str], budget: int) -> list[float]:
        protocol = Protocol(("cifar100",), budget, 20, sources="none", objectives="params")
        return [float(front.share_at([budget]).mean()) for front in study([table], names, protocol).fronts]

    random, *evolved = shares(cells, ["random", "mo-rea", "nsga2"], 150)  # neighbours are there to be found
    assert min(evolved) > random + 0.02
    random, modelled = shares(few_cells, ["random", "ehvi"], 40)
    assert modelled > random + 0.05


@pytest.mark.parametrize("name", ["mo-rea", "nsga2", "ehvi"])
def test_costs_decide_something(name: str, few_cells: Table, drive: Drive) -> None:
    protocol = Protocol(("cifar100",), 40, 3, sources="none", objectives="params")
    problem = make_problem(few_cells, "cifar100", protocol)
    assert problem.costs is not None
    values: FloatArray = few_cells.values("cifar100")
    with_costs = drive(name, problem, values)
    turned = drive(name, replace(problem, costs=1 - problem.costs), values)
    without = drive(name, replace(problem, costs=None), values)
    assert (with_costs != turned).any()
    assert (with_costs != without).any()
    assert problem.costs[with_costs].mean() < problem.costs[turned].mean()


@pytest.mark.parametrize("spec", ["nsga2[population=1]", "nsga2[crossover=2]", "mo-rea[sample=0]"])
def test_impossible_sizes_are_refused(spec: str, few_cells: Table) -> None:
    with pytest.raises(WarmnasError, match="needs a population"):
        study([few_cells], [spec], Protocol(("cifar100",), 5, 2, sources="none", objectives="params"))
