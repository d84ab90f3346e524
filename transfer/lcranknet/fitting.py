"""Fitting an LCRankNet: reading the source tasks, training and calibrating the members, or learning on the target alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from ...bench import FloatArray, Genotypes, IntArray, SearchSpace, WarmnasError
from .batches import Batches, SourceTask, better
from .calibration import grid, temperature
from .inputs import LONGEST, PartialCurves, places, read_curves
from .level import Context, Habits
from .network import LCRankNetwork, Sizes
from .target import prior_target, refit
from .training import ALPHA, GROUP, Settings, allowed_rows, folds, train

if TYPE_CHECKING:
    from .model import LCRankNet, TaskCurves

CALIBRATION_PAIRS = 300  # per member and number of places
MOST_BEFORE = 200  # trainings of which the best is what a candidate is compared with
UNSEEN_REFERENCE = 80.0  # percent, before anything is known of any task
ALONE_STEPS = 100  # of a training on a target without sources


def fit(model: LCRankNet, curves_by_task: Mapping[str, TaskCurves], families: Mapping[str, str]) -> None:
    """Everything of :meth:`LCRankNet.fit`."""
    epochs = [np.shape(curves)[-1] for _, curves in curves_by_task.values()]
    model.places_ = places(max(epochs, default=LONGEST))
    tasks = {name: source_task(name, *given, model.space_, model.places_) for name, given in curves_by_task.items()}
    tasks = {name: task for name, task in tasks.items() if len(task.tokens) > 1}
    if curves_by_task and not tasks:
        raise WarmnasError(
            "no source task has two trainings that went to their end; give whole curves, or no source at all"
        )
    model.sources_ = tuple(tasks)
    best = [float(task.final.max()) for task in tasks.values()]
    model._prior_reference = model.reference_ = float(np.mean(best)) if best else UNSEEN_REFERENCE
    model._context = None
    build(model, list(tasks.values()), [families.get(name, name) for name in tasks], model.steps)
    model._forget()


def source_task(
    name: str, genotypes: Genotypes, curves: FloatArray, space: SearchSpace, fractions: FloatArray
) -> SourceTask:
    """The whole trainings among a task's."""
    x = space.check(genotypes)
    if x.ndim != 2 or len(x) != len(np.atleast_2d(curves)):
        raise WarmnasError(f"{name}: genotypes have shape {np.shape(x)}, curves {np.shape(curves)}; give a row of each")
    read = read_curves(curves, fractions, f"curves of {name}")
    whole = np.flatnonzero(read.complete)
    if len(whole) and 0 < read.last[whole].max() <= 1:
        raise WarmnasError(f"{name}: no curve ends above 1 where percent is meant; multiply fractions by 100")
    return whole_trainings(space, x[whole], read.rows(whole))


def whole_trainings(space: SearchSpace, genotypes: Genotypes, curves: PartialCurves) -> SourceTask:
    """A task from trainings that went to their end."""
    if not len(genotypes):
        return SourceTask(np.zeros((0, len(space.genes)), np.int64), curves, np.zeros(0, np.int64))
    return SourceTask(space.tokens(space.canonical(genotypes)).astype(np.int64), curves, space.class_keys(genotypes))


def build(model: LCRankNet, tasks: Sequence[SourceTask], families: Sequence[str], steps: int) -> None:
    """Draw the networks, train them on the tasks and fit the temperatures."""
    rng = np.random.default_rng(model._seed)
    given = (model.space_, model.members, len(tasks), rng, Sizes(), model.curve, model.architecture)
    model._network = LCRankNetwork(*given).requires_grad_(bool(tasks))
    values = [task.curves.values for task in tasks]
    model._habits = Habits.of(values) if tasks else Habits.unknown(model.places_)
    seen = grid(len(model.places_))
    at = np.append(0, model.places_)[seen]
    model._temperatures = (at, np.ones(len(at)))
    if not tasks:
        return
    left_out = folds(tasks, families, model.members, rng)
    most = max(len(task.tokens) for task in tasks)
    settings = Settings(steps, alpha=ALPHA if model.reconstruction else 1.0, size=min(most, GROUP))
    allowed = allowed_rows(tasks, left_out)
    batches = Batches(tasks, allowed, model.places_, model._habits, settings.groups, settings.size, model.tie, rng)
    train(model._network, batches, settings, rng)
    model._network.requires_grad_(False)
    pairs = calibration_rows(tasks, left_out, rng)
    if pairs is not None:
        model._temperatures = (at, np.array([temperature(*compared(model, tasks, *pairs, int(n))) for n in seen]))


def calibration_rows(
    tasks: Sequence[SourceTask], left_out: Sequence[Sequence[IntArray]], rng: np.random.Generator
) -> tuple[IntArray, IntArray] | None:
    """Candidates and best ones so far, of what each member has not seen: rows of all tasks together, (members, pairs)."""
    starts = np.cumsum([0, *(len(task.tokens) for task in tasks)])
    final = np.concatenate([task.final for task in tasks])
    pools = [[rows + start for rows, start in zip(own, starts, strict=False) if len(rows) > 1] for own in left_out]
    known = [own for own in pools if own]
    if not known:
        return None
    new, best = np.zeros((2, len(pools), CALIBRATION_PAIRS), dtype=np.int64)
    for m, own in enumerate(pools):
        for pair in range(CALIBRATION_PAIRS):
            rows = (own or known[m % len(known)])[pair % len(own or known[m % len(known)])]
            before = rng.choice(rows, int(np.exp(rng.random() * np.log(min(len(rows), MOST_BEFORE)))) + 1)
            best[m, pair] = before[np.argmax(final[before])]
            new[m, pair] = rng.choice(rows)
    return new, best


def compared(
    model: LCRankNet, tasks: Sequence[SourceTask], new: IntArray, best: IntArray, seen: int
) -> tuple[FloatArray, npt.NDArray[np.float32]]:
    """Differences of scores, candidates cut at ``seen`` places, and what became of them: (members * pairs,) each."""
    curves = joined([task.curves for task in tasks])
    tokens = np.concatenate([task.tokens for task in tasks])
    reference = curves.last[best]
    scores = []
    for rows, whole in ((new, False), (best, True)):
        part = curves.rows(rows.ravel())
        part = part if whole else part.until(np.full(rows.size, seen), model.places_)
        values = model._standardised(part, reference.ravel())
        given = (values, part.seen, part.fraction.astype(np.float32))
        inputs = [torch.from_numpy(each).view(*rows.shape, *each.shape[1:]) for each in given]
        code = model._network.code(torch.from_numpy(tokens[rows]))
        features = model._network.features(code, inputs[0], inputs[1], inputs[2], model._grid)
        scores.append(prior_target(model._network).score(features).numpy().astype(np.float64))
    gaps = scores[0] - scores[1]
    distinct = new != best
    outcomes = better(np.stack([curves.last[new], reference], axis=-1), model.tie)[..., 0, 1]
    return gaps[distinct], outcomes[distinct]


def joined(parts: Sequence[PartialCurves]) -> PartialCurves:
    """Several tasks' curves as one."""
    fields = ("values", "seen", "fraction", "last")
    return PartialCurves(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def adapt(model: LCRankNet, genotypes: Genotypes, curves: PartialCurves, finished: npt.NDArray[np.bool_]) -> None:
    """Everything of :meth:`LCRankNet.adapt`."""
    ends = curves.last[finished]
    model.reference_ = float(ends.max()) if len(ends) else model._prior_reference
    model._context = Context.of(curves.values, curves.seen) if len(curves) else None
    target = None
    if model.sources_:
        if finished.any() and model.refit_steps:
            target = refit(model, genotypes, curves, finished)
    elif finished.sum() > 1:
        task = whole_trainings(model.space_, genotypes[finished], curves.rows(finished))
        model._cache = {}
        build(model, [task], ["target"], min(model.steps, ALONE_STEPS))
        target = prior_target(model._network)
    model._aim(target)
