"""The early-termination study and the stoppers of studies: pools, costs, figures, files and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from warmnas.bench import SplitAbsent, Table, UnknownName, WarmnasError
from warmnas.cli import main
from warmnas.search import Protocol, study
from warmnas.search.stop_pool import draw_pool
from warmnas.search.stop_records import summary
from warmnas.search.stop_run import told_value
from warmnas.search.stop_simulation import FixedOrder, Recorded, Simulation, with_workers
from warmnas.search.stop_study import StopProtocol, StopStudy, stop_study
from warmnas.search.stoppers import History, make_stopper

from .stop_tables import EPOCHS, table

CHEAP = ["none", "last", "i-epoch", "successive-halving", "asha[workers=2]"]


@pytest.fixture(scope="module")
def made_up() -> Table:
    return table()


@pytest.fixture(scope="module")
def result(made_up: Table) -> StopStudy:
    return stop_study([made_up], CHEAP, StopProtocol(("a", "c"), orders=5, seed=3))


# --- candidates and sources ----------------------------------------------------------------------------------------------
def test_sources_have_no_class_and_no_relative_of_the_target(made_up: Table) -> None:
    pool = draw_pool(made_up, "a", seed=1)
    assert [source.task for source in pool.sources] == ["c"]  # b is of a's family
    keys = made_up.space.class_keys
    for source in pool.sources:
        assert len(source.values) > 0
        assert not np.isin(keys(source.genotypes), keys(pool.genotypes)).any()
    assert len(pool) == 40 - int(np.ceil(40 * 7 / 32)) or len(np.unique(keys(made_up.genotypes))) < 40
    assert {s.task for s in draw_pool(made_up, "a", leave_out="task").sources} == {"b", "c"}


def test_all_candidates_are_taken_where_the_sources_have_others() -> None:
    both = table(("a", "c"), ("f", "g"))
    values = both.data["val_accuracy"].values.copy()
    values[0, 20:], values[1, :20] = np.nan, np.nan
    apart = Table(both.data.assign(val_accuracy=(both.data["val_accuracy"].dims, values)))
    assert len(draw_pool(apart, "a")) == 20
    assert len(draw_pool(apart, "a", candidates=7)) == 7


def test_pools_are_of_one_recorded_training_each(made_up: Table) -> None:
    pool = draw_pool(made_up, "a", seed=2)
    curves = made_up.data["val_accuracy"].values[0][pool.rows]
    assert all((pool.values[i] == curves[i]).all(axis=1).any() for i in range(len(pool)))
    assert pool.seconds is not None
    assert (pool.seconds == 2).all()
    n = len(pool)
    assert pool.ceiling == pytest.approx(n * EPOCHS / (n - 1 + EPOCHS))


def test_tables_without_curves_are_refused_with_the_reason(made_up: Table) -> None:
    from warmnas.bench import open_benchmark

    with pytest.raises(WarmnasError, match="axis=prefix"):
        draw_pool(open_benchmark("chains-v1"), open_benchmark("chains-v1").tasks[0])
    with pytest.raises(WarmnasError, match="only values at the end"):
        draw_pool(open_benchmark("nasbench201"), "cifar100")
    with pytest.raises(UnknownName, match="leave-out"):
        draw_pool(made_up, "a", leave_out="nothing")
    without = Table(
        made_up.data.rename(val_accuracy="test_accuracy").assign_attrs(splits=json.dumps({t: {"test": "t"} for t in "abc"}))
    )
    with pytest.raises(SplitAbsent):
        draw_pool(without, "a")


# --- costs ---------------------------------------------------------------------------------------------------------------
def test_a_schedule_is_paid_for_in_full() -> None:
    pool = draw_pool(table(schedules=(12, 200)), "a")
    assert pool.levels == (12, 200)
    stopper = make_stopper("i-epoch[finish=2]", pool.setting(0))
    recorded = Recorded(
        pool.genotypes, pool.values, np.broadcast_to(pool.epochs, pool.values.shape), pool.metric, None, True
    )
    search = Simulation(stopper, recorded, FixedOrder(range(len(pool)))).run()
    assert search.spent == 12 * len(pool) + 2 * 200
    alone = Simulation(make_stopper("none", pool.setting(0)), recorded, FixedOrder(range(len(pool)))).run()
    assert alone.spent == 200 * len(pool)
    assert np.isnan(alone.history.values[:, 0]).all()  # nobody looked at the short schedule, and nobody paid for it
    assert pool.ceiling == pytest.approx(len(pool) * 200 / (len(pool) * 12 + 200))


def test_a_limit_ends_a_search_at_the_chunk_that_would_overrun_it(made_up: Table) -> None:
    pool = draw_pool(made_up, "a")
    recorded = Recorded(pool.genotypes, pool.values, np.ones_like(pool.values), pool.metric)
    for limit in (1.0, 2.5 * EPOCHS, 1e9):
        search = Simulation(
            make_stopper("none", pool.setting(0)), recorded, FixedOrder(range(len(pool))), limit=limit
        ).run()
        whole = EPOCHS if limit < EPOCHS else min(limit // EPOCHS, len(pool)) * EPOCHS
        assert search.spent == whole


def test_workers_are_an_option_of_every_stopper() -> None:
    assert with_workers("asha[epochs=2,workers=4]") == ("asha[epochs=2]", 4)
    assert with_workers("none") == ("none", 1)
    with pytest.raises(WarmnasError, match="workers is a whole number"):
        with_workers("none[workers=0]")


# --- the study -----------------------------------------------------------------------------------------------------------
def test_rows_of_the_study(result: StopStudy) -> None:
    content = summary(result, "warmnas stop")
    wanted = {
        "task",
        "method",
        "parameter",
        "regret",
        "regret_sem",
        "percentile",
        "speedup",
        "speedup_ceiling",
        "overhead_seconds",
    }
    for row in content["rows"]:
        assert wanted <= set(row)
        assert row["regret"] >= 0
        assert 0 <= row["percentile"] <= 100
        # The oracle promises one look at each; who keeps to that is not faster.
        assert 1 - 1e-9 <= row["speedup"] <= row["speedup_ceiling"] + 1e-9
    by = {(row["task"], row["method"], row["parameter"]): row for row in content["rows"]}
    none = by["a", "none", None]
    assert (none["regret"], none["percentile"], none["speedup"]) == (0, 100, 1)
    assert by["a", "oracle", None]["regret"] == 0
    assert [row["parameter"] for row in content["rows"] if row["method"] == "i-epoch" and row["task"] == "a"] == [
        f"epochs={i}" for i in (1, 2, 4)
    ]
    assert {row["method"] for row in content["fronts"]} == {"last", "successive-halving", "asha"}
    assert by["a", "asha", "epochs=1 workers=2"]["elapsed"] < by["a", "successive-halving", "epochs=1"]["elapsed"]


def test_regret_is_against_the_best_of_the_same_trainings(result: StopStudy) -> None:
    pool = result.pool("a")
    one = next(j for j in result.judged if (j.task, j.method, j.parameter) == ("a", "i-epoch", "epochs=2"))
    best_three = np.argsort(-pool.values[:, 1], kind="stable")[:3]
    regret = pool.finals.max() - pool.finals[best_three].max()
    np.testing.assert_allclose(one.regret, regret)  # whatever the order
    np.testing.assert_allclose(one.epochs, 2 * len(pool) + 3 * (EPOCHS - 2))


def test_orders_do_not_depend_on_the_methods_or_on_how_many_there_are(made_up: Table, result: StopStudy) -> None:
    fewer = stop_study([made_up], ["last"], StopProtocol(("c",), orders=3, seed=3, fronts=False))
    some = next(j for j in result.judged if (j.task, j.method, j.parameter) == ("c", "last", "slack=0"))
    np.testing.assert_array_equal(fewer.judged[0].regret, some.regret[:3])
    np.testing.assert_array_equal(fewer.judged[0].epochs, some.epochs[:3])
    assert fewer.protocol_hash() != result.protocol_hash()


def test_how_far_it_is_counts_every_search_beforehand(made_up: Table) -> None:
    told: list[tuple[int, int, str]] = []
    stop_study([made_up], CHEAP, StopProtocol(("c",), orders=22, seed=3), lambda *words: told.append(words))
    assert [done for done, _, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, total, _ in told} == {len(told)}
    assert told[0][2] == "c none"


def test_command_line(made_up: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_up.save(tmp_path / "t.h5")
    given = ["stop", "--table", str(tmp_path / "t.h5"), "--target", "a", "c", "--orders", "3", "--seed", "1"]
    assert main([*given, "--method", "none", "i-epoch", "hyperband", "--out", str(tmp_path / "out"), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(content["tasks"]) == {"a", "c"}
    frame = pd.read_parquet(tmp_path / "out" / "searches.parquet")
    row = next(r for r in content["rows"] if (r["task"], r["method"]) == ("c", "hyperband"))
    asked = frame[(frame.task == "c") & (frame.method == "hyperband") & (frame.parameter == "eta=3")]
    assert row["regret"] == pytest.approx(asked.regret.mean())
    page = (tmp_path / "out" / "report.html").read_text()
    for text in (
        "<svg",
        "hyperband",
        "Beware" if content["tasks"]["a"]["verdict"] else "ceiling",
        "Wistuba",
        "default-src",
    ):
        assert text in page
    assert main([*given, "--method", "none", "--out", str(tmp_path / "shown")]) == 0
    assert "speed-up at most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--table", "chains-v1"], "axis=prefix"),
        (["--table", "nasbench201", "--target", "cifar100"], "no learning curves"),
        (["--table", "images-v1", "--method", "nobody"], "stopper 'nobody'"),
        (["--table", "images-v1", "--method", "none", "--orders", "0"], "--orders 0"),
        (["--table", "images-v1", "--target", "nowhere"], "nowhere"),
    ],
)
def test_bad_arguments_are_one_line(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", *words, "--out", str(tmp_path / "new")]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


# --- stoppers in studies -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "stopper", ["none", "median", "last", "successive-halving", "asha[workers=3]", "zero-epoch[trees=5]"]
)
@pytest.mark.parametrize("optimizer", ["random", "rea[population=4,sample=2]"])
def test_any_optimizer_with_any_stopper(made_up: Table, optimizer: str, stopper: str) -> None:
    protocol = Protocol(("a",), 12, 2, seed=5, source_rows=None, stopper=stopper)
    outcome = study([made_up], [optimizer], protocol).outcomes[0]
    whole = 12 * EPOCHS * 2.0
    assert outcome.rows.shape == (2, 12)
    assert all(len(set(run)) == 12 for run in outcome.rows.tolist())
    spent = outcome.seconds.sum(axis=1)
    assert (spent == whole).all() if stopper == "none" else (spent < whole).all()
    assert np.isfinite(outcome.regret).all()


def test_no_stopper_and_none_are_the_same_search(made_up: Table) -> None:
    plain = Protocol(("a",), 10, 3, seed=6, source_rows=None)
    without = study([made_up], ["random", "gp"], plain)
    early = study([made_up], ["random", "gp"], Protocol(("a",), 10, 3, seed=6, source_rows=None, stopper="none"))
    for one, other in zip(without.outcomes, early.outcomes, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_allclose(one.observed, other.observed)
        np.testing.assert_allclose(one.seconds, other.seconds)
        np.testing.assert_array_equal(one.regret, other.regret)
    assert without.protocol_hash() != early.protocol_hash()


def test_seconds_buy_more_evaluations_with_a_stopper(made_up: Table) -> None:
    limit = 6 * EPOCHS * 2.0
    by = {
        stopper: study(
            [made_up], ["random"], Protocol(("a",), None, 3, source_rows=None, seconds=limit, stopper=stopper)
        ).outcomes[0]
        for stopper in ("none", "median")
    }
    assert (by["none"].evaluations == 6).all()
    assert (by["median"].evaluations > 6).any()
    assert (by["median"].seconds.sum(axis=1) <= limit).all()


def test_observed_seeds_are_single_trainings(made_up: Table) -> None:
    outcome = study(
        [made_up], ["random"], Protocol(("a",), 8, 2, observe="seed", source_rows=None, stopper="none")
    ).outcomes[0]
    finals = made_up.data["val_accuracy"].values[0, :, :, -1]
    assert np.isin(outcome.observed, finals).all()


def test_promotion_between_schedules_pays_for_all_of_the_longer(made_up: Table) -> None:
    short = table(schedules=(12, 200))
    outcome = study([short], ["random"], Protocol(("a",), 9, 1, source_rows=None, stopper="successive-halving")).outcomes[0]
    assert outcome.seconds.sum() == 9 * 12 * 2.0 + 3 * 200 * 2.0
    with pytest.raises(WarmnasError, match="no prefixes"):
        study([short], ["random"], Protocol(("a",), 9, 1, source_rows=None, stopper="median"))


def test_what_an_optimizer_is_told_of_a_stopped_training() -> None:
    history = History(3)
    for curve in ([10, 50, 80], [20, 30], [5, 60]):
        trial = history.add(np.zeros(6, dtype=np.int8))
        for value in curve:
            history.record(trial, value)
    assert told_value(history, 0, 1.0) == 80
    assert told_value(history, 1, 1.0) == 60  # 20 behind after two epochs
    assert told_value(history, 2, 1.0) == 80  # ahead then, and still no better than what was trained to its end
    assert told_value(history, history.add(np.zeros(6, dtype=np.int8)), 1.0) == 1.0


def test_study_command_takes_a_stopper(made_up: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_up.save(tmp_path / "t.h5")
    given = [
        "study",
        "--benchmark",
        str(tmp_path / "t.h5"),
        "--task",
        "a",
        "--optimizer",
        "random",
        "--runs",
        "2",
        "--budget",
        "6",
    ]
    assert main([*given, "--stopper", "median", "--out", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["stopper"] == "median"
    assert main([*given, "--stopper", "nobody", "--out", str(tmp_path / "no")]) == 2
    assert "stopper 'nobody'" in capsys.readouterr().err
    assert (
        main(["study", "--benchmark", "nasbench201", "--budget", "3", "--stopper", "median", "--out", str(tmp_path / "no")])
        == 2
    )
    assert "no learning curves" in capsys.readouterr().err
