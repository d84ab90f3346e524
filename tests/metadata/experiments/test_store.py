"""The store: nothing twice, nothing lost, and clear words where the file is no good."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from standins import RECIPE, epoch_of, open_task, trial

from warmnas.bench import CorruptFile, WarmnasError
from warmnas.metadata.experiments import ClaimLost, ExperimentStore, StoreUnavailable, TaskFacts
from warmnas.metadata.experiments.owners import alive, machine, owner_of
from warmnas.metadata.training.recipe import Epoch

COUNT = "SELECT COUNT(*) FROM epochs"


def train(store, claim, epochs=3):
    for epoch in range(1, epochs + 1):
        store.record(claim, epoch_of(claim.trial, epoch))


def dead_owner():
    """The name of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        return owner_of(process.pid)


def abandon(store, owner):
    """As if the claims of this process were another's."""
    store._write(lambda c: c.execute("UPDATE trials SET owner = ? WHERE state = 'running'", (owner,)))


# --- trials --------------------------------------------------------------------------------------------------------
def test_a_trial_is_known_by_what_is_trained():
    first = trial(5)
    assert first.id == trial(5).id
    others = [
        trial(6),
        trial(5, "b"),
        trial(5, seed=1),
        trial(5, recipe=replace(RECIPE, width=8)),
        replace(first, task_hash="x"),
    ]
    assert len({first.id, *(other.id for other in others)}) == 6
    assert replace(first, task_hash="x").id == replace(first, task_hash="x", task="another/path.npz").id


def test_adding_twice_adds_once(store):
    trials = [trial(i) for i in range(5)]
    assert store.add(trials) == 5
    assert store.add(trials[::-1]) == 0
    assert store.add([*trials, trial(9)], plan="other") == 1
    assert store.counts()["left"] == 5
    assert store.counts("other")["left"] == 6
    assert store.status()["total"] == 6


def test_adding_does_not_undo_what_was_done(store):
    store.add([trial()])
    (claim,) = store.claim()
    train(store, claim)
    store.finish(claim, 7, 8)
    store.add([trial()])
    assert store.counts() == {"left": 0, "running": 0, "done": 1, "failed": 0, "epochs": 3}


def test_claims_come_in_order_and_once(store):
    store.add(trial(i) for i in range(3))
    claimed = [store.claim()[0].trial for _ in range(3)]
    assert claimed == [trial(i) for i in range(3)]
    assert store.claim() == []


def test_only_alike_trials_are_claimed_together(store):
    wide = replace(RECIPE, width=8)
    store.add([trial(0), trial(1, "b"), trial(2), trial(3, seed=1), trial(4, recipe=wide), trial(5)])
    assert [c.trial for c in store.claim(most=8)] == [trial(0), trial(2), trial(5)]
    assert [len(store.claim(most=lambda t: t.recipe.width)) for _ in range(3)] == [1, 1, 1]


def test_two_connections_never_claim_the_same(store):
    store.add(trial(i) for i in range(40))
    other = ExperimentStore(store.path)
    claims = [s.claim()[0].number for _ in range(20) for s in (store, other)]
    other.close()
    assert len(set(claims)) == 40


def test_what_was_recorded_is_read_back(store):
    store.add([trial()])
    (claim,) = store.claim()
    train(store, claim)
    store.finish(claim, 123, 456)
    rows = store.query(
        "SELECT epoch, train_loss, train_accuracy, val_accuracy, test_accuracy, seconds FROM epochs ORDER BY epoch"
    )
    assert [Epoch(*row) for row in rows] == [epoch_of(trial(), epoch) for epoch in (1, 2, 3)]
    assert store.query("SELECT state, params, flops FROM trials") == [("done", 123, 456)]


def test_what_is_no_number_is_no_number(store):
    store.add([trial()])
    (claim,) = store.claim()
    store.record(claim, Epoch(1, float("nan"), 1.0, 2.0, float("nan"), 0.1))
    assert store.query("SELECT train_loss, val_accuracy, test_accuracy FROM epochs") == [(None, 2.0, None)]


def test_a_failure_has_its_reason_in_one_line(store):
    store.add([trial()])
    (claim,) = store.claim()
    store.fail(claim, "diverged:\n  in epoch 2")
    assert store.query("SELECT state, reason FROM trials") == [("failed", "diverged: in epoch 2")]


# --- the dead ------------------------------------------------------------------------------------------------------
def test_a_dead_workers_trial_is_done_again_and_its_epochs_replaced(store):
    store.add([trial()])
    (first,) = store.claim()
    train(store, first, 2)
    assert store.release() == 0  # this process lives
    abandon(store, dead_owner())
    assert store.status()["running"] == 0
    assert store.release() == 1
    (second,) = store.claim()
    assert second.attempt == 2
    assert store.query(COUNT) == [(2,)]  # what was reported stays until it is replaced
    store.record(second, epoch_of(trial(), 1)._replace(val_accuracy=55.0))
    assert store.query("SELECT epoch, val_accuracy FROM epochs")[0] == (1, 55.0)
    train(store, second)
    store.finish(second, 1, 1)
    assert store.query("SELECT epoch, attempt FROM epochs ORDER BY epoch") == [(1, 2), (2, 2), (3, 2)]


def test_a_failure_leaves_no_epochs_of_earlier_attempts(store):
    store.add([trial()])
    train(store, store.claim()[0], 3)
    abandon(store, dead_owner())
    store.release()
    (second,) = store.claim()
    train(store, second, 1)
    store.fail(second, "diverged")
    assert store.query("SELECT epoch FROM epochs") == [(1,)]


def test_a_trial_that_starts_again_alone_replaces_the_stacks_epochs(store):
    store.add([trial(0), trial(1)])
    claims = store.claim(most=2)
    for claim in claims:
        train(store, claim, 2)
        store.alone(claim)
    assert store.query("SELECT DISTINCT batch, reported FROM trials") == [(1, 0)]
    assert store.query(COUNT) == [(4,)]
    train(store, claims[0], 1)
    store.fail(claims[0], "diverged")
    train(store, claims[1], 3)
    store.finish(claims[1], 1, 1)
    assert store.query("SELECT trial, epoch FROM epochs ORDER BY 1, 2") == [(1, 1), (2, 1), (2, 2), (2, 3)]


def test_a_worker_that_had_seemed_dead_can_change_nothing_more(store):
    store.add([trial()])
    (lost,) = store.claim()
    store.release([owner_of(os.getpid())])
    store.claim()
    for change in (
        lambda: store.record(lost, epoch_of(trial(), 1)),
        lambda: store.finish(lost, 1, 1),
        lambda: store.fail(lost, "x"),
        lambda: store.alone(lost),
    ):
        with pytest.raises(ClaimLost):
            change()
    store.release_claims([lost])
    assert store.counts()["running"] == 1
    assert store.query(COUNT) == [(0,)]


def test_who_is_alive():
    now = time.time()
    assert alive(owner_of(os.getpid()), 0.0, now)
    assert not alive(dead_owner(), now, now)
    assert not alive(f"{machine()}|{os.getpid()}|1", now, now)  # the number was used again
    host, _, namespace = machine().split("|")
    assert not alive(f"{host}|an-earlier-boot|{namespace}|1|1", now, now)
    assert alive("elsewhere|boot|pid:[1]|1|1", now - 60, now)
    assert not alive("elsewhere|boot|pid:[1]|1|1", now - 3600, now)


def test_a_trial_that_kills_its_workers_has_failed_in_the_end(store):
    store.add([trial(0), trial(1)])
    order = []
    for _ in range(20):
        claims = store.claim()
        if not claims:
            break
        order.append(claims[0].trial)
        if claims[0].trial == trial(1):
            train(store, claims[0])
            store.finish(claims[0], 1, 1)
        else:
            store.release([owner_of(os.getpid())], died="signal 9")
    assert order[:2] == [trial(0), trial(1)]  # the others come first
    reason = "crashed: its workers died again and again (signal 9)"
    assert store.query("SELECT state, reason FROM trials ORDER BY number") == [("failed", reason), ("done", None)]


def test_workers_that_die_later_are_hardly_the_trials_fault(store):
    store.add([trial()])
    for _ in range(12):
        (claim,) = store.claim()
        train(store, claim, 1)
        store.release([owner_of(os.getpid())], died="signal 9")
    assert store.counts()["left"] == 1


# --- status --------------------------------------------------------------------------------------------------------
def test_status_counts_and_estimates(store):
    store.note("workers", 2)
    store.add([*(trial(i) for i in range(6)), *(trial(i, "b") for i in range(4))])
    assert store.status() == {"total": 10, "done": 0, "running": 0, "failed": 0, "left": 10, "eta_seconds": None}
    claims = [store.claim()[0] for _ in range(4)]
    for claim in claims[:2]:
        train(store, claim)
        store.finish(claim, 1, 1)
    store.fail(claims[2], "diverged")
    train(store, claims[3], 1)
    store._write(lambda c: c.execute("UPDATE trials SET started = 100, finished = 130 WHERE state = 'done'"))
    status = store.status()
    # one worker is at work: two thirds of its trial, two more of task a at 30 s, four of b of which nothing is known
    assert status == {"total": 10, "done": 2, "running": 1, "failed": 1, "left": 6, "eta_seconds": pytest.approx(200.0)}
    store.release([owner_of(os.getpid())])
    assert store.status()["eta_seconds"] == pytest.approx(7 * 30 / 2)  # the two of the last generation


def test_a_stack_shares_its_time(store):
    store.add(trial(i) for i in range(6))
    for claim in store.claim(most=4):
        store.finish(claim, 1, 1)
    store._write(lambda c: c.execute("UPDATE trials SET started = 100, finished = 140 WHERE state = 'done'"))
    assert store.status()["eta_seconds"] == pytest.approx(2 * 10)


def test_status_when_all_is_done(store):
    store.add([trial()])
    store.finish(store.claim()[0], 1, 1)
    assert store.status() == {"total": 1, "done": 1, "running": 0, "failed": 0, "left": 0, "eta_seconds": 0.0}


# --- files ---------------------------------------------------------------------------------------------------------
def fill(path, trials=300):
    store = ExperimentStore(path)
    store.add((trial(i) for i in range(trials)), tasks=[TaskFacts.of(open_task("a", resolution=4), "a")])
    store.close()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_truncated_store_is_refused(tmp_path, read_only):
    path = tmp_path / "store.db"
    fill(path)
    content = path.read_bytes()
    for length in (50, 5000, len(content) // 2, len(content) - 100):
        path.write_bytes(content[:length])
        with pytest.raises(WarmnasError, match=r"store\.db"):
            ExperimentStore(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
def test_other_files_are_refused_and_not_touched(tmp_path, read_only):
    path = tmp_path / "other"
    for content in (b"hello", bytes(10_000), json.dumps({"a": 1}).encode()):
        path.write_bytes(content)
        with pytest.raises(CorruptFile):
            ExperimentStore(path, read_only=read_only)
        assert path.read_bytes() == content
    path.unlink()
    sqlite3.connect(path).execute("CREATE TABLE mine (x)").connection.close()
    content = path.read_bytes()
    with pytest.raises(CorruptFile, match="not an experiment store"):
        ExperimentStore(path, read_only=read_only)
    assert path.read_bytes() == content


def test_places_that_hold_no_store(tmp_path):
    with pytest.raises(WarmnasError, match="no experiment store"):
        ExperimentStore(tmp_path / "missing.db", read_only=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "store.db", "/proc/store.db", "a\0b"):
        with pytest.raises(WarmnasError):
            ExperimentStore(path)


def test_a_later_version_is_refused(tmp_path):
    fill(tmp_path / "s")
    with sqlite3.connect(tmp_path / "s") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(WarmnasError, match="later warmnas"):
        ExperimentStore(tmp_path / "s")


def test_looking_changes_nothing_and_works_beside_a_writer(tmp_path):
    fill(tmp_path / "s", 3)
    before = (tmp_path / "s").read_bytes()
    reader = ExperimentStore(tmp_path / "s", read_only=True)
    assert reader.status()["total"] == 3
    with pytest.raises(WarmnasError):
        reader.add([trial(99)])
    writer = ExperimentStore(tmp_path / "s")
    writer.claim()
    assert reader.status()["running"] == 1
    writer.release([owner_of(os.getpid())])
    reader.close()
    writer.close()
    assert len((tmp_path / "s").read_bytes()) == len(before)


def test_a_folder_that_cannot_be_written_can_be_looked_at(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    fill(tmp_path / "s", 3)
    tmp_path.chmod(0o500)
    try:
        assert ExperimentStore(tmp_path / "s", read_only=True).status()["total"] == 3
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_is_said_and_nothing_is_lost(store):
    store.add(trial(i) for i in range(20))
    claims = [store.claim()[0] for _ in range(20)]
    store.query(f"PRAGMA max_page_count = {store.query('PRAGMA page_count')[0][0] + 2}")
    recorded = 0
    for epoch, claim in itertools.product(range(1, 1000), claims):
        try:
            store.record(claim, epoch_of(claim.trial, epoch))
        except StoreUnavailable as error:
            said = str(error)
            break
        recorded += 1
    assert "disk is full" in said
    assert recorded > 20
    assert store.query(COUNT) == [(recorded,)]
    assert store.query("PRAGMA integrity_check") == [("ok",)]
    store.query("PRAGMA max_page_count = 100000")  # room again
    store.record(claims[0], epoch_of(claims[0].trial, 1000))
    assert store.query(COUNT) == [(recorded + 1,)]


def test_a_limit_on_file_sizes_is_said_too(tmp_path):
    code = f"""
import resource, sys
sys.path.insert(0, {str(os.path.dirname(__file__))!r})
from standins import epoch_of, trial
from warmnas.metadata.experiments import ExperimentStore, StoreUnavailable
store = ExperimentStore({str(tmp_path / "s")!r})
store.add([trial()])
(claim,) = store.claim()
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
n = 0
try:
    while n < 100_000:
        store.record(claim, epoch_of(trial(), n + 1))
        n += 1
except StoreUnavailable as error:
    print(n, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    recorded, said = done.stdout.split(" ", 1)
    assert "recorded is safe" in said
    store = ExperimentStore(tmp_path / "s")
    assert store.query(COUNT) == [(int(recorded),)]
    assert store.query("PRAGMA integrity_check") == [("ok",)]
    store.close()


def test_a_store_stays_in_its_process(store):
    copy = pickle.loads(pickle.dumps(store))
    assert copy.path == store.path
    copy.close()
    if (pid := os.fork()) == 0:
        try:
            store.status()
        except RuntimeError:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
