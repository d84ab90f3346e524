"""A task of a table as the objective of an Optuna study."""

from __future__ import annotations

import numpy as np
import optuna

from ....bench import Table
from ..curves import curves_of
from .parameters import to_genotype


class TableObjective:
    """Suggests one parameter per gene and returns the validation value at the end of training.

    Where the table has learning curves, every epoch is reported and the trial may be pruned there. A trial says in its user
    attributes what it stands for: ``architecture``, and ``simulated_seconds`` of training up to where it ended. An
    architecture that the task was not measured on is pruned at once (attribute ``reason``).

    Args:
        table: where to look.
        task: which task of it.
        schedule: total epochs of the training; None for the longest.

    Attributes:
        direction: of the study that this is the objective of, ``maximize`` or ``minimize``.
    """

    def __init__(self, table: Table, task: str, schedule: int | None = None) -> None:
        self.curves = curves_of(table, task, schedule)
        self.direction = table.metrics[task].direction
        self._table, self._candidates = table, table.candidates(task)
        self._genes = table.space.genes

    def __call__(self, trial: optuna.Trial) -> float:
        """The value of the trial's architecture; raises ``optuna.TrialPruned`` where the pruner says so."""
        params = {gene.name: trial.suggest_categorical(gene.name, gene.choices) for gene in self._genes}
        candidate = int(self._candidates.rows(to_genotype(self._genes, params)))
        if candidate < 0:
            trial.set_user_attr("reason", "not measured on this task")
            raise optuna.TrialPruned("not measured on this task")
        row = int(self._candidates.table_rows[candidate])
        trial.set_user_attr("architecture", self._table.names[row])
        known = np.flatnonzero(~np.isnan(self.curves.values[row]))
        for place in known:
            trial.report(float(self.curves.values[row, place]), int(self.curves.epochs[place]))
            if place != known[-1] and trial.should_prune():
                self._charge(trial, row, int(place))
                raise optuna.TrialPruned
        self._charge(trial, row, int(known[-1]))
        return float(self.curves.values[row, known[-1]])

    def _charge(self, trial: optuna.Trial, row: int, place: int) -> None:
        if self.curves.seconds is not None and not np.isnan(self.curves.seconds[row, place]):
            trial.set_user_attr("simulated_seconds", float(self.curves.seconds[row, place]))
