"""The loop of a live search with made-up trainings: what is told and stopped, and that interruptions change nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import live_standins as standins
import numpy as np
import pytest
from live_standins import RECIPE, SPACE, Inline, Maker, outcome, row_of

from warmnas.metadata.experiments import ExperimentStore
from warmnas.search.stoppers import stoppers

from .stop_tables import SHORT, setting

RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
STOPPERS = ("none", "last", "median", "successive-halving", "asha", "hyperband")


def test_the_reference_comes_first_and_nothing_twice(tmp_path):
    trainings = standins.loop(Inline(3), tmp_path, budget=12).run()
    names = [SPACE.to_string(t.genotype) for t in trainings]
    assert names[0] == RESNET
    assert len({*SPACE.index(SPACE.canonical(np.stack([t.genotype for t in trainings])))}) == 12
    assert {t.state for t in trainings} == {"done"}
    for name, training in zip(names, trainings, strict=True):
        assert [e.val_accuracy for e in training.epochs] == [row_of(name, n).val_accuracy for n in range(1, 5)]


@pytest.mark.parametrize("stopper", STOPPERS)
def test_the_answer_does_not_depend_on_what_is_known_already(tmp_path, stopper):
    first = standins.loop(Inline(2), tmp_path, stopper=stopper)
    found = outcome(first.run())
    log = tmp_path / "log"
    again = standins.loop(Inline(2, Maker(log=str(log))), tmp_path, stopper=stopper)
    assert outcome(again.run()) == found
    assert not log.exists()  # everything came from the store and the checkpoints
    assert again.history.leader() == first.history.leader()
    assert found[again.history.leader()][1] == "done"


@pytest.mark.parametrize(
    ("stopper", "optimizer"),
    [*((name, "random") for name in stoppers), ("lcrank", "warm"), ("median", "tpe"), ("asha", "bohb"), ("baker", "gp")],
)
def test_any_stopper_with_any_optimizer(tmp_path, stopper, optimizer):
    """All of the budget is begun, at least one training ends, and what is learned is the same the second time."""
    where, _, _ = setting(candidates=8, epochs=RECIPE.epochs)
    start = {"optimizer": optimizer, "stopper": SHORT.get(stopper, stopper), "setting": where}
    trainings = standins.loop(Inline(2), tmp_path, **start).run()
    assert len(trainings) == 8
    assert SPACE.to_string(trainings[0].genotype) == RESNET
    assert {t.state for t in trainings} <= {"done", "stopped"}
    assert "done" in {t.state for t in trainings}
    assert outcome(standins.loop(Inline(2), tmp_path, **start).run()) == outcome(trainings)


@pytest.mark.parametrize("stopper", ["median", "successive-halving"])
def test_a_stopped_training_is_told_on_the_scale_of_final_values(tmp_path, stopper):
    """As in a study with a stopper: how far it was behind the incumbent, not the little that it had reached."""
    loop = standins.loop(Inline(1), tmp_path, stopper=stopper)
    told, noted, tell, note = {}, [], loop.optimizer.tell, loop.optimizer.note

    def remember(genotypes, values):
        (trial,) = [t for t in range(len(loop.trainings)) if loop.trainings[t].state and t not in told]
        seen = [epoch.val_accuracy for epoch in loop.trainings[trial].epochs]
        told[trial] = float(values[0, 0]), seen, loop.history.best, loop.history.incumbent
        tell(genotypes, values)

    def remember_note(genotypes, values, epochs):
        noted.append((float(values[0, 0]), epochs))
        note(genotypes, values, epochs)

    loop.optimizer.tell, loop.optimizer.note = remember, remember_note
    trainings = loop.run()
    stopped = [t for t, training in enumerate(trainings) if training.state == "stopped"]
    assert stopped
    for trial in stopped:
        value, seen, best, incumbent = told[trial]  # at its first stop
        gap = 0.0 if best is None else max(trainings[incumbent].epochs[len(seen) - 1].val_accuracy - seen[-1], 0.0)
        assert value == pytest.approx(seen[-1] if best is None else best - gap)
        assert (seen[-1], len(seen)) in noted


def test_a_stopped_training_costs_no_more_than_its_epochs(tmp_path):
    log = tmp_path / "log"
    trainings = standins.loop(Inline(2, Maker(log=str(log))), tmp_path, stopper="successive-halving").run()
    assert sum(len(t.epochs) for t in trainings) == len(log.read_text().splitlines())
    assert Counter(t.state for t in trainings)["stopped"] >= 5
    store = ExperimentStore(tmp_path / "store.db")
    states = dict(store.query("SELECT state, COUNT(*) FROM trials GROUP BY state"))
    store.close()
    assert states == {"done": 1, "left": 7}


def test_failures_are_recorded_and_the_search_goes_on(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    names = [name for name, *_ in outcome(standins.loop(Inline(1), tmp_path / "a", budget=4).run())]
    notes: list[str] = []
    maker = Maker(failures={names[1]: "diverges", names[0]: "memory"})
    trainings = standins.loop(Inline(1, maker), tmp_path / "b", budget=4, note=notes.append).run()
    assert [t.state for t in trainings] == ["done", "failed", "done", "done"]
    assert trainings[1].reason == "diverged: not a finite number in epoch 2"
    assert [t.batch for t in trainings] == [16, 32, 32, 32]
    assert notes == ["out of memory with 32 images a batch; such a training begins again with half as many"]
    store = ExperimentStore(tmp_path / "b" / "store.db")
    reasons = {reason for (reason,) in store.query("SELECT reason FROM trials WHERE state = 'failed'")}
    store.close()
    assert reasons == {"diverged: not a finite number in epoch 2", "out of memory: no room"}
    # A second start reads both failures from the store.
    assert outcome(standins.loop(Inline(1), tmp_path / "b", budget=4).run()) == outcome(trainings)


def test_time_that_is_up_ends_the_search(tmp_path):
    search = standins.loop(Inline(2, Maker(seconds=0.05)), tmp_path, budget=100, until=time.monotonic() + 0.6)
    trainings = search.run()
    assert search.ended or len(trainings) < 100
    assert len(trainings) < 100
    assert search.history.leader() >= 0
    assert {t.state for t in trainings} <= {"done", "out of time"}


def test_a_search_that_was_killed_ends_as_if_it_had_not_been(tmp_path):
    """Killed again and again, each time a little after something new was trained."""
    script = Path(standins.__file__)
    log, rng = tmp_path / "log", np.random.default_rng(0)
    kills = 2
    for _ in range(kills):
        before = len(log.read_text().splitlines()) if log.exists() else 0
        process = subprocess.Popen([sys.executable, str(script), str(tmp_path), "successive-halving", "0.2", "inline"])
        while process.poll() is None and (not log.exists() or len(log.read_text().splitlines()) < before + 2):
            time.sleep(0.01)
        time.sleep(rng.random() * 0.3)
        assert process.poll() is None, "it ended before it was killed"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run([sys.executable, str(script), str(tmp_path), "successive-halving", "0", "inline"], check=True)
    (tmp_path / "whole").mkdir()
    whole = outcome(standins.loop(Inline(2), tmp_path / "whole", stopper="successive-halving").run())
    assert json.loads((tmp_path / "found.json").read_text()) == json.loads(json.dumps(whole))
    trained = Counter(log.read_text().splitlines())
    epochs = sum(len(curve) for *_, curve in whole)
    assert len(trained) == epochs
    assert sum(trained.values()) - epochs <= 2 * kills  # an epoch that was being trained by each worker at each kill


@pytest.mark.skipif(not os.environ.get("WARMNAS_SLOW"), reason="takes minutes; WARMNAS_SLOW=1 runs it")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="workers are found in /proc")
def test_killed_at_thirty_random_moments(tmp_path):
    """The search, one of its workers, or all of them at once: at any time, also while it starts."""
    kills, budget, stopper, rng = 30, 80, "median", np.random.default_rng(30)
    start = [sys.executable, standins.__file__, str(tmp_path), stopper, "0.1", "processes", str(budget)]
    log, process, done = tmp_path / "log", subprocess.Popen(start, start_new_session=True), 0
    while done < kills:
        lines = len(log.read_text().splitlines()) if log.exists() else 0
        early = rng.random() < 0.3
        while not early and (len(log.read_text().splitlines()) if log.exists() else 0) == lines and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 2 if early else 0.5))
        assert process.poll() is None, f"it ended after {done} kills"
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        target = rng.choice(["main", "all", "worker"]) if workers else "main"
        done += 1
        if target == "worker":
            os.kill(int(rng.choice(workers)), signal.SIGKILL)
            continue
        if target == "all":
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        process = subprocess.Popen(start, start_new_session=True)
    assert process.wait() == 0
    (tmp_path / "whole").mkdir()
    whole = outcome(standins.loop(Inline(2), tmp_path / "whole", stopper=stopper, budget=budget).run())
    assert json.loads((tmp_path / "found.json").read_text()) == json.loads(json.dumps(whole))
    trained, epochs = Counter(log.read_text().splitlines()), sum(len(curve) for *_, curve in whole)
    again = sum(trained.values()) - len(trained)
    print(f"{done} kills, {len(whole)} trainings, {epochs} epochs, {again} of them begun again")
    assert len(trained) == epochs
    assert max(trained.values()) <= 3
    assert again <= 2 * kills  # what each of two workers was training at a kill
    store = ExperimentStore(tmp_path / "store.db")
    assert store.query("SELECT COUNT(*) FROM epochs") == [(epochs,)]
    assert store.query("SELECT COUNT(*) FROM trials WHERE state = 'running'") == [(0,)]
    store.close()


def test_the_reference_is_the_class_representative():
    listed = standins.candidates(SPACE)
    assert len(listed) == 4929
    row = int(listed.rows(SPACE.reference()[None])[0])
    assert SPACE.to_string(listed.genotypes[row]) == RESNET
    assert RECIPE.epochs == 4
