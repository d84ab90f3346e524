"""Which sources a run learns from: its own rows, never the target, no relatives where they are left out."""

from __future__ import annotations

import numpy as np
import pytest

from warmnas.bench import Table, UnknownName, WarmnasError
from warmnas.search import Protocol, make_problem, sources_of, usual_source_rows


def names(table: Table, target: str, **protocol: object) -> list[str]:
    settings = Protocol((target,), 1, 1, source_rows=1, **protocol)  # type: ignore[arg-type]
    return [source.name for source in make_problem(table, target, settings).sources]


def test_the_target_is_never_among_its_sources(graphs: Table, cells: Table) -> None:
    for table in (graphs, cells):
        for target in table.tasks:
            assert names(table, target) == [task for task in table.tasks if task != target]
    assert names(graphs, "cora", sources="cora") == []
    assert names(graphs, "cora", sources="none") == []


def test_a_family_that_is_left_out_takes_its_relatives_with_it(graphs: Table) -> None:
    assert set(graphs.tasks) - set(names(graphs, "cora", leave_out="family")) == {"cora", "citeseer", "pubmed"}
    assert set(graphs.tasks) - set(names(graphs, "physics", leave_out="family")) == {"cs", "physics"}
    assert names(graphs, "cora", leave_out="family", sources="pubmed,cs") == ["cs"]


def test_sources_can_be_named(graphs: Table) -> None:
    assert names(graphs, "cora", sources="photo, arxiv") == ["photo", "arxiv"]
    with pytest.raises(UnknownName, match="did you mean 'photo'"):
        names(graphs, "cora", sources="arxiv,photos")


def test_every_run_draws_its_own_rows(cells: Table) -> None:
    protocol = Protocol(("cifar100",), 5, 4, source_rows=50)
    problem = make_problem(cells, "cifar100", protocol)
    again = make_problem(cells, "cifar100", protocol)
    seen = set()
    for source, same in zip(problem.sources, again.sources, strict=True):
        assert source.genotypes.shape == (4, 50, 6)
        rows = cells.rows(source.genotypes)
        assert all(len(np.unique(run)) == 50 for run in rows)
        np.testing.assert_array_equal(source.values, cells.values(source.name, rows))
        np.testing.assert_array_equal(source.genotypes, same.genotypes)
        np.testing.assert_array_equal(source.values, same.values)
        seen |= {tuple(run) for run in rows.tolist()}
    assert len(seen) == 4 * len(problem.sources)


def test_all_rows_are_all_rows(cells: Table) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 5, 2, source_rows=None))
    for source in problem.sources:
        np.testing.assert_array_equal(source.values, [cells.values(source.name)] * 2)
        np.testing.assert_array_equal(source.genotypes, [cells.genotypes] * 2)


def test_sources_are_observed_as_the_target_is(cells: Table) -> None:
    protocol = Protocol(("cifar100",), 5, 3, source_rows=200, observe="seed")
    for source in make_problem(cells, "cifar100", protocol).sources:
        recorded = cells.seed_values(source.name)[cells.rows(source.genotypes)]
        which = recorded == source.values[..., None]
        assert which.any(axis=-1).all()
        assert (which.sum(axis=(0, 1)) > 60).all()  # each of the seeds is drawn


@pytest.mark.parametrize("rows", [0, -1, 15_626])
def test_more_source_rows_than_there_are_are_refused(cells: Table, rows: int) -> None:
    with pytest.raises(WarmnasError, match=r"--source-rows .* 1 to 15625"):
        make_problem(cells, "cifar100", Protocol(("cifar100",), 5, 2, source_rows=rows))
    with pytest.raises(WarmnasError, match=r"--source-rows"):
        make_problem(cells, "cifar100", Protocol(("cifar100",), 5, 2, sources="cifar10-valid", source_rows=rows))


def test_sources_of_a_target_follow_the_protocol(graphs: Table) -> None:
    assert sources_of(graphs, "cora", Protocol(("cora",), 5, 1, sources="none")) == ()
    assert "pubmed" in sources_of(graphs, "cora", Protocol(("cora",), 5, 1))
    left = sources_of(graphs, "cora", Protocol(("cora",), 5, 1, sources="citeseer,cs", leave_out="family"))
    assert left == ("cs",)


def test_usual_source_rows_are_all_of_a_small_table(cells: Table) -> None:
    assert usual_source_rows([cells]) == 200
    few = Table(cells.data.isel(architecture=slice(0, 199)))
    assert usual_source_rows([few]) is None
    assert usual_source_rows([cells, few]) is None
