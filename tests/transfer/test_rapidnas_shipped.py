"""The RapidNAS weights that come with warmnas: where they are from, what they have never seen, that they work."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench import WarmnasError, open_benchmark
from warmnas.search import Problem, SourceTask, make_optimizer
from warmnas.search.live.problem import candidates, problem
from warmnas.transfer.rapidnas import RapidNAS, TaskSet, image_set, shipped, train
from warmnas.transfer.rapidnas.described import Described

HELD_OUT = ("part=5,", "cifar10[", "animal", "spoken", "flowers", "digits")
LOSSES = ("squared", "rank")


def made_set(seed: int, shift: float = 0.0) -> TaskSet:
    """Four classes of ten made-up images."""
    from warmnas.transfer.rapidnas.sets import FEATURES

    rng = np.random.default_rng(seed)
    features = (rng.normal(size=(4, 10, FEATURES)) + shift).astype(np.float32)
    return TaskSet(features, np.full(4, 10), np.log10([4, 10]).astype(np.float32))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_weights_say_where_they_are_from(loss: str) -> None:
    path = shipped(loss)
    assert path.stat().st_size < 1_100_000
    model, notes = RapidNAS.load(path)
    table = open_benchmark("subsets-v1")
    plan = resources.files("warmnas.metadata") / "plans" / "subsets-v1.toml"
    assert model.loss == loss
    assert model.seed == 0
    assert model.space.name == table.space.name
    assert notes["tables"] == {"subsets-v1": table.hash}
    assert notes["plans"] == {"subsets-v1": hashlib.blake2b(plan.read_bytes(), digest_size=16).hexdigest()}
    assert notes["version"]
    assert ("--table", *notes["tables"], "--without", *notes["without"]) == train.SHIPPED
    assert len(notes["tasks"]) == 118
    assert set(notes["tasks"]) < set(table.tasks)
    assert not [task for task in notes["tasks"] if any(word in task for word in HELD_OUT)]
    assert notes["families"] == ["cifar100", "fashion-mnist", "mnist"]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_weights_order_and_draw_cells_for_images(loss: str) -> None:
    model, _ = RapidNAS.load(shipped(loss))
    cells = candidates(model.space).genotypes
    scores = model.predict(made_set(0), cells[::40])
    assert np.isfinite(scores).all()
    assert np.ptp(scores) > 0
    assert not np.allclose(scores, model.predict(made_set(1, 3.0), cells[::40]))  # other images, other scores
    absent = (cells[::40] == 0).sum(axis=1)
    assert np.corrcoef(scores, absent)[0, 1] < -0.2  # edges that are not there cost accuracy on every task of the table
    drawn = model.generate(made_set(0), 30)
    assert len(drawn) == 30
    assert model.space.connected(drawn).all()
    assert len(np.unique(model.space.class_keys(drawn))) == 30


def test_a_loss_without_weights_is_refused_in_one_line() -> None:
    with pytest.raises(WarmnasError, match="no weights for the loss 'huber'"):
        shipped("huber")


@pytest.fixture
def own(tmp_path: Path) -> tuple[Problem, str]:
    """A search on somebody's images, whose one source has none."""
    from warmnas.bench import space

    rng = np.random.default_rng(1)
    np.savez(tmp_path / "own.npz", x=rng.integers(0, 256, (40, 8, 8)).astype(np.uint8), y=np.arange(40) % 4)
    cells = space("nasbench201")
    genotypes = cells.sample(20, rng)
    source = SourceTask("t", genotypes[None], rng.normal(size=(1, 20)))
    made = problem(candidates(cells), [source], "own", 5, 0, 4)
    target = Described("the data", str(tmp_path / "own.npz"), "own", "0123456789ab", 8)
    return replace(made, described=(target, Described("", "t", ""))), str(tmp_path / "own.npz")


def test_a_search_on_images_uses_them_where_the_sources_have_none(
    own: tuple[Problem, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from warmnas.metadata.tasks import open_task
    from warmnas.transfer.rapidnas import described

    made, path = own
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path))
    monkeypatch.setattr(described, "_known", {})
    task = open_task(path, resolution=8)
    target = replace(made.described[0], key=task.hash[:12])
    made = replace(made, described=(target, made.described[1]))
    with pytest.warns(UserWarning, match="weights that come with warmnas are used"):
        optimizer = make_optimizer("rapidnas[loss=rank,generate=20]", made)
    chosen = optimizer.ask(5)[0]
    model, _ = RapidNAS.load(shipped("rank"))
    scores = model.predict(image_set(task), chosen)
    assert (np.diff(scores) <= 1e-6).all()  # best first


def test_a_target_of_a_family_that_they_know_is_refused(own: tuple[Problem, str]) -> None:
    made, _ = own
    seen = replace(made, described=(replace(made.described[0], family="mnist"), made.described[1]))
    with pytest.raises(WarmnasError, match=r"trained on tasks of mnist, the target's family.*relatives=yes"):
        make_optimizer("rapidnas[model=shipped]", seen)
