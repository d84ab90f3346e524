"""TAP on held-out families: what is counted, what it is compared with, and the control."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from warmnas.bench import Table, open_benchmark
from warmnas.search.tap_study import CONTROL, HeldOut, held_out_families, mean_elsewhere

TINY: dict[str, Any] = {"members": 1, "first": 4, "second": 4, "epochs": 1}


@pytest.fixture(scope="module")
def chains() -> Table:
    return open_benchmark("chains-v1")


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def found(chains: Table, told: list[tuple[int, int]]) -> list[HeldOut]:
    return held_out_families(chains, progress=lambda done, total: told.append((done, total)), **TINY)


def test_every_task_is_a_target_once(chains: Table, found: list[HeldOut], told: list[tuple[int, int]]) -> None:
    assert [one.task for one in found] == list(chains.tasks)
    assert told == [(done, 20) for done in range(1, 21)]
    for one in found:
        assert set(one.tau) == {"tap", CONTROL, "log-params", "mean of other tasks"}
        assert set(one.error) == {"tap", CONTROL}


def test_common_chains_are_those_of_all_other_families(chains: Table, found: list[HeldOut]) -> None:
    measured = {task: set(chains.candidates(task).table_rows.tolist()) for task in chains.tasks}
    for one in found:
        others = [task for task in chains.tasks if chains.family(task) != chains.family(one.task)]
        common = set.intersection(*(measured[task] for task in others)) & measured[one.task]
        assert (one.common, one.own) == (len(common), len(measured[one.task]) - len(common))


def test_the_rivals_are_what_the_documentation_says(chains: Table, found: list[HeldOut]) -> None:
    """Kendall's tau of docs/predictors.md, and computed again with plain loops."""
    by_task = {one.task: one for one in found}
    assert by_task["digits[val=70]"].tau["mean of other tasks"] == pytest.approx(0.834, abs=5e-4)
    assert by_task["cifar10[eval=1000]"].tau["log-params"] == pytest.approx(0.359, abs=5e-4)
    for task in ("mnist[eval=1000]", "cifar100[seed=0,part=2,of=5,eval=1000]"):
        others = [t for t in chains.tasks if chains.family(t) != chains.family(task)]
        pairs = []
        for row in chains.candidates(task).table_rows:
            elsewhere = [float(chains.values(other)[row]) for other in others]
            if not np.isnan(elsewhere).any():
                pairs.append((np.mean(elsewhere), float(chains.values(task)[row])))
        expected = kendalltau(*zip(*pairs, strict=True)).statistic
        assert by_task[task].tau["mean of other tasks"] == pytest.approx(expected)


def test_the_target_is_not_in_the_mean_of_the_others(chains: Table) -> None:
    data = chains.data.copy(deep=True)
    family = [chains.family(task) == "cifar100" for task in chains.tasks]
    data["val_accuracy"].values[family] = 50.0
    target = chains.tasks[int(np.argmax(family))]
    np.testing.assert_array_equal(mean_elsewhere(Table(data), target), mean_elsewhere(chains, target))
    assert not np.array_equal(mean_elsewhere(Table(data), "mnist[eval=1000]"), mean_elsewhere(chains, "mnist[eval=1000]"))


def test_the_control_differs_in_the_dcn_alone(chains: Table, found: list[HeldOut]) -> None:
    assert any(one.error["tap"] != one.error[CONTROL] for one in found)
    data = chains.data.isel(task=[0, 1, 4]).copy(deep=True)
    data["dcn"].values[:] = 0.5
    data.attrs.pop("hash")
    for one in held_out_families(Table(data), **TINY):
        assert one.error["tap"] == one.error[CONTROL]
        assert one.tau["tap"] == one.tau[CONTROL]


def test_chains_without_parameter_counts_and_few_own_ones(chains: Table) -> None:
    data = chains.data.isel(task=[0, 1]).drop_vars("params")
    data = data.isel(architecture=np.flatnonzero(data["val_accuracy"].notnull().any("epoch").all(["task", "seed"]).values))
    data.attrs.pop("hash")
    for one in held_out_families(Table(data), **TINY):
        assert "log-params" not in one.tau or np.isfinite(one.tau["log-params"])
        assert one.own == 0
        assert all(np.isnan(tau) for tau in one.own_tau.values())
