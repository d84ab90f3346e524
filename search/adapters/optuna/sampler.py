"""One of our optimizers as the sampler of an Optuna study."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from ....bench import SearchSpace, Table, WarmnasError
from ...optimizer import make_optimizer
from ..fresh import fresh_problem
from .parameters import distributions, to_genotype, to_params


class OptimizerSampler(optuna.samplers.BaseSampler):  # type: ignore[misc]
    """Proposes architectures by an optimizer of ours, each once; other parameters of the objective are drawn at random.

    The objective suggests a categorical parameter per gene, named like the gene and with the gene's choices, as
    :class:`TableObjective` does. A pruned trial counts with the last value that it reported, a failed one not at all.

    Args:
        where: the search space, or a table: then the architectures are the table's and its tasks are the sources that a
            transfer optimizer learns from.
        optimizer: name and options, such as ``rea[population=20]`` or ``xfernas``.
        budget: trials at most; every architecture is proposed once.
        seed: of everything that is drawn.
        sources: as :func:`~warmnas.search.adapters.fresh.fresh_problem` has them; likewise ``source_rows``.

    Raises:
        WarmnasError: where a name, an option or the budget is wrong, and when more trials are asked for than the budget.
    """

    def __init__(
        self,
        where: SearchSpace | Table,
        optimizer: str = "rea",
        *,
        budget: int = 100,
        seed: int = 0,
        sources: str = "all",
        source_rows: int | None = None,
    ) -> None:
        problem = fresh_problem(where, budget=budget, seed=seed, sources=sources, source_rows=source_rows)
        self._genes, self._budget = problem.candidates.space.genes, budget
        self._optimizer = make_optimizer(optimizer, problem)
        self._rest = optuna.samplers.RandomSampler(seed=seed)
        self._lock = threading.Lock()  # trials may run in threads
        self._asked = 0
        self._open: dict[int, dict[str, Any]] = {}  # what was proposed to trials that are not over, by number

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        """The genes."""
        return distributions(self._genes)

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        """The optimizer's next proposal."""
        with self._lock:
            if self._asked == self._budget:
                raise WarmnasError(f"this sampler was made for a budget of {self._budget} trials; give it a larger one")
            self._asked += 1
            genotype = self._optimizer.ask(1)[0, 0]
            proposed = self._open[trial.number] = to_params(self._genes, genotype)
        return proposed

    def sample_independent(self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: Any) -> Any:
        """A parameter that is no gene, uniformly."""
        return self._rest.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Tell the optimizer."""
        self._rest.after_trial(study, trial, state, values)
        # An enqueued trial has parameters of its own; an objective that ended early may not have looked at every gene.
        params = {**self._open.pop(trial.number, {}), **trial.params}
        value = values[0] if state == TrialState.COMPLETE and values else None
        if state == TrialState.PRUNED and trial.intermediate_values:
            value = trial.intermediate_values[max(trial.intermediate_values)]
        genotype = to_genotype(self._genes, params)
        if value is None or not np.isfinite(value) or self._optimizer.problem.candidates.rows(genotype) < 0:
            return
        sign = 1.0 if study.direction == optuna.study.StudyDirection.MAXIMIZE else -1.0
        with self._lock:
            self._optimizer.tell(genotype[None, None], np.array([[sign * value]]))

    def reseed_rng(self) -> None:
        """Another process must not draw the same other parameters; the optimizer itself belongs to one process."""
        self._rest.reseed_rng()
