"""The TAPAS search (Istrate et al., AAAI 2019): evolution with a predictor as its fitness, then a few real trainings.

The evolution is that of Real et al. (Large-Scale Evolution of Image Classifiers, ICML 2017, section 3.1): again and again
two individuals are drawn, the worse one dies, and the better one has a mutated child. Their many workers do so at the same
time without waiting for each other; here a round pairs the whole population at random, so that one call predicts all
children. Nothing is trained, so hundreds of thousands of candidates take seconds to minutes.

The fitness is mean - kappa * deviation: the best of so many point estimates is where the predictor errs most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..bench import FloatArray, Genotypes, Table, WarmnasError
from ..surrogates.predictors import Predictor
from ..surrogates.predictors.experiments import Images, experiments_of
from ..surrogates.predictors.tap import TAP

if TYPE_CHECKING:
    from ..metadata.tasks import ImageTask
    from ..metadata.training import Recipe

Progress = Callable[[int, int], None]  # candidates predicted, of so many


@dataclass(frozen=True)
class Evolved:
    """The best of all candidates, best first, no function twice.

    Attributes:
        genotypes: (found, genes).
        fitness, mean, std: as predicted, (found,).
        candidates: how many were predicted in all.
    """

    genotypes: Genotypes
    fitness: FloatArray
    mean: FloatArray
    std: FloatArray
    candidates: int


def evolve(
    model: Predictor,
    rng: np.random.Generator,
    candidates: int = 200_000,
    population: int = 1000,
    kappa: float = 1.0,
    keep: int = 20,
    sign: int = 1,
    progress: Progress | None = None,
) -> Evolved:
    """Evolve architectures of ``model.space``.

    Args:
        model: a fitted predictor.
        rng: all randomness.
        candidates: to predict in all, the first population included.
        population: individuals, an even number.
        kappa: deviations to subtract.
        keep: how many of the best to give back.
        sign: 1 where larger values are better, else -1.
        progress: told of candidates as they are predicted.

    Raises:
        WarmnasError: where the numbers make no evolution.
    """
    if population < 2 or population % 2 or candidates < population or keep < 1:
        raise WarmnasError(f"tapas: population {population} must be even, at most candidates {candidates}; keep 1 or more")
    space = model.space
    best = _Best(model, kappa, keep, sign)
    living = space.sample(population, rng)
    fitness = best.judge(living)
    done = population
    while done < candidates:
        pairs = rng.permutation(population).reshape(-1, 2)[: candidates - done]
        first_wins = fitness[pairs[:, 0]] >= fitness[pairs[:, 1]]
        winners, losers = (np.where(wins, pairs[:, 0], pairs[:, 1]) for wins in (first_wins, ~first_wins))
        children = space.mutate(living[winners], rng)
        living[losers], fitness[losers] = children, best.judge(children)
        done += len(pairs)
        if progress is not None:
            progress(done, candidates)
    return Evolved(best.genotypes, best.numbers[0], best.numbers[1], best.numbers[2], done)


class _Best:
    """Judges candidates and keeps the best."""

    def __init__(self, model: Predictor, kappa: float, keep: int, sign: int) -> None:
        self._model, self._kappa, self._keep, self._sign = model, kappa, keep, sign
        self.genotypes = np.empty((0, len(model.space.genes)), dtype=np.int8)
        self.numbers = np.empty((3, 0))  # fitness, mean, deviation

    def judge(self, genotypes: Genotypes) -> FloatArray:
        mean, std = self._model.predict(genotypes, return_std=True)
        fitness: FloatArray = self._sign * mean - self._kappa * std
        genotypes = np.concatenate([self.genotypes, self._model.space.canonical(genotypes)])
        numbers = np.concatenate([self.numbers, np.stack([fitness, mean, std])], axis=1)
        first = np.unique(self._model.space.index(genotypes), return_index=True)[1]
        chosen = first[np.argsort(-numbers[0, first], kind="stable")[: self._keep]]
        self.genotypes, self.numbers = genotypes[chosen], numbers[:, chosen]
        return fitness


@dataclass(frozen=True)
class Trained:
    """One of the best, trained for real: accuracies in percent."""

    architecture: str
    predicted: float
    deviation: float
    validation: float
    test: float


@dataclass(frozen=True)
class TapasResult:
    """What a TAPAS search found; ``trained`` has the best validation accuracy first.

    Attributes:
        dcn: of the task, from trainings of landmark networks on its training part.
        trainings: on the target in all, landmarks included.
    """

    dcn: float
    trainings: int
    evolved: Evolved
    trained: tuple[Trained, ...]


def tapas(
    task: ImageTask,
    table: Table,
    recipe: Recipe,
    *,
    seed: int = 0,
    trainings: int = 3,
    candidates: int = 200_000,
    population: int = 1000,
    without: Sequence[str] = (),
    progress: Progress | None = None,
    **options: float | str,
) -> TapasResult:
    """Search a chain for a new task: DCN, predictor, evolution, and the best few trained.

    Args:
        task: the images.
        table: of chains with prefixes and DCNs, such as ``chains-v1``.
        recipe: of the real trainings; the predictor speaks of the table's own recipe.
        seed: of everything.
        trainings: how many of the best to train.
        candidates: to predict.
        population: of the evolution.
        without: tasks of the table to leave out, such as relatives of the target; those of its family always are.
        progress: told of candidates as they are predicted.
        **options: of TAP.
    """
    from ..metadata.descriptors import characterise

    others = [name for name in table.tasks if table.family(name) != task.family and name not in without]
    described = characterise(task)
    channels = task.train.images.shape[-1]
    images = Images((channels, recipe.resolution, recipe.resolution), len(task.classes), recipe.width, recipe.cells)
    model = TAP(table.space, seed=seed, **options)  # type: ignore[arg-type]
    model.fit_experiments(experiments_of(table, others), described.dcn, images)
    rng = np.random.default_rng(seed)
    evolved = evolve(model, rng, candidates, population, keep=max(trainings, 20), progress=progress)
    trained = [_train(table, evolved, place, task, recipe, seed) for place in range(min(trainings, len(evolved.fitness)))]
    best_first = tuple(sorted(trained, key=lambda one: -one.validation))
    return TapasResult(described.dcn, described.trainings + len(trained), evolved, best_first)


def _train(table: Table, evolved: Evolved, place: int, task: ImageTask, recipe: Recipe, seed: int) -> Trained:
    from ..metadata.training import Diverged, Epoch, train

    rows: list[Epoch] = []
    try:
        train(table.space, evolved.genotypes[place], task, recipe, seed, report=rows.append)
    except Diverged:  # the worst that a training can end with, and no reason to lose the others
        rows = []
    values = (rows[-1].val_accuracy, rows[-1].test_accuracy) if rows else (0.0, 0.0)
    name = table.space.to_string(evolved.genotypes[place])
    return Trained(name, float(evolved.mean[place]), float(evolved.std[place]), *map(float, values))
