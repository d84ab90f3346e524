"""A fitted predictor as one more source of a study: ``--model``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench import Table, WarmnasError
from warmnas.search import Protocol, make_problem, study
from warmnas.search.model_source import learned_from, model_source
from warmnas.search.models import fit_model

PROTOCOL = Protocol(("cifar100",), budget=3, runs=2, sources="none")


@pytest.fixture
def model(few_cells: Table, tmp_path: Path) -> Path:
    fit_model("trees[trees=5]", few_cells, "ImageNet16-120", tmp_path / "m")
    return tmp_path / "m"


def test_a_model_is_one_more_source_of_every_run(few_cells: Table, model: Path) -> None:
    problem = make_problem(few_cells, "cifar100", replace(PROTOCOL, model=str(model)))
    (source,) = problem.sources
    assert source.name == "model:trees[trees=5]"
    assert len(problem.described) == 2
    assert source.values.shape == (2, len(problem.candidates))
    truth = few_cells.values("ImageNet16-120", few_cells.candidates("cifar100").table_rows)
    assert np.corrcoef(source.values[0], truth)[0, 1] > 0.5


def test_an_optimizer_follows_what_the_model_says(few_cells: Table, model: Path) -> None:
    with_model = study([few_cells], ["source-ranking"], replace(PROTOCOL, model=str(model))).outcomes[0]
    problem = make_problem(few_cells, "cifar100", replace(PROTOCOL, model=str(model)))
    first = problem.candidates.table_rows[int(np.argmax(problem.sources[0].values[0]))]
    assert (with_model.rows[:, 0] == first).all()


def test_its_content_and_not_its_place_is_in_the_protocol(few_cells: Table, model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(model.read_bytes())
    fit_model("trees[trees=6]", few_cells, "ImageNet16-120", tmp_path / "other")
    hashes = [
        study([few_cells], ["random"], replace(PROTOCOL, model=None if path is None else str(path))).protocol_hash()
        for path in (None, model, copy, tmp_path / "other")
    ]
    assert hashes[1] == hashes[2]
    assert len(set(hashes)) == 3


def test_a_model_of_the_target_or_of_its_family_is_refused(few_cells: Table, tmp_path: Path) -> None:
    fit_model("trees[trees=5]", few_cells, "cifar100", tmp_path / "own")
    with pytest.raises(WarmnasError, match="learned from cifar100, the target itself"):
        make_problem(few_cells, "cifar100", replace(PROTOCOL, model=str(tmp_path / "own")))
    related = few_cells.data.assign_coords(family=("task", ["cifar", "cifar", "imagenet"]))
    fit_model("trees[trees=5]", Table(related), "cifar10-valid", tmp_path / "relative")
    asked = replace(PROTOCOL, model=str(tmp_path / "relative"), leave_out="family")
    with pytest.raises(WarmnasError, match="learned from cifar, the family of cifar100"):
        make_problem(Table(related), "cifar100", asked)
    assert make_problem(Table(related), "cifar100", replace(asked, leave_out="task")).sources


def test_a_model_of_a_metric_to_minimize_is_turned_round(few_cells: Table, tmp_path: Path) -> None:
    falling = few_cells.data.copy()
    metrics = str(falling.attrs["metrics"]).replace("maximize", "minimize")
    falling.attrs["metrics"] = metrics
    values = {}
    for name, table in (("up", few_cells), ("down", Table(falling))):
        fit_model("trees[trees=5]", table, "cifar100", tmp_path / name)
        values[name] = model_source(str(tmp_path / name), table.space, table.candidates("cifar100"))[0].values
    np.testing.assert_allclose(values["up"], -values["down"])


def test_what_a_model_has_read_stands_in_its_notes(few_cells: Table, model: Path) -> None:
    _, notes = model_source(str(model), few_cells.space, few_cells.candidates("cifar100"))
    assert learned_from(notes) == ({"ImageNet16-120"}, {few_cells.family("ImageNet16-120")})
    old = {"task": "ImageNet16-120"}  # a file of an older version
    assert learned_from(old, few_cells) == learned_from(notes)


@pytest.mark.parametrize("wrong", ["nowhere", "empty"])
def test_a_file_that_is_no_model_is_refused(few_cells: Table, tmp_path: Path, wrong: str) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(WarmnasError, match=wrong):
        make_problem(few_cells, "cifar100", replace(PROTOCOL, model=str(tmp_path / wrong)))


def test_a_model_of_another_space_is_refused(few_graphs: Table, model: Path) -> None:
    with pytest.raises(WarmnasError, match="predicts architectures of nasbench201"):
        make_problem(few_graphs, few_graphs.tasks[0], replace(PROTOCOL, tasks=few_graphs.tasks[:1], model=str(model)))
