"""What LCRankNet learned from the same sources before is found again, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench import space
from warmnas.transfer.lcranknet import LCRankNet
from warmnas.transfer.lcranknet.model import TaskCurves
from warmnas.transfer.lcranknet.remembered import KEPT, fitted, key

CELLS = space("nasbench201")


def sources(level: float = 60.0) -> dict[str, TaskCurves]:
    found = {}
    for i in range(2):
        rng = np.random.default_rng(i)
        genotypes = CELLS.sample(12, rng)
        ends = level + (genotypes == 3).sum(axis=1) + rng.normal(size=12)
        found[f"t{i}"] = genotypes, ends[:, None] * np.linspace(0.6, 1.0, 5)
    return found


FAMILIES = {"t0": "a", "t1": "b"}


class Counting(LCRankNet):
    """Counts its trainings."""

    trained = 0

    def fit(self, *given, **named):
        Counting.trained += 1
        return super().fit(*given, **named)


def learn(curves: Mapping[str, TaskCurves], seed: int = 0, steps: int = 3) -> tuple[LCRankNet, int]:
    """The model, and how many trainings it took."""
    before = Counting.trained
    model = fitted(Counting(members=1, steps=steps), curves, CELLS, seed, FAMILIES)
    return model, Counting.trained - before


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_second_time_nothing_is_trained_and_it_says_the_same(cache):
    first, trained = learn(sources())
    second, again = learn(sources())
    assert (trained, again) == (1, 0)
    genotypes, curves = sources()["t0"]
    partial = np.where(np.arange(5) < 2, curves, np.nan)
    np.testing.assert_array_equal(first.score(genotypes, partial), second.score(genotypes, partial))
    given = genotypes[1:], partial[1:], genotypes[:1], curves[:1]
    np.testing.assert_array_equal(first.p_better(*given), second.p_better(*given))
    one, other = (m.copy().adapt(genotypes, curves, np.ones(12, bool)).score(genotypes, partial) for m in (first, second))
    np.testing.assert_array_equal(one, other)


def test_whatever_the_training_depends_on_makes_another_file(cache):
    learn(sources())
    for given in ({"seed": 1}, {"steps": 4}):
        assert learn(sources(), **given)[1] == 1
    assert learn(sources(50.0))[1] == 1
    assert learn({"t0": sources()["t0"]})[1] == 1
    model = LCRankNet(members=1)
    others = [key(model, sources(), CELLS, 0, families) for families in (FAMILIES, {"t0": "a", "t1": "a"})]
    assert others[0] != others[1]


def test_a_damaged_file_is_made_again_and_the_oldest_go(cache):
    learn(sources())
    (file,) = cache.glob("lcrank-*.safetensors")
    file.write_bytes(b"broken")
    assert learn(sources())[1] == 1
    for i in range(KEPT):
        (cache / f"lcrank-{i}.safetensors").write_bytes(b"")
    learn(sources(), seed=5)
    assert len(list(cache.glob("lcrank-*.safetensors"))) == KEPT


def test_a_folder_that_cannot_be_written_to_costs_only_the_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "file"))
    assert [learn(sources())[1] for _ in range(2)] == [1, 1]


def test_without_sources_nothing_is_kept(cache):
    learn({})
    assert not cache.exists()
