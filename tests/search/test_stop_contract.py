"""What every stopper keeps to, whoever wrote it: it is tested by being registered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from warmnas.bench import Metric
from warmnas.search.stop_simulation import FixedOrder, Recorded, Search, Simulation
from warmnas.search.stoppers import Decision, History, Setting, Stopper, make_stopper, stoppers

from .stop_tables import SHORT, rising, setting

every_stopper = pytest.mark.parametrize("name", list(stoppers))
Said = list[tuple[str, int, int, object]]  # (question, trainings begun, epochs trained in all, answer)


def spec(name: str) -> str:
    return SHORT.get(name, name)


class Listening(Simulation):
    """Writes down every question and its answer."""

    def __init__(
        self, stopper: Stopper, recorded: Recorded, order: np.ndarray, fresh: Setting | None = None, name: str = ""
    ) -> None:
        super().__init__(stopper, recorded, FixedOrder(order))
        self.said: Said = []
        self.views: list[tuple[int, np.ndarray]] = []
        decide, resume = stopper.decide, stopper.resume

        def deciding(history: History, trial: int) -> Decision:
            answer = decide(history, trial)
            self._note("decide", history, (trial, str(answer)))
            if fresh is not None and len(self.said) % 5 == 0:
                assert make_stopper(name, fresh).decide(history, trial) is answer
            return answer

        def resuming(history: History) -> list[int]:
            answer = resume(history)
            self._note("resume", history, tuple(answer[:1]))
            return answer

        stopper.decide, stopper.resume = deciding, resuming  # type: ignore[method-assign]

    def _note(self, question: str, history: History, answer: object) -> None:
        self.said.append((question, len(history), int(history.seen.sum()), answer))
        self.views.append((len(history), history.seen.copy()))


def recorded_of(values: np.ndarray, genotypes: np.ndarray, metric: Metric) -> Recorded:
    return Recorded(genotypes, values, np.ones_like(values), metric)


def listened(
    name: str, where: Setting, values: np.ndarray, genotypes: np.ndarray, order: np.ndarray
) -> tuple[Listening, Search]:
    stopper = make_stopper(spec(name), where)
    stopper.foresee(values)
    simulation = Listening(stopper, recorded_of(values, genotypes, where.metric), order)
    return simulation, simulation.run()


@every_stopper
def test_no_look_ahead(name: str) -> None:
    where, values, genotypes = setting()
    order = np.random.default_rng(1).permutation(len(values))
    before, _ = listened(name, where, values, genotypes, order)
    rng = np.random.default_rng(2)
    for cut in {len(before.said) // 3, 2 * len(before.said) // 3}:
        begun, seen = before.views[cut]
        noise = rng.uniform(1, 99, values.shape)
        other = where.space.sample(len(values), rng)
        for trial, candidate in enumerate(order[:begun]):
            noise[candidate, : seen[trial]] = values[candidate, : seen[trial]]
            other[candidate] = genotypes[candidate]
        after, _ = listened(name, where, noise, other, order)
        assert after.said[: cut + 1] == before.said[: cut + 1]


@every_stopper
def test_what_comes_later_matters_to_the_rest(name: str) -> None:
    """Otherwise the test above would hold for who listens to nobody; none and zero-epoch listen to no curve."""
    where, values, genotypes = setting()
    order = np.arange(len(values))
    before, _ = listened(name, where, values, genotypes, order)
    after, _ = listened(name, where, np.full_like(values, 50.0), genotypes, order)
    assert (after.said == before.said) == (name in {"none", "zero-epoch"})


@every_stopper
def test_decisions_are_a_function_of_the_history(name: str) -> None:
    where, values, genotypes = setting()
    stopper = make_stopper(spec(name), where)
    if name in {"lcrank", "baker"}:  # which would learn from the sources anew each time
        where = replace(where, sources=where.sources[:1])
        stopper = make_stopper(spec(name), where)
    recorded = recorded_of(values, genotypes, where.metric)
    simulation = Listening(stopper, recorded, np.arange(len(values)), where, spec(name))
    simulation.run()
    assert simulation.said


@every_stopper
def test_every_search_returns_a_whole_training(name: str) -> None:
    where, values, genotypes = setting()
    _, search = listened(name, where, values, genotypes, np.arange(len(values)))
    assert search.candidates == list(range(len(values)))
    assert search.history.complete[search.history.leader()]
    assert search.spent == search.history.seen.sum() <= values.size
    np.testing.assert_array_equal(search.history.values[0, : search.history.seen[0]], values[0, : search.history.seen[0]])
    best = values[search.history.complete, -1].max()
    assert values[search.returned, -1] == best


@every_stopper
def test_direction_of_the_metric_does_not_matter(name: str) -> None:
    where, values, genotypes = setting()
    error = Metric("error", "percent", "minimize", (0.0, 100.0))
    mirrored, lost, same = setting(metric=error)
    np.testing.assert_array_equal(same, genotypes)
    np.testing.assert_allclose(lost, 100 - values)
    order = np.arange(len(values))
    up, found = listened(name, where, values, genotypes, order)
    down, also = listened(name, mirrored, lost, genotypes, order)
    assert up.said == down.said
    assert found.returned == also.returned


@every_stopper
@pytest.mark.parametrize("shape", ["constant", "decreasing", "one candidate", "one epoch"])
def test_odd_curves(name: str, shape: str) -> None:
    candidates, epochs = (1 if shape == "one candidate" else 8), (1 if shape == "one epoch" else 6)
    where, values, genotypes = setting(candidates, epochs)
    if shape == "constant":
        values[:] = 50.0
    elif shape == "decreasing":
        values = np.sort(values, axis=1)[:, ::-1].copy()
    _, search = listened(name, where, values, genotypes, np.arange(candidates))
    assert len(search.candidates) == candidates
    assert search.history.complete.any()


@every_stopper
def test_without_sources_it_works(name: str) -> None:
    where, values, genotypes = setting()
    _, search = listened(name, replace(where, sources=()), values, genotypes, np.arange(len(values)))
    assert search.history.complete.any()


@every_stopper
def test_many_workers_begin_every_candidate_once(name: str) -> None:
    where, values, genotypes = setting()
    stopper = make_stopper(spec(name), where)
    search = Simulation(
        stopper, recorded_of(values, genotypes, where.metric), FixedOrder(range(len(values))), workers=3
    ).run()
    assert sorted(search.candidates) == list(range(len(values)))
    assert search.elapsed <= search.spent
    assert not search.history.running.any()


@every_stopper
def test_failures_are_never_taken_up_again(name: str) -> None:
    where, values, genotypes = setting()
    stopper = make_stopper(spec(name), where)
    history = History(where.total, left=0)
    for candidate in range(4):
        trial = history.add(genotypes[candidate])
        history.record(trial, float(values[candidate, 0]))
        history.fail(trial)
    assert stopper.resume(history) == []


def test_rising_curves_of_the_tests_differ() -> None:
    values = rising(np.array([50.0, 80.0]), 9, np.random.default_rng(0))
    assert values.shape == (2, 9)
    assert (values[1, -1] - values[0, -1]) > 10
