"""The predictor study: how well the values of unseen architectures are ordered, by number of training architectures.

* A split parts function classes: the first n of a random order are trained on, the test part are those behind the largest
  n, so no class of the test part was seen, and all n of a split are judged on the same architectures. A class is stood for
  by one of its architectures, drawn anew in every split.
* A predictor sees the validation values of its training architectures, and genotypes. The truth is the mean over seeds.
* Split r is the same for every predictor, so differences are paired.
* ``live-params`` (order by live parameters, no learning) stands beside them wherever the space or table can count them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ..bench import FloatArray, IntArray, SearchSpace, Split, Table, UnknownName, WarmnasError
from ..surrogates.predictors import Predictor, predictors
from .objectives import live_params
from .optimizer import parse_spec
from .predictor_metrics import FEWEST_TEST, METRICS, Ceiling, judge, noise_ceiling
from .protocol import find_tasks, run_seeds
from .streams import child
from .workers import Report, run_parts

Progress = Callable[[str, str, int], None]  # (task, predictor, fits just done)
SIZES = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
MOST_TEST = 5000  # classes of a test part; more would make a study of a large space take hours and tell the same
RIVAL = "live-params"


@dataclass(frozen=True)
class PredictorProtocol:
    """What makes two predictor studies comparable.

    Attributes:
        tasks: of the tables.
        budget: largest number of training architectures.
        splits: random ones.
        seed: of the splits and of the predictors.
        observe: what is learned from: the ``mean`` over seeds, or one recorded ``seed`` drawn per architecture.
        schedule: total epochs of the trainings that are learned from; None for the longest, which is the truth in any case.
    """

    tasks: tuple[str, ...]
    budget: int = 200
    splits: int = 5
    seed: int = 0
    observe: str = "mean"
    schedule: int | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of training architectures."""
        return (*(size for size in SIZES if 1.5 * size <= self.budget), self.budget)


@dataclass(frozen=True)
class Judged:
    """One predictor on one task.

    Attributes:
        values: metric to (splits, sizes).
        fit_seconds, predict_seconds: (splits, sizes).
    """

    table: Table
    task: str
    predictor: str
    values: dict[str, FloatArray]
    fit_seconds: FloatArray
    predict_seconds: FloatArray


@dataclass(frozen=True)
class PredictorStudy:
    """Results of a study, in the order of tasks and predictors."""

    protocol: PredictorProtocol
    tables: tuple[Table, ...]
    judged: tuple[Judged, ...]
    ceilings: dict[str, Ceiling]

    @property
    def tasks(self) -> list[str]:
        """Tasks in the order of the study."""
        return list(dict.fromkeys(one.task for one in self.judged))

    def of(self, task: str) -> list[Judged]:
        """The results of one task."""
        return [one for one in self.judged if one.task == task]

    def protocol_hash(self) -> str:
        """Hash of tables, tasks, sizes, splits and seeds: equal hashes may be compared."""
        text = json.dumps([asdict(self.protocol), {table.name: table.hash for table in self.tables}], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def make_predictor(spec: str, space: SearchSpace, seed: int = 0) -> Predictor:
    """A predictor from its name and options, such as ``trees`` or ``trees[trees=50]``.

    Raises:
        UnknownName: for a name or an option that does not exist.
        WarmnasError: where the space lacks an encoding that the predictor needs.
    """
    name, options = parse_spec(spec)
    kind = predictors[name]
    known = sorted(set(kind.options()) - {"space", "seed"})
    for option in options:
        if option not in known:
            raise UnknownName(f"option of {name}", option, known)
    if lacking := kind.lacking(space):
        raise WarmnasError(f"predictor '{name}' needs the {lacking}, which the space {space.name} has not")
    return kind(space, seed=seed, **options)


def fitting(tables: Sequence[Table]) -> list[str]:
    """Names of the predictors that can read all these tables' spaces."""
    return [name for name, kind in predictors.items() if not any(kind.lacking(table.space) for table in tables)]


def usual_budget(targets: Sequence[tuple[Table, str]]) -> int:
    """Training architectures where nothing is said: 200, or half of the function classes of the smallest task."""
    fewest = min(len(np.unique(table.space.class_keys(table.candidates(task).genotypes))) for table, task in targets)
    return max(3, min(200, fewest // 2))


def predictor_study(
    tables: Sequence[Table],
    specs: Sequence[str],
    protocol: PredictorProtocol,
    progress: Progress | None = None,
    workers: int = 1,
) -> PredictorStudy:
    """Run every predictor on every task of ``protocol.tasks`` (``("all",)`` for all).

    Raises:
        WarmnasError: before anything is run, where a name, an option or a size does not exist.
    """
    targets = find_tasks(tables, protocol.tasks)
    protocol = replace(protocol, tasks=tuple(task for _, task in targets))
    names = list(dict.fromkeys(specs))
    prepared = {task: _TaskSplits(table, task, protocol) for table, task in targets}
    for table, _ in targets:
        for spec in names:
            make_predictor(spec, table.space)
    runs = [(table, task, spec) for table, task in targets for spec in _with_rival(names, table, task)]
    parts = [(task, spec, split) for _, task, spec in runs for split in range(protocol.splits)]

    def tell(part: int, fits: int) -> None:
        if progress is not None:
            progress(parts[part][0], parts[part][1], fits)

    done = iter(run_parts([prepared[task].part(spec, split) for task, spec, split in parts], workers, tell))
    judged = []
    for table, task, spec in runs:
        lines = np.stack([next(done) for _ in range(protocol.splits)])  # (splits, sizes, metrics and two times)
        values = {metric: lines[..., place] for place, metric in enumerate(METRICS)}
        judged.append(Judged(table, task, spec, values, lines[..., -2], lines[..., -1]))
    used = tuple(table for table in tables if any(table is t for t, _ in targets))
    return PredictorStudy(protocol, used, tuple(judged), {task: noise_ceiling(table, task) for table, task in targets})


def _with_rival(names: Sequence[str], table: Table, task: str) -> list[str]:
    return [*names, *([RIVAL] if live_params(table, task) is not None else [])]


class _TaskSplits:
    """Training and test parts of one task."""

    def __init__(self, table: Table, task: str, protocol: PredictorProtocol) -> None:
        table.resolve(task, Split.VAL)
        self.table, self.task, self.protocol = table, task, protocol
        candidates = table.candidates(task)
        self.genotypes, self.rows = candidates.genotypes, candidates.table_rows
        self.truth = table.values(task, self.rows)
        self.seen = table.seed_values(task, Split.VAL, protocol.schedule)[self.rows]
        self.params = live_params(table, task)
        self.classes = np.unique(table.space.class_keys(self.genotypes), return_inverse=True)[1]
        many = int(self.classes.max()) + 1
        if protocol.splits < 1:
            raise WarmnasError(f"--runs {protocol.splits}: at least one split is needed, and five to tell anything")
        if not 3 <= protocol.budget <= many - FEWEST_TEST:
            raise WarmnasError(
                f"--budget {protocol.budget}: {task} has {many} function classes; train on 3 to {many - FEWEST_TEST}"
            )
        if np.isnan(self.seen).all(axis=1).any():
            raise WarmnasError(f"--schedule {protocol.schedule}: some candidates of {task} have no value of that schedule")
        self.seeds = run_seeds(protocol.seed, task, protocol.splits)

    def parts(self, split: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Candidates to train on, in order, candidates to test on, and what is seen of the first."""
        rng = np.random.default_rng(child(self.seeds[split], 0))
        shuffled = rng.permutation(len(self.classes))
        # The first of each class in a random order of all: a random representative, the classes in a random order too.
        first = np.unique(self.classes[shuffled], return_index=True)[1]
        drawn = rng.permutation(shuffled[first])
        train, test = drawn[: self.protocol.budget], drawn[self.protocol.budget :][:MOST_TEST]
        if self.protocol.observe == "mean":
            return train, test, np.nanmean(self.seen[train], axis=1)
        there = ~np.isnan(self.seen[train])
        order = np.where(there, rng.random(there.shape), 2.0).argmin(axis=1)
        return train, test, self.seen[train, order]

    def part(self, spec: str, split: int) -> Callable[[Report], FloatArray]:
        """What judges one predictor on one split: (sizes, metrics and two times)."""

        def run(report: Report) -> FloatArray:
            train, test, seen = self.parts(split)
            sign = self.table.metrics[self.task].sign
            seed = int(child(self.seeds[split], 1).generate_state(1)[0] % 2**31)
            lines = []
            for size in self.protocol.sizes:
                scores, seconds = self._scores(spec, seed, train[:size], seen[:size], test)
                lines.append([*judge(sign * scores, self.truth[test], sign), *seconds])
                report(1)
            return np.array(lines)

        return run

    def _scores(
        self, spec: str, seed: int, train: IntArray, seen: FloatArray, test: IntArray
    ) -> tuple[FloatArray, tuple[float, float]]:
        """Predicted values of the test part, and seconds of learning and predicting."""
        started = time.perf_counter()
        if spec == RIVAL:
            assert self.params is not None
            return self.table.metrics[self.task].sign * self.params[test], (0.0, time.perf_counter() - started)
        model = make_predictor(spec, self.table.space, seed).fit(self.genotypes[train], seen)
        fitted = time.perf_counter()
        predicted = model.predict(self.genotypes[test])
        return predicted, (fitted - started, time.perf_counter() - fitted)
