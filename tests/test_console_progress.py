"""How long a live search says that the rest will take."""

from __future__ import annotations

import time

import pytest

from warmnas import console


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_what_comes_before_the_first_epoch_does_not_count(clock, capsys):
    with console.live_bar() as progress:
        progress(0, 11, "3 trainings")
        clock[0] += 500  # reading images, starting workers
        progress(1, 11, "one")
        clock[0] += 4
        progress(2, 11, "")
        clock[0] += 4
        progress(3, 11, "three")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["3 trainings", "one", "three, about 32 s left"]


def test_epochs_that_were_known_before_do_not_count(clock, capsys):
    with console.live_bar() as progress:
        clock[0] += 1
        progress(40, 100, "known")
        clock[0] += 6
        progress(41, 100, "trained")
        progress(60, 100, "known too")
        clock[0] += 2
        progress(61, 100, "trained too")
    assert capsys.readouterr().err.splitlines() == [
        "known",
        "trained, about 5 min 54 s left",
        "known too",
        "trained too, about 1 min 18 s left",
    ]
