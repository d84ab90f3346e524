"""RapidNAS through its public face, on tasks whose images say which operation is good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from warmnas.bench import CorruptFile, FloatArray, Genotypes, WarmnasError, space
from warmnas.transfer.rapidnas import Experience, RapidNAS, TaskSet

CELLS = space("nasbench201")
SMALL: dict[str, Any] = {"members": 1, "steps": 60, "width": 16, "code": 16, "rate": 6e-3}


def quality(genotypes: Genotypes, wanted: float) -> FloatArray:
    """3x3 convolutions are good where ``wanted`` is above 0, 1x1 ones where it is below."""
    cells = CELLS.canonical(genotypes)
    worth: FloatArray = wanted * ((cells == 3).sum(axis=1) - (cells == 2).sum(axis=1)).astype(np.float64)
    return worth


def make_task(seed: int, wanted: float, n: int = 40) -> Experience:
    """Images whose first feature is ``wanted``; a level of the task that the images do not tell."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(3, 4, 5)).astype(np.float32)
    features[..., 0] += 4 * wanted
    genotypes = CELLS.sample(n, rng)
    values = 60 + rng.normal() + 3 * quality(genotypes, wanted)
    return Experience(f"made-{seed}", TaskSet(features, np.full(3, 4), np.zeros(2, np.float32)), genotypes, values)


@pytest.fixture(scope="module")
def taught() -> list[Experience]:
    return [make_task(seed, (-1.0, 1.0)[seed % 2]) for seed in range(10)]


@pytest.fixture(scope="module", params=["squared", "rank"])
def model(request: pytest.FixtureRequest, taught: list[Experience]) -> RapidNAS:
    return RapidNAS(CELLS, loss=request.param, **SMALL).fit(taught)


def test_a_new_task_is_ranked_by_its_images_and_another_ones_images_rank_it_wrongly(model: RapidNAS) -> None:
    for wanted in (-1.0, 1.0):
        new, other = make_task(50, wanted, 150), make_task(51, -wanted)
        right, wrong = (
            kendalltau(model.predict(images, new.genotypes), new.values).statistic for images in (new.task, other.task)
        )
        assert right > 0.45
        assert wrong < -0.45


def test_generated_cells_suit_the_images_and_are_different_working_cells(model: RapidNAS) -> None:
    for wanted in (-1.0, 1.0):
        cells = model.generate(make_task(60, wanted).task, 60)
        assert len(cells) == len(np.unique(CELLS.class_keys(cells))) == 60
        assert CELLS.connected(cells).all()
        np.testing.assert_array_equal(cells, CELLS.canonical(cells))
        drawn = CELLS.sample(500, np.random.default_rng(0))
        assert quality(cells, wanted).mean() > quality(drawn, wanted).mean() + 0.5


def test_predictions_are_in_the_unit_of_the_values(taught: list[Experience]) -> None:
    told = [Experience(e.name, e.task, e.genotypes, 1e4 * e.values) for e in taught]
    plain, large = (RapidNAS(CELLS, **{**SMALL, "steps": 5, "members": 2}).fit(tasks) for tasks in (taught, told))
    genotypes = CELLS.sample(30, np.random.default_rng(1))
    mean, std = plain.predict(taught[0].task, genotypes, return_std=True)
    assert abs(mean.mean() - 60) < 5
    assert (std > 0).all()
    np.testing.assert_allclose(large.predict(taught[0].task, genotypes), 1e4 * mean, rtol=1e-3)


def test_the_same_seed_gives_the_same_and_saving_changes_nothing(model: RapidNAS, tmp_path: Path) -> None:
    new = make_task(70, 1.0)
    model.save(tmp_path / "m.safetensors", {"families": ["made"]})
    loaded, notes = RapidNAS.load(tmp_path / "m.safetensors")
    assert notes == {"families": ["made"]}
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict(new.task, new.genotypes), model.predict(new.task, new.genotypes))
    np.testing.assert_array_equal(loaded.generate(new.task, 20, seed=3), model.generate(new.task, 20, seed=3))
    assert not np.array_equal(model.generate(new.task, 20, seed=4), model.generate(new.task, 20, seed=3))


def test_a_damaged_file_is_refused(model: RapidNAS, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"x" * 300, whole.replace(b"warmnas rapidnas 1", b"warmnas rapidnas 9")):
        path.write_bytes(content)
        with pytest.raises(CorruptFile, match=r"m\.safetensors"):
            RapidNAS.load(path)
    with pytest.raises(WarmnasError, match="does not exist"):
        RapidNAS.load(tmp_path / "none.safetensors")


def test_it_works_in_other_spaces() -> None:
    for name in ("nasbench-graph", "chain"):
        other = space(name)
        rng = np.random.default_rng(2)
        tasks = [
            Experience(f"t{i}", make_task(i, 1.0).task, g := other.sample(12, rng), g[:, 0].astype(float)) for i in range(3)
        ]
        model = RapidNAS(other, members=1, steps=2, width=8, code=8).fit(tasks)
        assert np.isfinite(model.predict(tasks[0].task, tasks[1].genotypes)).all()
        cells = model.generate(tasks[0].task, 5)
        assert len(cells) == 5
        assert other.valid(cells).all()


def test_wrong_input_is_refused_in_one_line(taught: list[Experience]) -> None:
    one = taught[0]
    fresh = RapidNAS(CELLS)
    with pytest.raises(WarmnasError, match="learned nothing"):
        fresh.predict(one.task, one.genotypes)
    with pytest.raises(WarmnasError, match="several tasks, and 1"):
        fresh.fit([one])
    missing = Experience("gap", one.task, one.genotypes, np.where(np.arange(40) == 7, np.nan, one.values))
    with pytest.raises(WarmnasError, match=r"task 'gap': the value of \|.*is nan"):
        fresh.fit([one, missing])
    short = Experience("short", one.task, one.genotypes, one.values[:-1])
    with pytest.raises(WarmnasError, match="task 'short'"):
        fresh.fit([one, short])
    stored = TaskSet(np.zeros((1, 1, 9), np.float32), np.ones(1, np.int64), np.zeros(2, np.float32))
    with pytest.raises(WarmnasError, match="all of them from images"):
        fresh.fit([one, Experience("stored", stored, one.genotypes, one.values)])
    with pytest.raises(WarmnasError, match="code=10; a multiple of 4"):
        RapidNAS(CELLS, code=10).fit(taught)
    with pytest.raises(WarmnasError, match="loss of RapidNAS 'huber'"):
        RapidNAS(CELLS, loss="huber").fit(taught)  # type: ignore[arg-type]
    with pytest.raises(WarmnasError, match="ask for 1 or more"):
        RapidNAS(CELLS, **{**SMALL, "steps": 1}).fit(taught).generate(one.task, 0)


def test_constant_values_teach_nothing_and_do_no_harm(taught: list[Experience]) -> None:
    flat = [Experience(e.name, e.task, e.genotypes, np.full(40, 12.0)) for e in taught[:3]]
    for loss in ("squared", "rank"):
        model = RapidNAS(CELLS, members=1, steps=3, loss=loss, width=8, code=8).fit(flat)
        assert np.isfinite(model.predict(flat[0].task, flat[0].genotypes)).all()
