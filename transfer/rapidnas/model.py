"""RapidNAS as a predictor and a generator that are fitted on several tasks and asked about a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace, WarmnasError
from ...surrogates.estimator import Estimator
from .sets import TaskSet
from .settings import Settings

if TYPE_CHECKING:
    from .lockstep import MetaD2A

FEWEST = 2  # tasks to learn from, and architectures of each
DEFAULT = Settings()
WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, eq=False)
class Experience:
    """What was measured on one task.

    Attributes:
        name: of the task.
        task: its images as a set.
        genotypes: (n, genes).
        values: (n,), larger being better; accuracies in percent, or anything else of one unit for all tasks.
    """

    name: str
    task: TaskSet
    genotypes: Genotypes
    values: FloatArray


class RapidNAS(Estimator):
    """MetaD2A's generator and predictor (Lee et al., ICLR 2021), as an ensemble.

    Args:
        space: of the architectures.
        seed: of weights, batches and draws.
        members: networks side by side; their deviation is the uncertainty.
        steps: of the meta-training.
        loss: ``squared``, as published, or ``rank``: pairwise within each task, and predictions are scores without a unit.
        width, code, points, rate, good: see :class:`~warmnas.transfer.rapidnas.settings.Settings`.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        members: int = 3,
        steps: int = 300,
        loss: Literal["squared", "rank"] = "squared",
        width: int = DEFAULT.width,
        code: int = DEFAULT.code,
        points: int = DEFAULT.points,
        rate: float = DEFAULT.rate,
        good: float = DEFAULT.good,
    ) -> None:
        self.space = space
        self.seed = seed
        self.members = members
        self.steps = steps
        self.loss = loss
        self.width = width
        self.code = code
        self.points = points
        self.rate = rate
        self.good = good

    def settings(self) -> Settings:
        """The settings; WarmnasError where an option is wrong."""
        for name in ("members", "steps"):
            if getattr(self, name) < 1:
                raise WarmnasError(f"rapidnas: {name}={getattr(self, name)}; at least 1 is needed")
        return Settings(self.loss, self.width, self.code, self.points, self.rate, good=self.good)

    def fit(self, metadata: Sequence[Experience]) -> Self:
        """Meta-train on several tasks.

        Raises:
            WarmnasError: fewer than FEWEST tasks or architectures of one, a value that is no finite number, genotypes that
                are none, tasks with features of different kinds, a wrong option.
        """
        model = self.start(metadata)
        for step in range(self.steps):
            model.advance(np.random.default_rng([self.seed, step]), self.steps)
        return self

    def start(self, metadata: Sequence[Experience]) -> MetaD2A:
        """The networks before the first step, with what they are to learn; ``fit`` without the training."""
        from .graphs import Graphs
        from .lockstep import MetaD2A
        from .set_bank import Scaler, SetBank

        settings = self.settings()
        tasks = [checked(self.space, one) for one in metadata]
        if len(tasks) < FEWEST:
            raise WarmnasError(f"rapidnas learns from several tasks, and {len(tasks)} were given; give {FEWEST} or more")
        sets = [one.task for one in metadata]
        scaler = Scaler.of(sets) if len({s.features.shape[2] for s in sets}) == 1 else Scaler.of(sets[:1])
        SetBank(sets, scaler)  # refuses features of different kinds before anything is built
        rng = np.random.default_rng([self.seed, 2**32 - 1])
        model = MetaD2A(self.space, self.members, rng, scaler, settings, Graphs(self.space))
        runs = [
            (np.broadcast_to(g, (self.members, *g.shape)), np.broadcast_to(v, (self.members, *v.shape))) for g, v in tasks
        ]
        model.learn_from(sets, runs)
        self._model = model
        return model

    @property
    def model(self) -> MetaD2A:
        """The networks; WarmnasError before ``fit``."""
        if not hasattr(self, "_model"):
            raise WarmnasError("rapidnas has learned nothing yet; call fit first, or load a model")
        return self._model

    @overload
    def predict(self, task: TaskSet, genotypes: Genotypes, return_std: Literal[False] = False) -> FloatArray: ...
    @overload
    def predict(self, task: TaskSet, genotypes: Genotypes, return_std: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    def predict(self, task: TaskSet, genotypes: Genotypes, return_std: bool = False) -> Any:
        """Values (n,) of genotypes (n, genes) on a new task, and the deviation between members if asked.

        In the unit of the values that were learned with the squared loss; with the ranking loss scores that only order.
        """
        model = self.model
        x = checked_genotypes(self.space, genotypes)
        rng = np.random.default_rng([self.seed, 2**32 - 2])
        scores = model.predict(task, np.broadcast_to(x, (self.members, *x.shape)), rng)
        if self.loss == "squared":
            scores = model.unit[0][:, None] + model.unit[1][:, None] * scores
        mean = scores.mean(axis=0)
        return (mean, scores.std(axis=0)) if return_std else mean

    def generate(self, task: TaskSet, n: int, seed: int = 0) -> Genotypes:
        """``n`` architectures for a task, drawn from all members in turn: (n, genes), canonical, valid and connected.

        No two are of one function. Fewer come where the generator is so sure that drawing on finds no others.
        """
        if n < 1:
            raise WarmnasError(f"rapidnas: {n} architectures cannot be generated; ask for 1 or more")
        drawn = self.model.generate(task, n, np.random.default_rng([self.seed, seed, 2**32 - 3]))
        turns = [one[i] for i in range(n) for one in drawn if i < len(one)]
        together = np.stack(turns) if turns else np.empty((0, len(self.space.genes)), dtype=np.int8)
        _, first = np.unique(self.space.class_keys(together), return_index=True)
        return together[np.sort(first)[:n]]

    def save(self, path: str | Path, notes: dict[str, Any] | None = None) -> None:
        """Write a safetensors file, all or nothing; ``notes`` (JSON) say what was learned from."""
        from .files import save

        save(self, Path(path), notes or {})

    @classmethod
    def load(cls, path: str | Path) -> tuple[Self, dict[str, Any]]:
        """A model that :meth:`save` wrote, and its notes; CorruptFile where the file is no such one or not whole."""
        from .files import load

        return load(cls, Path(path))


def checked_genotypes(space: SearchSpace, genotypes: Genotypes) -> Genotypes:
    """Genotypes (n, genes) of the space, or a WarmnasError."""
    x = space.check(genotypes)
    if x.ndim != 2:
        raise WarmnasError(f"genotypes must have the shape (n, {len(space.genes)}), not {x.shape}")
    if not space.valid(x).all():
        raise WarmnasError(f"a genotype is no architecture of {space.name}")
    return x


def checked(space: SearchSpace, one: Experience) -> tuple[Genotypes, FloatArray]:
    """Genotypes and values of a task, or a WarmnasError that names it."""
    x = checked_genotypes(space, one.genotypes)
    y = np.asarray(one.values, dtype=np.float64)
    if y.shape != (len(x),) or len(x) < FEWEST:
        raise WarmnasError(
            f"task '{one.name}': {len(x)} genotypes and values of shape {y.shape}; give a value each, of {FEWEST} or more"
        )
    wrong = np.flatnonzero(~np.isfinite(y))
    if len(wrong):
        name = space.to_string(x[wrong[0]])
        raise WarmnasError(f"task '{one.name}': the value of {name} is {y[wrong[0]]}; leave out what was not measured")
    return x, y


def shipped(loss: str = "squared") -> Path:
    """The weights that come with warmnas, of NAS-Bench-201's space; WarmnasError where there are none for that loss.

    Learned from 118 tasks of the shipped ``subsets-v1``, never from CIFAR-10 or the held-out fifth of CIFAR-100's classes.
    ``python -m warmnas.transfer.rapidnas.train --shipped`` repeats them; the file's notes say tables, plan, tasks, version.
    """
    path = WEIGHTS / f"{loss}.safetensors"
    if not path.is_file():
        raise WarmnasError(
            f"rapidnas: no weights for the loss '{loss}' come with warmnas; make some with "
            "python -m warmnas.transfer.rapidnas.train and name the file"
        )
    return path


__all__ = ["Experience", "RapidNAS", "checked", "checked_genotypes", "shipped"]
