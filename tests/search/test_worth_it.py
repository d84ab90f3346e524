"""The replayed searches of docs/worth_it.py, on values that are made up."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench.spaces import space
from warmnas.metadata.tasks import ImageTask, Part
from warmnas.search.live.problem import candidates
from warmnas.search.problem import SourceTask

DOCS = Path(__file__).parents[2] / "docs"
SPACE = space("nasbench201")
PART = Part(np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]))
TASK = ImageTask("a", "a", ("0", "1"), PART, PART, PART, False, False, "made up", "CC0-1.0")


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(DOCS))
    try:
        import worth_it_replay
    finally:
        sys.path.remove(str(DOCS))
    return worth_it_replay


def pool(n):
    """Cells, the ResNet cell first, and a value each; the last one is not known yet."""
    rng = np.random.default_rng(0)
    everything = candidates(SPACE).genotypes
    resnet = SPACE.reference()
    assert resnet is not None
    reference = SPACE.canonical(resnet[None])[0]
    cells = np.concatenate([reference[None], everything[rng.choice(len(everything), n - 1, replace=False)]])
    values = rng.uniform(20, 60, n)
    values[-1] = np.nan
    return cells, values


def test_searches_of_a_seed_have_the_same_candidates_and_the_reference_is_one(script):
    first = script.choices(range(40), 1000)
    assert first == script.choices(range(40), 1000)
    assert first != script.choices(range(40), 1001)
    assert first[0] == 0
    assert len(first) == 1 + round(39 * 0.75)


@pytest.mark.parametrize("optimizer", ["warm", "source-ranking", "live-params", "random", "rea[population=4]"])
def test_a_replayed_search_finds_the_best_that_it_trained(script, optimizer):
    cells, values = pool(32)
    sources = [SourceTask("other", cells[None, :-1], np.nan_to_num(values)[None, :-1])]
    found = script.replay(SPACE, cells, values, TASK, sources, optimizer, 10, 1000)
    assert found[0] == 0  # the ResNet cell is trained first
    assert len(found) == 10
    reached = values[found]
    assert (np.diff(reached) >= 0).all()
    assert set(found) <= set(script.choices(range(31), 1000))
    assert found == script.replay(SPACE, cells, values, TASK, sources, optimizer, 10, 1000)
    if optimizer in ("warm", "source-ranking"):  # the source is the task itself
        assert reached[-1] == values[script.choices(range(31), 1000)].max()


def test_a_pool_smaller_than_the_budget_is_searched_as_far_as_it_goes(script):
    cells, values = pool(8)
    assert len(script.choices(range(7), 1000)) == 5
    assert len(script.replay(SPACE, cells, values, TASK, [], "random", 10, 1000)) == 4
