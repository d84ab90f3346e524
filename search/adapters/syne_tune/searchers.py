"""Syne Tune's single-objective searchers as optimizers of a study, by ``syne-tune:NAME``, with one searcher per run.

A searcher proposes configurations and hears of results that it minimises; schedulers that stop trainings early have no part
in it, because an evaluation of a study is a whole training. Some searchers draw from NumPy's global random state
whatever their seed; it is set from the run's own stream while they draw and put back afterwards.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from syne_tune.config_space import choice

from ....bench import UnknownName, WarmnasError
from ....bench.spaces.base import Gene
from ...optimizer import Optimizer, per_run
from ...problem import Problem
from ..extras import MissingExtra, require
from ..foreign import ForeignRun, Genotype

FACTORY = "syne_tune.optimizer.schedulers.searchers.searcher_factory"
# Names on the command line and Syne Tune's own.
SEARCHERS = {
    "random-search": "random_search",
    "regularized-evolution": "regularized_evolution",
    "kde": "kde",
    "bore": "bore",
    "cqr": "cqr",
    "botorch": "botorch",
}
_NOT_OPTIONS = {"config_space", "points_to_evaluate", "random_seed"}


def searcher_optimizer(name: str) -> Callable[..., Optimizer]:
    """A Syne Tune searcher as an optimizer of a study; its options are those of the searcher's constructor.

    Raises:
        UnknownName: for a name that is none of SEARCHERS.
        MissingExtra: where a searcher needs a package that is not installed.
    """
    if name not in SEARCHERS:
        raise UnknownName("optimizer", f"syne-tune:{name}", [f"syne-tune:{known}" for known in SEARCHERS])
    try:
        searcher = require(FACTORY, "Syne Tune", "syne-tune").searcher_cls(SEARCHERS[name])
    except ImportError as error:
        if isinstance(error, MissingExtra):
            raise
        raise MissingExtra(
            f"syne-tune:{name} needs {error.name}, which is not installed: pip install {error.name}"
        ) from error

    def run(problem: Problem, rng: np.random.Generator, **options: Any) -> SearcherRun:
        return SearcherRun(problem, rng, searcher, options)

    shown = [p for key, p in inspect.signature(searcher).parameters.items() if key not in _NOT_OPTIONS]
    own = [p for key, p in inspect.signature(run).parameters.items() if key != "options"]
    named = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in shown]
    setattr(run, "__signature__", inspect.Signature([*own, *named]))  # noqa: B010 -- so unknown options are refused by name
    return per_run(run)


class SearcherRun(ForeignRun):
    """One run of a searcher over the candidates of a problem."""

    def __init__(
        self, problem: Problem, rng: np.random.Generator, searcher: Callable[..., Any], options: dict[str, Any]
    ) -> None:
        super().__init__(problem, rng)
        self._global = np.random.RandomState(int(rng.integers(2**32))).get_state()
        with self._own_random_state():
            space = {gene.name: choice(list(gene.choices)) for gene in self.genes}
            self._searcher = searcher(config_space=space, random_seed=int(rng.integers(2**31)), **options)
        self._trials = 0

    @contextmanager
    def _own_random_state(self) -> Iterator[None]:
        """Draw from the run's own state; what Syne Tune's own libraries warn it of is not for the user to mend."""
        before = np.random.get_state()  # noqa: NPY002 -- not ours: what Syne Tune draws from
        np.random.set_state(self._global)  # noqa: NPY002
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            self._global = np.random.get_state()  # noqa: NPY002
            np.random.set_state(before)  # noqa: NPY002

    def suggest(self) -> tuple[Any, Genotype] | None:
        """See :class:`ForeignRun`."""
        with self._own_random_state():
            config = self._searcher.suggest()
        return None if config is None else (config, _genotype(self.genes, config))

    def withdraw(self, token: Any) -> None:
        """A searcher is told of results only, so one that never comes is withdrawn."""

    def impose(self, genotype: Genotype) -> Any:
        """As if it had been suggested."""
        return {gene.name: gene.choices[int(value)] for gene, value in zip(self.genes, genotype, strict=True)}

    def record(self, token: Any, value: float) -> None:
        """A completed trial, of the value to minimise."""
        with self._own_random_state():
            self._searcher.on_trial_complete(self._trials, token, -value)
        self._trials += 1


def _genotype(genes: tuple[Gene, ...], config: dict[str, Any]) -> Genotype:
    try:
        return np.array([gene.choices.index(config[gene.name]) for gene in genes], dtype=np.int8)
    except (KeyError, ValueError) as error:
        raise WarmnasError(f"Syne Tune suggested {config}, which describes no architecture") from error
