"""Syne Tune inside our studies, and our tables inside its simulator, against the real library."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmnas.bench import IntArray, Table, UnknownName, WarmnasError
from warmnas.search import Protocol, make_optimizer, make_problem, study

pytest.importorskip("syne_tune", reason="syne-tune is not installed: pip install 'warmnas[syne-tune]'")
pytest.importorskip("huggingface_hub", reason="huggingface-hub is not installed: pip install 'warmnas[syne-tune]'")

from warmnas.search.adapters.syne_tune import ELAPSED, EPOCH, VALIDATION, blackbox

Drive = Callable[..., IntArray]
Vary = Callable[..., Table]
# With few trees and candidates, as proposals of the others take seconds each.
QUICK = (
    "random-search",
    "regularized-evolution[population_size=4,sample_size=2]",
    "kde[num_candidates=8]",
    "bore[feval_acq=5]",
)
every_searcher = pytest.mark.parametrize("name", QUICK)


# --- their searchers in our study ----------------------------------------------------------------------------------
@every_searcher
def test_candidates_are_proposed_once_though_the_searcher_repeats(name: str, few_cells: Table, drive: Drive) -> None:
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 12, 2, sources="none"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # those of the library's own libraries are not for the user to mend
        rows = drive(f"syne-tune:{name}", problem, few_cells.values("cifar100"), 3)
    assert (rows >= 0).all()
    assert all(len(np.unique(run)) == 12 for run in rows)


@every_searcher
def test_runs_are_seeded_by_their_streams_alone(name: str, cells: Table, drive: Drive) -> None:
    """Also those that draw from NumPy's global state, which is afterwards as it was."""
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 10, 2, seed=5, sources="none"))
    values = cells.values("cifar100")
    state = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    first = drive(f"syne-tune:{name}", problem, values)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[index]  # noqa: NPY002
    np.random.seed(99)  # noqa: NPY002 -- somebody else's draws change nothing
    second = np.concatenate([drive(f"syne-tune:{name}", problem.single(run), values) for run in range(2)])
    np.testing.assert_array_equal(first, second)
    assert not (first[0] == first[1]).all(), "runs have streams of their own"


def test_evolution_learns_from_what_it_is_told(cells: Table, drive: Drive) -> None:
    """It minimises, so values arrive with their sign turned."""
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 150, 6, sources="none"))
    values = cells.values("cifar100")
    spec = "syne-tune:regularized-evolution[population_size=10,sample_size=5]"
    good, bad = (values[drive(spec, problem, told)[:, 75:]].mean() for told in (values, -values))
    assert good > values.mean() > bad


def test_names_and_options_are_checked(few_cells: Table) -> None:
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 5, 1))
    with pytest.raises(UnknownName, match="'syne-tune:kd', did you mean 'syne-tune:kde'"):
        make_optimizer("syne-tune:kd", problem)
    with pytest.raises(UnknownName, match="option of syne-tune:kde 'bandwidth', did you mean 'min_bandwidth'"):
        make_optimizer("syne-tune:kde[bandwidth=3]", problem)
    with pytest.raises(UnknownName, match="option of syne-tune:kde 'random_seed'"):
        make_optimizer("syne-tune:kde[random_seed=3]", problem)


def test_what_a_searcher_needs_besides_is_named(few_cells: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("syne_tune.optimizer.schedulers.searchers.botorch")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "botorch", None)
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 5, 1))
    with pytest.raises(
        WarmnasError, match=r"^syne-tune:botorch needs botorch.*, which is not installed: pip install botorch"
    ):
        make_optimizer("syne-tune:botorch", problem)


def test_it_runs_in_a_study(few_cells: Table) -> None:
    protocol = Protocol(("cifar100",), None, 3, sources="none", seconds=20_000.0)
    [found] = study([few_cells], ["syne-tune:random-search"], protocol).outcomes
    assert (found.seconds.sum(axis=1) <= 20_000).all()


# --- our tables in their simulator ---------------------------------------------------------------------------------
def test_a_blackbox_holds_every_measured_configuration(few_cells: Table) -> None:
    simulated, task = blackbox(few_cells, "cifar100"), few_cells.tasks.index("cifar100")
    assert simulated.objectives_names == [VALIDATION, ELAPSED]
    genes = few_cells.space.genes
    for row in (0, 17, 299):
        config = {g.name: g.choices[v] for g, v in zip(genes, few_cells.genotypes[row].tolist(), strict=True)}
        result = simulated.objective_function(config, fidelity=200)
        assert result[VALIDATION] == pytest.approx(few_cells.values("cifar100")[row], rel=1e-6)
        assert result[ELAPSED] == pytest.approx(few_cells.data["train_seconds"].values[task, row], rel=1e-6)
    classes = few_cells.space.index(few_cells.space.canonical(few_cells.space.all_genotypes()))
    known = few_cells.space.index(few_cells.space.canonical(few_cells.genotypes))
    assert len(simulated.hyperparameters) == np.isin(classes, known).sum(), "also other genotypes of the same functions"
    stranger = few_cells.space.all_genotypes()[~np.isin(classes, known)][0]
    config = {g.name: g.choices[v] for g, v in zip(genes, stranger.tolist(), strict=True)}
    with pytest.raises(ValueError, match="not present"):
        simulated.objective_function(config)


def with_curves(table: Table, last: float = 50.0) -> Table:
    steps = np.array([1, 2, 3, 5])
    final = table.data["val_accuracy"].mean("seed").values
    curve = final[..., None] * (1 - 0.5 / steps)
    curve[0, 0, -1] = last
    dims = ("task", "architecture", "epoch")
    data = table.data.drop_vars(["val_accuracy", "train_seconds"])
    return Table(
        data.assign(val_accuracy=(dims, curve), train_seconds=(dims, np.full(curve.shape, 3.0))).assign_coords(epoch=steps)
    )


def test_its_scheduler_stops_trainings_by_our_curves(cells: Table, tmp_path: Path, monkeypatch: Any) -> None:
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.blackbox_repository import UserBlackboxBackend
    from syne_tune.optimizer.baselines import ASHA

    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))
    table = with_curves(cells)
    simulated = blackbox(table, "cifar100")
    assert simulated.fidelity_values.tolist() == [1, 2, 3, 5]
    space = simulated.configuration_space
    scheduler = ASHA(space, metric=VALIDATION, time_attr=EPOCH, max_t=5, do_minimize=False, random_seed=0)
    tuner = Tuner(
        trial_backend=UserBlackboxBackend(simulated, elapsed_time_attr=ELAPSED),
        scheduler=scheduler,
        stop_criterion=StoppingCriterion(max_num_trials_started=40),
        n_workers=2,
        sleep_time=0,
        callbacks=[SimulatorCallback()],
        save_tuner=False,
        results_update_interval=1e9,
        print_update_interval=1e9,
    )
    tuner.run()
    frame = tuner.tuning_status.get_dataframe()
    assert len(frame) >= 40
    assert (frame["status"] == "Stopped").any()
    done = frame[frame["status"] == "Completed"]
    assert len(done)
    assert (done[ELAPSED] == 12.0).all()
    for record in done.to_dict("records"):
        genotype = [gene.choices.index(record[gene.name]) for gene in table.space.genes]
        row = int(table.rows(np.array(genotype, dtype=np.int8)))
        assert record[VALIDATION] == pytest.approx(table.values("cifar100")[row], rel=1e-6)


def test_what_a_simulator_cannot_do_without_is_said(few_graphs: Table, few_cells: Table) -> None:
    with pytest.raises(WarmnasError, match="nasbench-graph has no training times for cora"):
        blackbox(few_graphs, "cora")
    table = with_curves(few_cells)
    values = table.data["val_accuracy"].values.copy()
    values[0, 5, 1] = np.nan
    with pytest.raises(WarmnasError, match=r"configurations of cifar10-valid lack a value or a time at one of the epochs"):
        blackbox(Table(table.data.assign(val_accuracy=(table.data["val_accuracy"].dims, values))), "cifar10-valid")
