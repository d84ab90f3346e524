"""Whole searches, real trainings and all, killed at random moments: the command, a worker of it, or everything at once.

WARMNAS_KILLS and WARMNAS_FIRST (the first seed) divide the thirty kills into several runs.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from warmnas.metadata.experiments import ExperimentStore

pytestmark = [
    pytest.mark.skipif(not os.environ.get("WARMNAS_SLOW"), reason="takes minutes; WARMNAS_SLOW=1 runs it"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="workers are found in /proc"),
]
KILLS, FIRST, SEARCHES = int(os.environ.get("WARMNAS_KILLS", "30")), int(os.environ.get("WARMNAS_FIRST", "0")), 12
BUDGET, EPOCHS = 6, 5
SIZES = ["--budget", str(BUDGET), "--epochs", str(EPOCHS), "--width", "4", "--batch", "32", "--resolution", "8"]


def images(path):
    """Four noisy classes, 8 x 8."""
    rng = np.random.default_rng(0)
    y = np.arange(320) % 4
    pattern = rng.normal(0, 60, (4, 8, 8))
    np.savez(path, x=np.clip(128 + pattern[y] + rng.normal(0, 60, (320, 8, 8)), 0, 255).astype(np.uint8), y=y)
    return path


def command(data, folder, seed):
    """A search with a folder and a store of its own."""
    start = [sys.executable, "-m", "warmnas", "search", "--data", str(data), *SIZES, "--workers", "2"]
    return [*start, "--seed", str(seed), "--store", str(folder / "store.db"), "--out", str(folder / "run")]


def epochs_in(folder):
    """How many epochs the store has."""
    try:
        store = ExperimentStore(folder / "store.db", read_only=True, check=False)
        try:
            return store.query("SELECT COUNT(*) FROM epochs")[0][0]
        finally:
            store.close()
    except Exception:  # not there yet, or just being made
        return 0


def kill_once(process, folder, draw):
    """Kill at a random moment of the start, or a random while after something new was trained; whether it was killed."""
    before = epochs_in(folder)
    early = draw.random() < 0.3
    end = time.monotonic() + (draw.uniform(0, 8) if early else 1e9)
    while process.poll() is None and time.monotonic() < end and epochs_in(folder) == before:
        time.sleep(0.05)
    time.sleep(0 if early else draw.uniform(0, 3))
    if process.poll() is not None:
        return False
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    target = draw.choice(["main", "all", "worker"] if workers else ["main", "all"])
    if target == "worker":
        os.kill(int(draw.choice(workers)), signal.SIGKILL)
        return True
    if target == "all":
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    return True


def killed_until_it_ends(start, folder, kills, draw):
    """How often a search was killed before it ended."""
    done = 0
    process = subprocess.Popen(start, start_new_session=True, stderr=subprocess.PIPE)
    while process.poll() is None:
        if done == kills:
            break
        done += kill_once(process, folder, draw)
        if process.poll() is not None and process.returncode < 0:
            process = subprocess.Popen(start, start_new_session=True, stderr=subprocess.PIPE)
    errors = process.communicate()[1].decode()
    assert process.returncode == 0, errors
    return done


def answer(folder):
    """Everything that a search found, without its times."""
    content = json.loads((folder / "run" / "summary.json").read_text())
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in content["rows"]]
    found = {"found": content["found"], "rows": rows, "test": content["test"], "retraining": content["retraining"]}
    return found | {"exports": sorted(content["exports"])}


def test_killed_thirty_times(tmp_path):
    data, draw, kills = images(tmp_path / "data.npz"), random.Random(FIRST), 0
    for seed in range(FIRST, FIRST + SEARCHES):
        if kills >= KILLS:
            break
        whole, killed = tmp_path / f"whole{seed}", tmp_path / f"killed{seed}"
        whole.mkdir()
        killed.mkdir()
        subprocess.run(command(data, whole, seed), check=True, stderr=subprocess.DEVNULL)
        kills += killed_until_it_ends(command(data, killed, seed), killed, KILLS - kills, draw)
        assert answer(killed) == answer(whole)
        store = ExperimentStore(killed / "store.db")
        assert store.query("SELECT DISTINCT state FROM trials") == [("done",)]
        assert store.query("SELECT COUNT(*) FROM trials") == [(BUDGET,)]
        assert store.query("SELECT trial, COUNT(*), MAX(epoch) FROM epochs GROUP BY trial") == [
            (number, EPOCHS, EPOCHS) for (number,) in store.query("SELECT number FROM trials ORDER BY number")
        ]
        store.close()
        print(f"seed {seed}: {kills} kills so far, the same answer", flush=True)
    assert kills == KILLS


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own; call with a number of kilobytes to change its size."""
    place = tmp_path / "disk"
    place.mkdir()

    def size(kilobytes, *options):
        words = ["mount", "-t", "tmpfs", "-o", ",".join([*options, f"size={kilobytes}k"]), "tmpfs", str(place)]
        return subprocess.run(words, capture_output=True).returncode == 0

    if not size(200):
        pytest.skip("no file system can be mounted here")
    yield place, lambda kilobytes: size(kilobytes, "remount")
    subprocess.run(["umount", str(place)], check=False)


def test_a_disk_that_is_full_is_one_line_and_the_search_goes_on_with_room(small_disk, tmp_path):
    """With room for less and less of what a search writes, wherever it ends: store, checkpoint, weights, export, report."""
    place, resize = small_disk
    data, whole = images(tmp_path / "data.npz"), tmp_path / "whole"
    whole.mkdir()
    subprocess.run(command(data, whole, 0), check=True, stderr=subprocess.DEVNULL)
    said = []
    for kilobytes in (40, 200, 300, 360, 420, 100_000):
        assert resize(kilobytes)
        done = subprocess.run(command(data, place, 0), capture_output=True, text=True)
        said.append(done.stderr.splitlines()[-1])
        assert "Traceback" not in done.stderr
        if done.returncode == 0:
            break
        assert done.returncode in (1, 2), done.stderr
        assert [line for line in done.stderr.splitlines() if line.startswith("warmnas: ")] == said[-1:]
        assert "disk is full" in said[-1] or "No space left" in said[-1] or "disk" in said[-1], said
    assert done.returncode == 0
    assert len(said) > 2, said
    assert answer(place) == answer(whole)
    print("\n".join(said))
