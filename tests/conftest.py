"""Shared by all tests: converted tables go to a folder of this test run, unless WARMNAS_CACHE says where."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from warmnas.search.workers import single_thread


def pytest_configure(config: pytest.Config) -> None:
    """Processes get tests that stand together, so that what a module prepares is prepared once, not by each of them."""
    if getattr(config.option, "dist", "") == "load":
        config.option.dist = "worksteal"


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("WARMNAS_CACHE"):
            base = tmp_path_factory.getbasetemp()  # of this process; its parent is that of all processes of a run
            patch.setenv("WARMNAS_CACHE", str((base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "cache"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small arrays are slower on many threads."""
    with single_thread():
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive() -> None:
    """A job in the background ignores interrupts, and its children would too; tests that send one need it to arrive."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
