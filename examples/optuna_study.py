"""Optuna and warmnas, in the three ways in which they meet: ``python examples/optuna_study.py``.

It needs ``pip install 'warmnas[optuna]'``.

1. A sampler of Optuna among our optimizers, under the rules of a study.
2. A table as the objective of an Optuna study, whose pruner stops trainings by their learning curves.
3. One of our optimizers as the sampler of an Optuna study.
"""

import csv
import tempfile
from pathlib import Path

import numpy as np
import optuna

from warmnas.bench import Table, open_benchmark
from warmnas.cli import main
from warmnas.search import Protocol, study
from warmnas.search.adapters.optuna import OptimizerSampler, TableObjective

optuna.logging.set_verbosity(optuna.logging.WARNING)
cells = open_benchmark("nasbench201")

print("1. Regret on CIFAR-100 after 40 evaluations, mean of 4 runs")
protocol = Protocol(("cifar100",), budget=40, runs=4, seed=1000, sources="none")
for outcome in study([cells], ["random", "optuna:random", "optuna:tpe", "rea"], protocol).outcomes:
    print(f"   {outcome.optimizer:15} {outcome.regret[:, -1].mean():.2f}")


def table_with_curves(folder: Path, epochs: int = 10) -> Table:
    """A stranger's file of learning curves (made up here), imported as a table."""
    rng = np.random.default_rng(0)
    with (folder / "curves.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["cell", "epoch", "accuracy", "seconds"])
        for row in rng.choice(len(cells.names), 400, replace=False):
            final, pace = cells.value("cifar100", cells.names[row]), rng.uniform(1, 3)
            for epoch in range(1, epochs + 1):
                writer.writerow([cells.names[row], epoch, final * (1 - np.exp(-epoch / pace)), 20])
    columns = ["arch=cell", "epoch=epoch", "val:curves=accuracy", "seconds:curves=seconds"]
    command = ["bench", "import", str(folder / "curves.csv"), "--format", "csv", "--space", "nasbench201"]
    maps = [argument for column in columns for argument in ("--map", column)]
    assert main([*command, *maps, "--out", str(folder / "curves.h5")]) == 0
    return Table.open(folder / "curves.h5")


with tempfile.TemporaryDirectory() as folder:
    table = table_with_curves(Path(folder))
[task] = table.tasks
objective = TableObjective(table, task)
pruner, tpe = optuna.pruners.MedianPruner(n_startup_trials=5), optuna.samplers.TPESampler(seed=0)
pruned = optuna.create_study(direction=objective.direction, pruner=pruner, sampler=tpe)
pruned.optimize(objective, n_trials=150)
done = [trial for trial in pruned.trials if "simulated_seconds" in trial.user_attrs]
stopped = [trial for trial in done if trial.state == optuna.trial.TrialState.PRUNED]
spent = sum(trial.user_attrs["simulated_seconds"] for trial in done)
print(f"2. {len(done)} trainings, {len(stopped)} of them stopped early: {spent:.0f} of {200 * len(done)} s")
print(f"   best validation {pruned.best_value:.2f}")

sampler = OptimizerSampler(table, "rea", budget=60, seed=0, sources="none")
ours = optuna.create_study(direction=objective.direction, sampler=sampler)
ours.optimize(objective, n_trials=60)
print(f"3. REA as Optuna's sampler: {ours.best_value:.2f}, {ours.best_trial.user_attrs['architecture']}")
