"""What is special of the optimizer ``rapidnas``; the contract is tested with all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench import IntArray, Table, WarmnasError
from warmnas.search import Problem, Protocol, make_optimizer, make_problem
from warmnas.transfer.rapidnas import Experience, RapidNAS, TaskSet, embedding_set

Drive = Callable[..., IntArray]
Vary = Callable[..., Table]


@pytest.fixture(scope="module")
def problem(few_cells: Table) -> Problem:
    return make_problem(few_cells, "cifar100", Protocol(("cifar100",), 12, 2, source_rows=40))


@pytest.fixture(scope="module")
def model(few_cells: Table) -> RapidNAS:
    """Taught on two made-up tasks; what is good is the same for both."""
    rng = np.random.default_rng(0)
    tasks = []
    for i in range(2):
        genotypes = few_cells.space.sample(60, rng)
        values = (few_cells.space.canonical(genotypes) == 3).sum(axis=1).astype(float)
        tasks.append(Experience(f"t{i}", embedding_set(rng.normal(size=4)), genotypes, values))
    return RapidNAS(few_cells.space, members=1, steps=40, width=16, code=16, rate=6e-3).fit(tasks)


@pytest.fixture
def saved(model: RapidNAS, tmp_path: Path) -> str:
    model.save(tmp_path / "model.safetensors", {"families": ["elsewhere"]})
    return str(tmp_path / "model.safetensors")


def test_a_table_without_images_and_embeddings_is_refused_in_one_line(few_cells: Table) -> None:
    bare = Table(few_cells.data.drop_vars("embedding"))
    lacking = make_problem(bare, "cifar100", Protocol(("cifar100",), 5, 1))
    with pytest.raises(WarmnasError, match="does not say which images its task 'cifar100' has; and no embedding") as error:
        make_optimizer("rapidnas", lacking)
    assert "\n" not in str(error.value)
    for spec in ("rapidnas", "rapidnas[images=digits]"):
        with pytest.raises(WarmnasError, match="nothing is known of the target's images and the sources'"):
            make_optimizer(spec, replace(lacking, described=()))


def test_without_sources_the_order_is_random(few_cells: Table, drive: Drive) -> None:
    alone = make_problem(
        Table(few_cells.data.drop_vars("embedding")), "cifar100", Protocol(("cifar100",), 8, 2, sources="none")
    )
    values = few_cells.values("cifar100")
    np.testing.assert_array_equal(drive("rapidnas", alone, values), drive("random", alone, values))


def test_results_of_the_target_change_nothing(problem: Problem, drive: Drive, few_cells: Table) -> None:
    values = few_cells.values("cifar100")
    spec = "rapidnas[steps=2,generate=30,loss=rank]"
    np.testing.assert_array_equal(drive(spec, problem, values), drive(spec, problem, -values))


def test_a_model_of_a_file_proposes_its_best_first(problem: Problem, saved: str, model: RapidNAS, drive: Drive) -> None:
    rows = drive(f"rapidnas[model={saved},generate=40]", problem, np.zeros(len(problem.candidates)))
    assert not np.array_equal(rows[0], rows[1])  # each run draws its own
    target = embedding_set(np.asarray(problem.described[0].embedding))
    chosen = problem.candidates.genotypes[rows]
    for genotypes in chosen:
        scores = model.predict(target, genotypes)
        falls = np.flatnonzero(np.diff(scores) > 1e-6)
        assert len(falls) <= 1  # drawn ones in order, then the other candidates in order
    space = problem.candidates.space
    convolutions = [(space.canonical(cells) == 3).sum(axis=-1).mean() for cells in (chosen, problem.candidates.genotypes)]
    assert convolutions[0] > convolutions[1] + 0.3


def test_a_model_that_has_seen_the_family_is_refused(problem: Problem, model: RapidNAS, tmp_path: Path) -> None:
    path = tmp_path / "seen.safetensors"
    model.save(path, {"families": [problem.described[0].family]})
    with pytest.raises(WarmnasError, match=r"the target's family.*relatives=yes"):
        make_optimizer(f"rapidnas[model={path}]", problem)
    make_optimizer(f"rapidnas[model={path},relatives=yes]", problem)


def test_the_targets_images_may_be_named(
    problem: Problem, few_cells: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "own.npz", x=rng.integers(0, 256, (40, 8, 8)).astype(np.uint8), y=np.arange(40) % 4)
    from warmnas.transfer.rapidnas.sets import FEATURES

    tasks = [
        Experience(
            f"t{i}",
            TaskSet(rng.normal(size=(2, 3, FEATURES)).astype(np.float32), np.full(2, 3), np.zeros(2, np.float32)),
            g := few_cells.space.sample(9, rng),
            g[:, 0].astype(float),
        )
        for i in range(2)
    ]
    RapidNAS(few_cells.space, members=1, steps=1, width=8, code=8).fit(tasks).save(tmp_path / "images.safetensors")
    monkeypatch.chdir(tmp_path)
    bare = replace(problem, described=())
    optimizer = make_optimizer("rapidnas[model=images.safetensors,images=own.npz,generate=20]", bare)
    assert optimizer.ask(3).shape == (2, 3, 6)
    with pytest.raises(WarmnasError, match=r"no file or folder absent\.npz"):
        make_optimizer("rapidnas[model=images.safetensors,images=absent.npz]", bare)


def test_wrong_options_are_refused(problem: Problem, few_graphs: Table, saved: str) -> None:
    with pytest.raises(WarmnasError, match="loss of rapidnas 'huber'"):
        make_optimizer("rapidnas[loss=huber]", problem)
    with pytest.raises(WarmnasError, match="at least 1"):
        make_optimizer("rapidnas[steps=0]", problem)
    with pytest.raises(WarmnasError, match="Choices: auto, images, embedding"):
        make_optimizer("rapidnas[reads=pixels]", problem)
    graphs = make_problem(few_graphs, "cora", Protocol(("cora",), 5, 1, source_rows=20))
    with pytest.raises(WarmnasError, match="is of nasbench201, and the target of nasbench-graph"):
        make_optimizer(f"rapidnas[model={saved}]", graphs)
