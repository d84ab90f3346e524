"""The generator: every trial once, whatever dies; failures are recorded and the rest goes on."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import standins
from standins import FakeTrainer, epoch_of, everything_once

from warmnas.metadata.experiments import ExperimentStore, StoreUnavailable, generate, prepare


def run(store, plan, **options):
    options = {"trainer": FakeTrainer(), "workers": 2, **options}
    return generate(plan, store, opener=standins.open_task, **options)


def test_a_plan_is_done_and_then_there_is_nothing_to_do(store, plan, tmp_path):
    told = []
    counts = run(store, plan, progress=lambda done, total, states: told.append((done, total, states["done"])))
    assert counts == {"left": 0, "running": 0, "done": 8, "failed": 0, "epochs": 24}
    everything_once(store, plan)
    assert told[0] == (0, 24, 0)
    assert told[-1] == (24, 24, 8)
    log = tmp_path / "log"
    run(store, plan, trainer=FakeTrainer(log=str(log)))
    assert not log.exists()


def test_a_larger_plan_trains_what_is_new(store, plan, tmp_path):
    run(store, plan)
    log = tmp_path / "log"
    larger = standins.plan(number=6)
    assert run(store, larger, trainer=FakeTrainer(log=str(log)))["done"] == 12
    assert len(log.read_text().split()) == 4
    everything_once(store, larger)


def test_a_plan_leaves_other_plans_trials_alone(store, plan):
    other = prepare(standins.plan(number=6), standins.open_task)
    store.add(other.trials, other.id)
    assert run(store, plan)["done"] == 8
    assert store.status()["left"] == 4


def test_stacks(store, plan):
    assert run(store, plan, trainer=FakeTrainer(stack=3))["done"] == 8
    everything_once(store, plan)
    assert max(batch for (batch,) in store.query("SELECT batch FROM trials")) == 3


@pytest.mark.parametrize("stack", [1, 4])
def test_failures_are_recorded_and_the_rest_goes_on(store, plan, stack):
    names = list(dict.fromkeys(trial.genotype for trial in prepare(plan, standins.open_task).trials))
    failures = dict(zip(names, ("diverges", "memory", "crash"), strict=False))
    counts = run(store, plan, trainer=FakeTrainer(stack=stack, failures=failures))
    assert counts["failed"] == 6
    assert counts["done"] == 2
    reasons = ("diverged: not a number in epoch 2", "out of memory: no room", "crashed: ValueError: two lines")
    expected = dict(zip(names, (*reasons, None), strict=True))
    assert dict(store.query("SELECT genotype, reason FROM trials")) == expected
    done = store.query("SELECT epoch FROM epochs JOIN trials ON trial = number WHERE state = 'done'")
    assert sorted(done) == [(1,), (1,), (2,), (2,), (3,), (3,)]
    assert run(store, plan)["failed"] == 6  # they are not tried again


def test_a_training_that_ends_early_has_failed(store, plan):
    from warmnas.metadata.experiments.worker import run_claims

    prepared = prepare(plan, standins.open_task)
    store.add(prepared.trials)
    (claim,) = store.claim()
    trainer = FakeTrainer()
    trainer.train = lambda trials, task, report, device: report(0, epoch_of(trials[0], 1)) or {}
    run_claims(store, [claim], standins.open_task("a", resolution=4), trainer, "cpu")
    assert store.query("SELECT reason FROM trials WHERE state = 'failed'") == [
        ("crashed: RuntimeError: training ended after 1 of 3 epochs",)
    ]


def test_a_trial_that_kills_its_worker_does_not_stop_the_rest(store, plan, monkeypatch):
    monkeypatch.setattr("warmnas.metadata.experiments.claims.DEATHS", 3)
    name = prepare(plan, standins.open_task).trials[0].genotype
    counts = run(store, plan, trainer=FakeTrainer(failures={name: "dies"}))
    assert (counts["done"], counts["failed"]) == (6, 2)
    reason = "crashed: its workers died again and again (signal 9)"
    assert store.query("SELECT genotype, reason FROM trials WHERE state = 'failed'") == [(name, reason)] * 2


def test_workers_that_cannot_even_start_end_the_generation(store, plan, monkeypatch):
    monkeypatch.setattr(FakeTrainer, "__reduce__", lambda self: (standins.broken, ()), raising=False)
    with pytest.raises(RuntimeError, match="before they had anything to do"):
        run(store, plan)
    assert store.counts(prepare(plan, standins.open_task).id)["left"] == 8


def test_a_full_disk_ends_the_generation_and_the_next_goes_on(store, tmp_path):
    plan = standins.plan(number=40, epochs=20)
    with pytest.raises(StoreUnavailable, match="recorded is safe"):
        run(store, plan, trainer=standins.FullDisk())
    assert run(store, plan)["done"] == 80
    everything_once(store, plan)


def script(path, plan_text, log, workers=2, stack=1):
    """A generation of its own, as a script; torch is never imported."""
    return textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import standins
        if __name__ == "__main__":
            standins.generate_alone({str(path)!r}, standins.plan({plan_text}), {str(log)!r}, 0.02, {workers}, {stack})
    """)


def killed(tmp_path, kills, seed, plan_text="number=30, epochs=5", stack=1):
    """Kill generations at random moments: the main process, one of its workers, or all at once; then finish."""
    path, code = tmp_path / "store.db", tmp_path / "generation.py"
    code.write_text(script(path, plan_text, tmp_path / "log", stack=stack))
    draw, done = random.Random(seed), 0
    command = [sys.executable, str(code)]
    process = subprocess.Popen(command, start_new_session=True)
    while done < kills:
        time.sleep(draw.uniform(0.2, 1.2))
        if process.poll() is not None:
            assert process.returncode == 0
            break
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        target = draw.choice(["main", "all", "worker"])
        target = target if workers else "main"
        if target == "worker":
            os.kill(int(draw.choice(workers)), signal.SIGKILL)
        elif target == "all":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        done += 1
        if target != "worker":
            process.wait()
            process = subprocess.Popen(command, start_new_session=True)
    assert process.wait() == 0
    subprocess.run(command, check=True)
    return path, done


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="workers are found in /proc")
@pytest.mark.parametrize("stack", [1, 4])
def test_killed_at_random(tmp_path, stack):
    text = "number=30, epochs=5"
    path, kills = killed(tmp_path, 4, seed=stack, plan_text=text, stack=stack)
    assert kills >= 3
    store = ExperimentStore(path)
    everything_once(store, standins.plan(number=30, epochs=5))
    store.close()


@pytest.mark.skipif(not os.environ.get("WARMNAS_SLOW"), reason="takes minutes; WARMNAS_SLOW=1 runs it")
def test_killed_fifty_times(tmp_path):
    path, kills = killed(tmp_path, 50, seed=50, plan_text="number=250, epochs=8")
    assert kills == 50
    store = ExperimentStore(path)
    everything_once(store, standins.plan(number=250, epochs=8))
    store.close()


def test_an_epoch_that_was_reported_is_there(tmp_path):
    """A process says what it recorded, after it was recorded, and is killed."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from standins import epoch_of, trial
from warmnas.metadata.experiments import ExperimentStore
store = ExperimentStore({str(tmp_path / "store.db")!r})
store.add(trial(i) for i in range(2000))
while claims := store.claim():
    for epoch in (1, 2, 3):
        store.record(claims[0], epoch_of(claims[0].trial, epoch))
        print(claims[0].trial.id, epoch, flush=True)
"""
    said: set[str] = set()
    for seed in range(5):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said.add(process.stdout.readline())
        time.sleep(random.Random(seed).uniform(0.01, 0.2))
        process.kill()
        said.update(line for line in process.stdout if line.endswith("\n"))
        process.wait()
        store = ExperimentStore(tmp_path / "store.db")
        found = {f"{i} {e}\n" for i, e in store.query("SELECT id, epoch FROM epochs JOIN trials ON trial = number")}
        assert said - {""} <= found
        store.close()
    assert len(said) > 100


def test_ctrl_c_keeps_everything(tmp_path):
    path, code = tmp_path / "store.db", tmp_path / "generation.py"
    code.write_text(script(path, "number=200, epochs=5", tmp_path / "log"))
    process = subprocess.Popen([sys.executable, str(code)], start_new_session=True, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: path.exists() and epochs(path) > 10)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode != 0
    assert said.strip().endswith("KeyboardInterrupt")
    store = ExperimentStore(path, read_only=True)
    assert store.query("SELECT COUNT(*) FROM trials WHERE state = 'running'") == [(0,)]
    assert store.status()["done"] > 0
    store.close()


def test_workers_do_not_outlive_their_generator(tmp_path):
    path, code = tmp_path / "store.db", tmp_path / "generation.py"
    code.write_text(script(path, "number=200, epochs=5", tmp_path / "log"))
    process = subprocess.Popen([sys.executable, str(code)], start_new_session=True)
    wait_for(lambda: path.exists() and epochs(path) > 10)
    process.kill()
    process.wait()
    time.sleep(1.0)
    reached = epochs(path)
    time.sleep(0.5)
    assert epochs(path) == reached


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def epochs(path):
    try:
        store = ExperimentStore(path, read_only=True)
    except Exception:
        return 0  # it is just being made
    found = store.query("SELECT COUNT(*) FROM epochs")[0][0]
    store.close()
    return found


def test_two_generators_share_a_store(tmp_path, plan):
    path, log = tmp_path / "store.db", tmp_path / "log"
    plan = standins.plan(number=20)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=standins.generate_alone, args=(str(path), plan, str(log))) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    lines = log.read_text().split()
    assert len(lines) == len(set(lines)) == 40
    store = ExperimentStore(path)
    everything_once(store, plan)
    assert len(store.query("SELECT DISTINCT owner FROM trials")) >= 2
    store.close()
