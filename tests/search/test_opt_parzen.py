"""TPE and BOHB: their densities against plain loops, and what they propose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from warmnas.bench import IntArray, Table, UnknownName, WarmnasError
from warmnas.search import Protocol, make_optimizer, make_problem, run_optimizer, study

from .stop_tables import table as curves_table

Vary = Callable[..., Table]
Drive = Callable[..., IntArray]


def told(table: Table, spec: str, evaluations: int, runs: int = 3, seed: int = 0) -> Any:
    """An optimizer that has evaluated so many candidates of cifar100, and may evaluate one more."""
    problem = make_problem(table, "cifar100", Protocol(("cifar100",), evaluations + 1, runs, seed=seed, sources="none"))
    optimizer, values = make_optimizer(spec, problem), table.values("cifar100")
    for _ in range(evaluations):
        asked = optimizer.ask()
        optimizer.tell(asked, values[problem.candidates.rows(asked)])
    return optimizer


def parted(optimizer: Any, run: int, good: int) -> tuple[list[list[int]], list[list[int]]]:
    """Genotypes of one run, best first, as lists."""
    order = sorted(range(optimizer.evaluations), key=lambda i: -optimizer.values[run, i])
    genotypes = [optimizer.problem.candidates.genotypes[optimizer.rows[run, i]].tolist() for i in order]
    return genotypes[:good], genotypes[good:]


@pytest.mark.parametrize(("split", "gamma", "good"), [("quantile", 0.15, 4), ("quantile", 0.9, 21), ("sqrt", 0.25, 2)])
def test_tpe_has_the_papers_densities(cells: Table, split: str, gamma: float, good: int) -> None:
    optimizer = told(cells, f"tpe[split={split},gamma={gamma}]", 23)
    assert optimizer.good(23) == good
    optimizer.fit(*optimizer.split())
    anything = cells.genotypes[::500]
    found = optimizer.log_ratio(anything[None], np.array([1]))[0]
    best, rest = parted(optimizer, 1, good)
    for genotype, ratio in zip(anything.tolist(), found, strict=True):
        expected = 0.0
        for gene, choice in enumerate(genotype):
            likely = (1 + sum(g[gene] == choice for g in best)) / (5 + len(best))
            unlikely = (1 + sum(g[gene] == choice for g in rest)) / (5 + len(rest))
            expected += math.log(likely / unlikely)
        assert ratio == pytest.approx(expected)


def test_tpe_draws_from_its_good_density(cells: Table) -> None:
    optimizer = told(cells, "tpe", 30, runs=2)
    optimizer.fit(*optimizer.split())
    drawn = optimizer.sample(20_000)
    best, _ = parted(optimizer, 0, optimizer.good(30))
    for gene in range(6):
        for choice in range(5):
            expected = (1 + sum(g[gene] == choice for g in best)) / (5 + len(best))
            assert (drawn[0, :, gene] == choice).mean() == pytest.approx(expected, abs=0.02)


def kernel_density(at: list[int], centres: list[list[int]], choices: int) -> float:
    """Aitchison-Aitken kernels with the bandwidths of the module's formula, one number at a time."""
    n, genes = len(centres), len(at)
    h = []
    for gene in range(genes):
        column = [c[gene] for c in centres]
        differ = sum(a != b for a in column for b in column) / n**2
        h.append(min(max(1.06 * math.sqrt(differ / 2) * n ** (-1 / (4 + genes)), 1e-3), (choices - 1) / choices))
    kernels = [math.prod(1 - h[g] if c[g] == at[g] else h[g] / (choices - 1) for g in range(genes)) for c in centres]
    return float(sum(kernels)) / n


def test_bohb_has_the_papers_densities(cells: Table) -> None:
    optimizer = told(cells, "bohb", 60)
    assert [optimizer.good(n) for n in (14, 46, 60, 200)] == [7, 7, 9, 30]
    optimizer.fit(*optimizer.split())
    anything = cells.genotypes[::1500]
    found = optimizer.log_ratio(anything[None], np.array([2]))[0]
    best, rest = parted(optimizer, 2, 9)
    for genotype, ratio in zip(anything.tolist(), found, strict=True):
        expected = math.log(kernel_density(genotype, best, 5)) - math.log(kernel_density(genotype, rest, 5))
        assert ratio == pytest.approx(expected)


def test_bohb_draws_around_good_results(cells: Table) -> None:
    optimizer = told(cells, "bohb", 60, runs=1)
    optimizer.fit(*optimizer.split())
    drawn, best = optimizer.sample(5000)[0], np.array(parted(optimizer, 0, 9)[0])
    kept = (drawn[:, None] == best).mean()
    by_chance = (cells.genotypes[:, None] == best).mean()
    assert kept > by_chance + 0.1
    assert len(np.unique(drawn, axis=0)) > 100


def test_bohbs_model_waits_for_enough_results(cells: Table, drive: Drive) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 15, 4, sources="none"))
    one, other = (drive("bohb", problem, sign * cells.values("cifar100")) for sign in (1, -1))
    np.testing.assert_array_equal(one[:, :14], other[:, :14])
    assert not (one == other).all()


@pytest.mark.parametrize(("fraction", "blind"), [(0.0, False), (1.0, True)])
def test_bohbs_random_share(cells: Table, drive: Drive, fraction: float, blind: bool) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 25, 4, sources="none"))
    spec = f"bohb[random_fraction={fraction}]"
    one, other = (drive(spec, problem, sign * cells.values("cifar100")) for sign in (1, -1))
    assert (one == other).all() == blind


def test_bohb_models_the_largest_budget_with_enough_results(cells: Table) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 100, 2, sources="none"))
    optimizer: Any = make_optimizer("bohb", problem)
    values = cells.values("cifar100")
    asked = optimizer.ask(40)
    rows = problem.candidates.rows(asked)
    optimizer.tell(asked, values[rows])
    np.testing.assert_array_equal(optimizer.results()[1], values[rows])  # no budgets: all that was told
    optimizer.note(asked[:, :30], -values[rows[:, :30]], 1)
    optimizer.note(asked[:, :13], values[rows[:, :13]], 3)
    kept, noted = optimizer.results()  # 13 are too few of three epochs
    np.testing.assert_array_equal(kept, rows[:, :30])
    np.testing.assert_array_equal(noted, -values[rows[:, :30]])
    optimizer.note(asked[:, 13:14], values[rows[:, 13:14]], 3)
    optimizer.note(asked[:, :5], values[rows[:, :5]], 9)
    kept, noted = optimizer.results()
    np.testing.assert_array_equal(kept, rows[:, :14])
    np.testing.assert_array_equal(noted, values[rows[:, :14]])
    good, bad = optimizer.split()
    assert good.shape == bad.shape == (2, 7, 6)
    best = np.argsort(-values[rows[0, :14]], kind="stable")[:7]
    np.testing.assert_array_equal(good[0], asked[0, best])


def test_bohb_is_told_of_every_rung_of_hyperband(monkeypatch: pytest.MonkeyPatch) -> None:
    from warmnas.search.optimizers.bohb import BOHB

    noted: list[tuple[int, int, float]] = []
    whole = BOHB.note

    def note(self: BOHB, genotypes: Any, values: Any, epochs: int) -> None:
        noted.append((epochs, int(self.problem.candidates.rows(genotypes)[0, 0]), float(values[0, 0])))
        whole(self, genotypes, values, epochs)

    monkeypatch.setattr(BOHB, "note", note)
    tasks = curves_table(epochs=9)
    protocol = Protocol(("a",), 17, 1, sources="none", stopper="hyperband")
    study([tasks], ["bohb"], protocol)
    # Brackets of 9, 5 and 3 candidates with 1, 3 and 9 epochs at first, each a third at every further rung.
    assert [sum(epochs == e for epochs, _, _ in noted) for e in (1, 3, 9)] == [9, 3 + 5, 1 + 1 + 3]
    values = tasks.data["val_accuracy"].values[0]
    for epochs, row, value in noted:
        assert value == pytest.approx(values[tasks.candidates("a").table_rows[row], :, epochs - 1].mean())


@pytest.mark.parametrize("name", ["tpe", "bohb"])
def test_both_beat_random_search(cells: Table, name: str) -> None:
    protocol = Protocol(("ImageNet16-120",), 60, 30, sources="none")
    problem = make_problem(cells, "ImageNet16-120", protocol)
    regret = {
        spec: run_optimizer(cells, "ImageNet16-120", spec, problem, "mean").regret[:, -1].mean()
        for spec in (name, "random")
    }
    assert regret[name] < 0.8 * regret["random"]


@pytest.mark.parametrize("name", ["tpe", "bohb"])
def test_constant_genes_and_no_free_sample_are_no_trouble(few_cells: Table, vary: Vary, drive: Drive, name: str) -> None:
    """Forty candidates that share their first gene: nearly every sample is taken or none, and all are found in the end."""
    rows = np.flatnonzero(few_cells.genotypes[:, 0] == 3)[:40]
    table = vary(few_cells, rows=rows)
    problem = make_problem(table, "cifar100", Protocol(("cifar100",), len(rows), 3, sources="none"))
    found = drive(f"{name}[samples=2]", problem, table.values("cifar100"))
    np.testing.assert_array_equal(np.sort(found, axis=1), [np.arange(len(rows))] * 3)


@pytest.mark.parametrize(
    "spec", ["tpe[gamma=0]", "tpe[gamma=1]", "tpe[samples=0]", "bohb[top=2]", "bohb[random_fraction=-1]"]
)
def test_wrong_options_are_refused(cells: Table, spec: str) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 5, 2, sources="none"))
    with pytest.raises(WarmnasError, match=spec.split("[")[0]):
        make_optimizer(spec, problem)
    with pytest.raises(UnknownName, match="quantile"):
        make_optimizer("tpe[split=half]", problem)
