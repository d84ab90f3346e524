"""Small stand-ins for images and training. They live in a module that worker processes can import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # spawned workers get this path too, and so find the stand-ins

import standins

from warmnas.metadata.experiments import ExperimentStore


@pytest.fixture
def store(tmp_path):
    opened = ExperimentStore(tmp_path / "store.db")
    yield opened
    opened.close()


@pytest.fixture
def plan():
    return standins.plan()
