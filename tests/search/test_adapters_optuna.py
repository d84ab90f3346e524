"""Optuna inside our studies and the other way round, against the real library."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from warmnas.bench import FloatArray, IntArray, Table, UnknownName, WarmnasError, space
from warmnas.cli import main
from warmnas.search import Protocol, make_optimizer, make_problem, study

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install 'warmnas[optuna]'")
pytest.importorskip("cmaes", reason="cmaes is not installed: pip install 'warmnas[optuna]'")

from warmnas.search.adapters.optuna import SAMPLERS, OptimizerSampler, TableObjective  # noqa: E402
from warmnas.search.adapters.optuna.parameters import distributions, to_genotype, to_params  # noqa: E402

Drive = Callable[..., IntArray]
Vary = Callable[..., Table]
QUICK = [name for name in SAMPLERS if name != "gp"]  # a GP over categories takes a second per proposal
every_sampler = pytest.mark.parametrize("name", QUICK)
PRUNED, COMPLETE, FAIL = (getattr(optuna.trial.TrialState, state) for state in ("PRUNED", "COMPLETE", "FAIL"))


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


# --- their samplers in our study -----------------------------------------------------------------------------------
@every_sampler
def test_candidates_are_proposed_once_though_the_sampler_repeats(name: str, few_cells: Table, drive: Drive) -> None:
    """300 of 15,625 cells are candidates, so most proposals of a sampler are none."""
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 10, 2, sources="none"))
    for n in (1, 5):
        rows = drive(f"optuna:{name}", problem, few_cells.values("cifar100"), n)
        assert (rows >= 0).all()
        assert all(len(np.unique(run)) == 10 for run in rows)


@every_sampler
def test_runs_are_seeded_by_their_streams_alone(name: str, cells: Table, drive: Drive) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 12, 3, seed=5, sources="none"))
    values = cells.values("cifar100")
    state = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    first, second = (drive(f"optuna:{name}", problem, values) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    alone = np.concatenate([drive(f"optuna:{name}", problem.single(run), values) for run in range(3)])
    np.testing.assert_array_equal(first, alone)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[index]  # noqa: NPY002
    assert name in {"qmc"} or len(np.unique(first[:, -1])) > 1, "runs have streams of their own"


def test_all_candidates_can_be_searched(few_graphs: Table, vary: Vary, drive: Drive) -> None:
    table = vary(few_graphs, rows=np.arange(12))
    problem = make_problem(table, "cora", Protocol(("cora",), 12, 1, sources="none"))
    rows = drive("optuna:tpe", problem, table.values("cora"))
    np.testing.assert_array_equal(np.sort(rows[0]), np.arange(12))


def test_tpe_learns_from_what_it_is_told(cells: Table, drive: Drive) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 60, 4, sources="none"))
    values = cells.values("cifar100")
    good, worst = (values[drive("optuna:tpe", problem, told)[:, 30:]].mean() for told in (values, -values))
    drawn = values[drive("optuna:random", problem, values)[:, 30:]].mean()
    assert good > drawn > worst


def test_the_sampler_is_the_library_s_own(cells: Table, drive: Drive) -> None:
    """Where nothing repeats, a run is what Optuna alone would do with that seed."""
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 15, 1, sources="none"))
    values = cells.values("cifar100")
    ours = drive("optuna:tpe[n_startup_trials=5]", problem, values)[0]
    seed = int(problem.streams().generators[0].integers(2**32))
    theirs = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=5))
    genes = cells.space.genes
    rows: list[int] = []
    while len(rows) < 15:
        trial = theirs.ask(distributions(genes))
        row = int(problem.candidates.rows(to_genotype(genes, trial.params)))
        if row in rows:
            theirs.tell(trial, state=FAIL)
        else:
            rows.append(row)
            theirs.tell(trial, float(values[row]))
    assert ours.tolist() == rows


def test_options_go_to_the_sampler_and_unknown_ones_are_refused(few_cells: Table) -> None:
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 5, 1))
    make_optimizer("optuna:tpe[multivariate=true,n_startup_trials=3]", problem)
    make_optimizer("optuna:nsgaii[population_size=4]", problem)
    with pytest.raises(UnknownName, match=r"option of optuna:tpe 'n_startup', did you mean 'n_startup_trials'"):
        make_optimizer("optuna:tpe[n_startup=3]", problem)
    for option in ("seed", "self", "problem", "rng"):
        with pytest.raises(UnknownName):
            make_optimizer(f"optuna:tpe[{option}=1]", problem)
    with pytest.raises(WarmnasError, match="an option has a wrong value"):
        make_optimizer("optuna:nsgaii[population_size=-3]", problem)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("optuna:tpee", "unknown optimizer 'optuna:tpee', did you mean 'optuna:tpe'? Choices: optuna:tpe, optuna:random,"),
        ("optuna:", "unknown optimizer 'optuna:'"),
        ("optunna:tpe", "unknown library of optimizers 'optunna', did you mean 'optuna'? Choices: optuna, syne-tune."),
    ],
)
def test_unknown_names_are_refused_with_a_guess(spec: str, message: str, few_cells: Table) -> None:
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 5, 1))
    with pytest.raises(UnknownName) as error:
        make_optimizer(spec, problem)
    assert str(error.value).startswith(message)


def test_what_a_sampler_needs_besides_is_named(few_cells: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 5, 1))
    with pytest.raises(
        WarmnasError, match=r"^cmaes, which optuna:cmaes needs, is not installed: pip install 'warmnas\[optuna\]'$"
    ):
        make_optimizer("optuna:cmaes", problem)


def test_the_command_line_runs_it_beside_ours(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    command = ["study", "--benchmark", "nasbench201", "--task", "cifar100", "--optimizer", "optuna:random", "rea"]
    command += ["--runs", "2", "--seconds", "30000", "--out", str(tmp_path), "--json"]
    assert main(command) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["versions"]["optuna"] == optuna.__version__
    rows = content["rows"]
    assert [row["optimizer"] for row in rows] == ["optuna:random", "rea"]
    assert all(row["simulated_seconds"] <= 30_000 for row in rows)


def test_processes_change_nothing(few_cells: Table) -> None:
    protocol = Protocol(("cifar100",), 8, 6, sources="none")
    [one], [two] = (study([few_cells], ["optuna:tpe"], protocol, workers=n).outcomes for n in (1, 2))
    np.testing.assert_array_equal(one.rows, two.rows)


# --- our tables in their study -------------------------------------------------------------------------------------
def with_curves(table: Table, epochs: int = 6) -> Table:
    """The table with made-up curves that end in its values, epoch 4 missing for every third architecture."""
    final = table.data["val_accuracy"].mean("seed")
    steps = np.arange(1, epochs + 1)
    curve = final.values[..., None] * (1 - 0.5 / steps)
    curve[:, ::3, 3] = np.nan
    data = table.data.drop_vars(["val_accuracy", "train_seconds"])
    dims = ("task", "architecture", "epoch")
    seconds = np.full(curve.shape, 2.0)
    return Table(data.assign(val_accuracy=(dims, curve), train_seconds=(dims, seconds)).assign_coords(epoch=steps))


def run_objective(objective: TableObjective, params: dict[str, Any], pruner: Any = None) -> Any:
    theirs = optuna.create_study(direction=objective.direction, pruner=pruner or optuna.pruners.NopPruner())
    theirs.enqueue_trial(params)
    theirs.optimize(objective, n_trials=1)
    return theirs.trials[0]


def test_an_objective_reports_the_curve_and_returns_its_end(few_cells: Table) -> None:
    table = with_curves(few_cells)
    objective = TableObjective(table, "cifar100")
    values = table.data["val_accuracy"].values[table.tasks.index("cifar100")]
    for row, epochs in ((1, (1, 2, 3, 4, 5, 6)), (3, (1, 2, 3, 5, 6))):
        trial = run_objective(objective, to_params(table.space.genes, table.genotypes[row]))
        assert trial.state == COMPLETE
        assert trial.intermediate_values == {e: values[row, e - 1] for e in epochs}
        assert trial.value == values[row, 5]
        assert trial.user_attrs["architecture"] == table.names[row]
        assert trial.user_attrs["simulated_seconds"] == 12.0


def test_a_pruner_stops_what_falls_behind_and_saves_its_time(few_cells: Table) -> None:
    table = with_curves(few_cells)
    objective = TableObjective(table, "cifar100")
    pruner = optuna.pruners.ThresholdPruner(lower=200.0, n_warmup_steps=3)
    trial = run_objective(objective, to_params(table.space.genes, table.genotypes[1]), pruner)
    assert trial.state == PRUNED
    assert list(trial.intermediate_values) == [1, 2, 3]
    assert trial.user_attrs["simulated_seconds"] == 6.0


def test_what_was_not_measured_is_pruned_with_a_reason(few_cells: Table) -> None:
    known = set(few_cells.space.index(few_cells.space.canonical(few_cells.genotypes)).tolist())
    everything = few_cells.space.all_genotypes()
    classes = few_cells.space.index(few_cells.space.canonical(everything))
    stranger = everything[[c not in known for c in classes.tolist()]][0]
    trial = run_objective(TableObjective(few_cells, "cifar100"), to_params(few_cells.space.genes, stranger))
    assert trial.state == PRUNED
    assert trial.user_attrs == {"reason": "not measured on this task"}


def test_final_values_are_one_point_in_the_task_s_own_direction(few_cells: Table, vary: Vary) -> None:
    for direction in ("maximize", "minimize"):
        objective = TableObjective(vary(few_cells, direction=direction), "cifar100")
        assert objective.direction == direction
        trial = run_objective(objective, to_params(few_cells.space.genes, few_cells.genotypes[7]))
        assert trial.value == pytest.approx(few_cells.values("cifar100")[7])
        assert list(trial.intermediate_values) == [200]
        assert trial.user_attrs["simulated_seconds"] == few_cells.data["train_seconds"].values[1, 7]


# --- our optimizers in their study ---------------------------------------------------------------------------------
def values_of(table: Table, theirs: Any, task: str) -> FloatArray:
    rows = [table.row(table.space.to_string(to_genotype(table.space.genes, trial.params))) for trial in theirs.trials]
    return table.values(task)[rows]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_our_optimizer_proposes_what_it_proposes_in_our_own_loop(direction: str, few_graphs: Table) -> None:
    sign = 1.0 if direction == "maximize" else -1.0
    sampler = OptimizerSampler(few_graphs, "rea", budget=40, seed=3, sources="none")
    theirs = optuna.create_study(direction=direction, sampler=sampler)
    genes, values = few_graphs.space.genes, few_graphs.values("cora")

    def objective(trial: Any) -> float:
        params = {gene.name: trial.suggest_categorical(gene.name, gene.choices) for gene in genes}
        trial.suggest_float("learning_rate", 0.01, 0.1)
        return sign * float(values[few_graphs.rows(to_genotype(genes, params))])

    theirs.optimize(objective, n_trials=40)
    proposed = [int(few_graphs.rows(to_genotype(genes, trial.params))) for trial in theirs.trials]
    assert len(set(proposed)) == 40
    from warmnas.search.adapters.fresh import fresh_problem

    optimizer, expected = make_optimizer("rea", fresh_problem(few_graphs, budget=40, seed=3, sources="none")), []
    for _ in range(40):
        asked = optimizer.ask()
        expected.append(int(few_graphs.rows(asked)[0, 0]))
        optimizer.tell(asked, values[few_graphs.rows(asked)])
    assert proposed == expected
    assert all(0.01 <= trial.params["learning_rate"] <= 0.1 for trial in theirs.trials)


def test_a_transfer_optimizer_starts_from_the_tables_of_others(few_graphs: Table) -> None:
    sampler = OptimizerSampler(few_graphs, "source-ranking", budget=5, sources="cs,physics")
    theirs = optuna.create_study(direction="maximize", sampler=sampler)
    genes = few_graphs.space.genes
    for _ in range(5):
        trial = theirs.ask(distributions(genes))
        theirs.tell(trial, 1.0)
    assert values_of(few_graphs, theirs, "cs").mean() > np.quantile(few_graphs.values("cs"), 0.9)


def test_pruned_counts_failed_does_not_and_an_enqueued_trial_is_what_it_says() -> None:
    cells201 = space("nasbench201")
    sampler = OptimizerSampler(cells201, "rea", budget=10)
    theirs, told = optuna.create_study(direction="maximize", sampler=sampler), []
    optimizer: Any = sampler._optimizer
    tell = optimizer.tell

    def spy(genotypes: Any, values: FloatArray) -> None:
        told.append((genotypes[0, 0].tolist(), float(values[0, 0])))
        tell(genotypes, values)

    optimizer.tell = spy
    fixed = np.array([3, 3, 3, 3, 3, 3], dtype=np.int8)
    theirs.enqueue_trial(to_params(cells201.genes, fixed))
    trials = [theirs.ask(distributions(cells201.genes)) for _ in range(4)]
    theirs.tell(trials[0], 70.0)
    trials[1].report(40.0, 1)
    trials[1].report(50.0, 2)
    theirs.tell(trials[1], state=PRUNED)
    theirs.tell(trials[2], state=FAIL)
    theirs.tell(trials[3], state=PRUNED)  # nothing was reported
    second = to_genotype(cells201.genes, trials[1].params).tolist()
    assert told == [(fixed.tolist(), 70.0), (second, 50.0)]


def test_more_trials_than_the_budget_are_refused() -> None:
    sampler = OptimizerSampler(space("nasbench201"), "random", budget=2)
    theirs = optuna.create_study(sampler=sampler)
    for _ in range(2):
        theirs.tell(theirs.ask(distributions(space("nasbench201").genes)), 1.0)
    with pytest.raises(WarmnasError, match="budget of 2 trials"):
        theirs.ask(distributions(space("nasbench201").genes))
    with pytest.raises(WarmnasError, match="1 to 15625 architectures"):
        OptimizerSampler(space("nasbench201"), budget=0)


def test_parameters_that_are_no_architecture_are_refused() -> None:
    genes = space("nasbench201").genes
    params = to_params(genes, np.zeros(6, dtype=np.int8))
    for wrong in ({**params, "1<-0": "conv_7x7"}, {k: v for k, v in params.items() if k != "1<-0"}):
        with pytest.raises(WarmnasError, match="describe no architecture"):
            to_genotype(genes, wrong)
