"""Optuna's samplers as optimizers of a study, by ``optuna:NAME``, with one Optuna study per run.

Every gene is a categorical parameter. CMA-ES and quasi-Monte Carlo know no categories, so they get the genes as integers,
whose order says something only where the choices are ordered (widths, say). A run's sampler is seeded from the run's own
stream. ``gp`` takes about a second per proposal, ``bruteforce`` looks at all earlier trials each time.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import optuna

from ....bench import UnknownName
from ...optimizer import Optimizer, per_run
from ...problem import Problem
from ..extras import require
from ..foreign import ForeignRun
from .parameters import Genotype, distributions, to_genotype, to_params

# Names on the command line; the classes are optuna.samplers.<...>Sampler.
SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "nsgaii": "NSGAIISampler",
    "nsgaiii": "NSGAIIISampler",
    "qmc": "QMCSampler",
    "bruteforce": "BruteForceSampler",
}
ORDINAL = ("cmaes", "qmc")  # of numbers only
NEEDS = {"cmaes": "cmaes", "gp": "torch"}  # what a sampler needs besides
_NOT_OPTIONS = {"seed", "self"}


def sampler_optimizer(name: str) -> Callable[..., Optimizer]:
    """An Optuna sampler as an optimizer of a study; its options are those of the sampler's constructor."""
    if name not in SAMPLERS:
        raise UnknownName("optimizer", f"optuna:{name}", [f"optuna:{known}" for known in SAMPLERS])
    if name in NEEDS:
        require(NEEDS[name], f"{NEEDS[name]}, which optuna:{name} needs,", "optuna")
    sampler = getattr(optuna.samplers, SAMPLERS[name])

    def run(problem: Problem, rng: np.random.Generator, **options: Any) -> SamplerRun:
        with _quiet():
            made = sampler(seed=int(rng.integers(2**32)), **_typed(sampler, options))
        return SamplerRun(problem, rng, made, ordinal=name in ORDINAL)

    shown = [p for key, p in inspect.signature(sampler).parameters.items() if key not in _NOT_OPTIONS]
    own = [p for key, p in inspect.signature(run).parameters.items() if key != "options"]
    named = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in shown]
    setattr(run, "__signature__", inspect.Signature([*own, *named]))  # noqa: B010 -- so unknown options are refused by name
    return per_run(run)


def _typed(sampler: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the sampler wants them: a flag may be written 0, 1, true or false."""
    flags = {"0": False, "false": False, "1": True, "true": True}
    parameters = inspect.signature(sampler).parameters
    return {
        key: flags.get(str(value).lower(), value) if isinstance(parameters[key].default, bool) else value
        for key, value in options.items()
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """No notes on experimental options, and none that a study was created: a study here is a run among many."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)


class SamplerRun(ForeignRun):
    """One run of an Optuna sampler over the candidates of a problem."""

    def __init__(self, problem: Problem, rng: np.random.Generator, sampler: Any, ordinal: bool = False) -> None:
        super().__init__(problem, rng)
        with _quiet():
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._distributions = distributions(self.genes, ordinal)
        self._genotype = partial(to_genotype, self.genes, ordinal=ordinal)
        self._params = partial(to_params, self.genes, ordinal=ordinal)

    def suggest(self) -> tuple[Any, Genotype]:
        """See :class:`ForeignRun`."""
        with _quiet():
            trial = self._study.ask(self._distributions)
        return trial, self._genotype(trial.params)

    def withdraw(self, token: Any) -> None:
        """A failed trial, which samplers ignore."""
        self._study.tell(token, state=optuna.trial.TrialState.FAIL)

    def impose(self, genotype: Genotype) -> Any:
        """An enqueued trial."""
        with _quiet():
            self._study.enqueue_trial(self._params(genotype))
            return self._study.ask(self._distributions)

    def record(self, token: Any, value: float) -> None:
        """A completed trial."""
        with _quiet():
            self._study.tell(token, value)
