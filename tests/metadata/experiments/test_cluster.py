"""The generator over a real Ray on this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import standins
from standins import FakeTrainer, everything_once

from warmnas.bench import WarmnasError
from warmnas.metadata.experiments import generate, prepare

HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    try:
        environment = {"env_vars": {"PYTHONPATH": HERE}}
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    except Exception as error:
        pytest.skip(f"no local Ray can be started here: {error}")
    yield ray
    ray.shutdown()


def run(store, plan, **trainer):
    return generate(plan, store, ray="auto", trainer=FakeTrainer(**trainer), opener=standins.open_task)


def test_a_plan_over_ray(ray, store, plan):
    assert run(store, plan)["done"] == 8
    everything_once(store, plan)


def test_stacks_and_failures_over_ray(ray, store, plan):
    names = list(dict.fromkeys(trial.genotype for trial in prepare(plan, standins.open_task).trials))
    counts = run(store, plan, stack=4, failures=dict(zip(names, ("diverges", "crash"), strict=False)))
    assert (counts["done"], counts["failed"]) == (4, 4)
    reasons = {"diverged: not a number in epoch 2", "crashed: ValueError: two lines", None}
    assert {reason for (reason,) in store.query("SELECT reason FROM trials")} == reasons


def test_a_ray_worker_that_dies_is_replaced(ray, store, tmp_path):
    plan = standins.plan(number=10, epochs=5)
    log = tmp_path / "pids"
    killer = threading.Thread(target=kill_some, args=(log,), daemon=True)
    killer.start()
    assert run(store, plan, seconds=0.05, pids=str(log))["done"] == 20
    killer.join()
    everything_once(store, plan)


def kill_some(log):
    for _ in range(3):
        time.sleep(0.7)
        pids = log.read_text().split() if log.exists() else []
        if pids:
            os.kill(int(pids[-1]), signal.SIGKILL)


def test_no_cluster_is_one_line(store, plan):
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        sys.modules["ray"].shutdown()
    pytest.importorskip("ray")
    for address in ("not an address", "127.0.0.1:1", "nowhere.invalid:6379", "ray://127.0.0.1:1"):
        with pytest.raises(WarmnasError, match="no Ray cluster at --ray"):
            generate(plan, store, ray=address, trainer=FakeTrainer(), opener=standins.open_task)
