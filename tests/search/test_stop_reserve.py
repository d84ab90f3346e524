"""What a limit of time alone leaves for promotions: hand-counted brackets, and the same through a study."""

from __future__ import annotations

import numpy as np
import pytest

from warmnas.bench import ACCURACY, Table, WarmnasError
from warmnas.search import Protocol, study
from warmnas.search.stop_reserve import Reserve
from warmnas.search.stop_simulation import FixedOrder, Recorded, Search, Simulation
from warmnas.search.stoppers import Setting, make_stopper

from .stop_tables import CELLS, table

EPOCHS = 9


def searched(spec: str, limit: float, candidates: int = 400, dear: float = 1.0) -> Search:
    """A search over rising curves; an epoch costs 1, or ``dear`` from the second third of the candidates on."""
    rng = np.random.default_rng(0)
    genotypes = CELLS.from_index(rng.choice(CELLS.size, candidates, replace=False))
    values = rng.uniform(20, 80, (candidates, 1)) + np.arange(EPOCHS)
    costs = np.where(np.arange(candidates) < candidates // 3, 1.0, dear)[:, None] * np.ones(EPOCHS)
    stopper = make_stopper(spec, Setting(EPOCHS, CELLS))
    stream = FixedOrder(range(candidates))
    return Simulation(stopper, Recorded(genotypes, values, costs, ACCURACY), stream, limit=limit).run()


@pytest.mark.parametrize(
    ("spec", "limit", "begun", "spent"),
    [
        ("successive-halving", 60, 26, 26 + 8 * 2 + 2 * 6),  # 27 would cost 27 + 18 + 18
        ("successive-halving", 63, 27, 63),
        ("i-epoch", 60, 36, 36 + 3 * 8),
        ("i-epoch[epochs=2,finish=1]", 60, 26, 26 * 2 + 7),
        ("hyperband", 60, 16, (9 + 6 + 6) + (15 + 6) + 2 * 9),  # two brackets, and two whole trainings of the third
        ("hyperband", 21, 9, 21),
    ],
)
def test_brackets_are_as_long_as_the_time_can_pay_for(spec: str, limit: float, begun: int, spent: float) -> None:
    found = searched(spec, limit)
    assert (len(found.history), found.spent) == (begun, spent)
    assert found.history.complete[found.history.incumbent]


@pytest.mark.parametrize("spec", ["successive-halving", "hyperband", "asha", "i-epoch", "asha[eta=2]"])
@pytest.mark.parametrize("limit", [9.0, 12.5, 40.0, 150.0, 333.0])
def test_whatever_the_time_a_whole_training_is_returned(spec: str, limit: float) -> None:
    found = searched(spec, limit)
    assert found.history.incumbent >= 0
    assert found.spent <= limit
    if limit > 30:
        assert len(found.history) > limit // EPOCHS
        assert found.spent > 0.7 * limit


def test_a_promotion_to_a_longer_schedule_is_reckoned_in_full() -> None:
    rng = np.random.default_rng(1)
    genotypes = CELLS.from_index(rng.choice(CELLS.size, 90, replace=False))
    costs = np.broadcast_to([12.0, 200.0], (90, 2))
    recorded = Recorded(genotypes, rng.uniform(20, 80, (90, 2)), costs, ACCURACY, schedules=True)
    stopper = make_stopper("successive-halving", Setting(2, CELLS, levels=(12, 200)))
    found = Simulation(stopper, recorded, FixedOrder(range(90)), limit=1000).run()
    assert len(found.history) == 14  # and 4 of them trained anew for 200 epochs; with 15 it would be 5
    assert found.spent == 14 * 12 + 4 * 200


def test_with_enough_time_nothing_changes() -> None:
    for spec in ("successive-halving", "hyperband", "asha", "i-epoch"):
        free, limited = (searched(spec, limit, 30) for limit in (1e9, 1e6))
        np.testing.assert_array_equal(free.seen, limited.seen)
        assert len(limited.history) == 30


def test_the_price_of_promotions_is_that_of_their_own_epochs() -> None:
    reserve = Reserve(100.0, np.array([1.0, 1.0, 4.0]))
    assert reserve.enough(99.0, np.array([0]), np.array([3]), 3)  # nothing has been paid: nobody knows
    reserve.pay(0, 20.0, 0, 1, False)  # 20 per epoch
    reserve.pay(1, 10.0, 0, 2, False)  # 5 per epoch; 10 on the average
    seen = np.array([1, 2])
    assert reserve.enough(30.0, seen, np.array([0, 1]), 0)  # 4 epochs at 5
    assert reserve.enough(80.0, seen, np.array([0, 1]), 0)
    assert not reserve.enough(80.1, seen, np.array([0, 1]), 0)
    assert reserve.enough(80.0, seen, np.array([1, 0]), 0)  # one epoch at 20
    assert not reserve.enough(80.0, seen, np.array([1, 0]), 1)  # and one of somebody new at 10
    by_schedule = Reserve(100.0, np.array([12.0, 200.0]))
    by_schedule.pay(0, 12.0, 0, 1, True)
    by_schedule.pay(0, 200.0, 1, 2, True)  # all of it, at 1 per epoch
    assert by_schedule.enough(0.0, np.array([0]), np.array([1]), 1) is True
    assert by_schedule.enough(0.0, np.array([1]), np.array([1]), 0) is False


@pytest.fixture(scope="module")
def made_up() -> Table:
    return table(epochs=EPOCHS, architectures=80)


@pytest.mark.parametrize("stopper", ["successive-halving", "hyperband", "asha", "i-epoch", "asha[workers=3]"])
def test_a_study_by_seconds_alone_promotes(made_up: Table, stopper: str) -> None:
    limit = 12 * EPOCHS * 2.0  # twelve whole trainings, an epoch takes two seconds
    protocol = Protocol(("a",), None, 4, sources="none", seconds=limit, stopper=stopper)
    outcome = study([made_up], ["bohb"], protocol).outcomes[0]
    assert (outcome.seconds.sum(axis=1) <= limit + 1e-9).all()
    assert (outcome.evaluations > 12).all()
    assert outcome.chosen is not None
    finals = made_up.values("a")
    assert (finals[outcome.chosen[:, -1]] >= np.nanmedian(finals)).all()
    short = outcome.seconds.sum(axis=1) / outcome.evaluations
    assert (short < EPOCHS * 2.0).all()


def test_dear_trainings_are_reckoned_at_their_own_price() -> None:
    """Where what is promoted costs three times the mean, fewer candidates come, and the promotions are still paid."""
    for spec in ("successive-halving", "i-epoch"):
        found = searched(spec, 250, dear=3.0, candidates=90)
        assert found.history.incumbent >= 0
        assert found.spent <= 250
        assert len(found.history) < len(searched(spec, 250, candidates=90).history)


def test_zero_epoch_needs_a_number_of_candidates(made_up: Table) -> None:
    protocol = Protocol(("a",), None, 2, sources="none", seconds=500.0, stopper="zero-epoch")
    with pytest.raises(WarmnasError, match="give --budget"):
        study([made_up], ["random"], protocol)
