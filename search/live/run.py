"""One search on somebody's images, from the folder of images to the folder of results.

A search is a function of its settings, its images and the sources that it began with. The experiment store and the
checkpoints only spare it what was trained before, so that one that was killed ends as if it had not been.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bench import Candidates, SearchSpace, Table, WarmnasError, open_benchmark
from ...bench.spaces import space as space_named
from ...machine import cores
from ...metadata.experiments import ExperimentStore, StoreUnavailable
from ...metadata.experiments.taskfile import TaskFile
from ...metadata.training.recipe import Recipe
from ...wording import duration
from ..model_source import learned_from, model_source
from ..optimizer import check_spec, make_optimizer, parse_spec
from ..problem import SourceTask
from ..records import output_folder
from ..stoppers import Setting, make_stopper, stoppers
from .allowance import Allowance
from .dataset import Dataset, open_dataset
from .evaluator import LiveEvaluator, Note
from .folder import RunFolder
from .problem import candidates, descriptions, problem, source_curves, store_sources, table_sources
from .products import EXPORTS, write_products
from .settings import Settings
from .stores import open_store

if TYPE_CHECKING:
    from .crew import Maker
    from .jobs import Crew
    from .loop import LiveLoop

TABLES = ("nasbench201", "images-v1")  # shipped measurements that a search starts from


@dataclass(frozen=True)
class Parts:
    """What a search is made with, where it is not the usual.

    Attributes:
        store: file of the experiment store.
        tables: sources; None for the shipped ones.
        maker: makes the training of a job, see :class:`warmnas.search.live.crew.Processes`.
        exports: formats to leave in the folder.
        note: told once what a user should know.
        progress: told after every epoch: epochs trained, epochs in all as far as is known, a line about it.
    """

    store: Path | None = None
    tables: Sequence[Table] | None = None
    maker: Maker | None = None
    exports: Sequence[str] = tuple(EXPORTS)
    note: Note | None = None
    progress: Callable[[int, int, str], None] | None = None


def search_images(settings: Settings, out: Path, command: str, parts: Parts | None = None) -> dict[str, Any]:
    """Search, retrain, test, export; or go on with a search that was interrupted in ``out``.

    Args:
        settings: what to do.
        out: folder of the results; that of an interrupted search with the same settings goes on.
        command: the command line to quote.
        parts: what it is made with, where it is not the usual.

    Returns:
        The content of ``summary.json``.

    Raises:
        WarmnasError: where data or settings are wrong, before anything is trained.
        StoreUnavailable: where the disk is full; the same command goes on once there is room.
    """
    parts = parts or Parts()
    check_spec(settings.optimizer)
    stoppers[parse_spec(settings.stopper)[0]]  # an unknown name is refused before the images are read
    space = space_named(settings.space)
    settings.check_space(space)
    with output_folder(out):
        folder = RunFolder(out, settings)
        with folder.held():
            if folder.state.get("complete"):
                return dict(json.loads((out / "summary.json").read_text(encoding="utf-8")))
            return _Search(settings, folder, command, parts, space).run()


@dataclass(frozen=True)
class _Given:
    """What a search works with, once everything is open."""

    crew: Crew
    dataset: Dataset
    recipe: Recipe
    listed: Candidates
    tables: Sequence[Table]
    sources: Sequence[SourceTask]
    store: ExperimentStore
    device: str


@dataclass
class _Search:
    """The steps of one search, and what they share."""

    settings: Settings
    folder: RunFolder
    command: str
    parts: Parts
    space: SearchSpace
    notes: list[str] = field(default_factory=list)
    done: int = 0  # epochs that were trained
    total: int = 0  # epochs that will have been, as far as is known

    @property
    def allowance(self) -> Allowance:
        return Allowance(self.settings.seconds, self.folder, self.settings.epochs)

    def run(self) -> dict[str, Any]:
        settings, folder = self.settings, self.folder
        device, listed = self._device(), candidates(self.space)
        if settings.budget >= len(listed):
            raise WarmnasError(f"--budget {settings.budget}: the space has {len(listed)} different architectures")
        dataset = open_dataset(settings)
        recipe = settings.recipe(dataset.task.shape[0])
        tables = [open_benchmark(name) for name in TABLES] if self.parts.tables is None else list(self.parts.tables)
        for text in dataset.task.notes:
            self.note(text)
        # Everything is checked; from here on there is something to go on from.
        folder.begin(task=dataset.task.hash)
        store = open_store(self.parts.store, folder.state.get("store"), folder.work)
        try:
            sources = folder.sources()
            if sources is None:
                family, seen = dataset.task.family, dataset.seen.hash
                made = table_sources(tables, self.space, family, dataset.task.hash)
                made += store_sources(store, self.space, family, seen)
                if settings.model is not None:
                    made.append(self._model(settings.model, listed, family))
                sources = folder.sources(made) or []
            tasks = {dataset.seen.hash: dataset.seen, dataset.joined.hash: dataset.joined}
            file = TaskFile(tasks) if settings.ray is None else None
            crew = self._crew(tasks, file, device)
            folder.begin(store=str(store.path.absolute()), slots=crew.size)
            try:
                return self._with(_Given(crew, dataset, recipe, listed, tables, sources, store, device))
            finally:
                crew.close()
                if file is not None:
                    file.close()
        finally:
            store.close()
            if folder.work.exists():
                folder.spend()

    def _with(self, given: _Given) -> dict[str, Any]:
        from .finish import finish
        from .loop import DONE
        from .summary import write_results

        settings, folder, dataset = self.settings, self.folder, given.dataset
        loop, price = self._loop(given)
        try:
            trainings = loop.run()
        finally:
            with suppress(StoreUnavailable):  # a full disk, which is said already
                loop.evaluator.close()
        best = loop.history.leader()
        if best < 0 or not trainings[best].epochs:
            failed = next((t.reason for t in trainings if t.reason), "")
            if failed:
                raise RuntimeError(f"no training could be done: {failed}")
            raise RuntimeError("no training was begun")
        if trainings[best].state != DONE:
            self.note("no training was finished in time; the network is the best of those that were begun")
        self.say("retraining on train and validation")
        name = self.space.to_string(trainings[best].genotype)
        finished = finish(
            trainings[best],
            name,
            dataset,
            given.recipe,
            settings.space,
            settings.seed,
            given.crew,
            folder.work,
            until=self.allowance.retraining_until(loop, dataset, best),
            note=self.note,
            heard=lambda epoch: self._heard("retraining on train and validation"),
        )
        self.say("exporting")
        exports = write_products(finished, folder.path, self.parts.exports, self.allowance, self.note)
        validation = self._validate(given, loop)
        facts = {"device": given.device, "workers": given.crew.size, "store": str(given.store.path), "price": price}
        facts |= {"tables": {table.name: table.hash for table in given.tables}}
        facts |= {} if validation is None else {"validation": validation}
        content = write_results(
            self.settings, folder, self.command, dataset, loop, best, finished, exports, given.sources, self.notes, facts
        )
        for text in content["notes"]:
            self.note(text)
        folder.begin(complete=True)
        folder.tidy()
        return content

    # --- the parts -------------------------------------------------------------------------------------------------
    def _model(self, path: str, listed: Candidates, family: str) -> SourceTask:
        """The predictor of --model as a source; where it knows the data's own family the user is told."""
        source, notes = model_source(path, self.space, listed)
        if family in learned_from(notes)[1]:
            self.note(f"--model {path} has learned from {family}, the family of these images: no evidence for transfer")
        return source

    def _device(self) -> str:
        import torch

        wanted = self.settings.device
        there = torch.cuda.is_available()
        if wanted == "cuda" and not there and self.settings.ray is None:
            raise WarmnasError("--device cuda: no GPU that torch can use is here; leave it out, or say cpu")
        return wanted or ("cuda" if there else "cpu")

    def _crew(self, tasks: dict[str, Any], file: TaskFile | None, device: str) -> Crew:
        settings = self.settings
        slots = self.folder.state.get("slots")
        if file is None:
            from .cluster import RayCrew

            size = slots or settings.workers
            return RayCrew(str(settings.ray), tasks, size, settings.device, self.parts.maker)
        from .crew import Processes

        places = _places(device)
        usual = len(places) if device == "cuda" else min(cores(), max(1, math.ceil(settings.budget / 2)))
        return Processes(file, slots or settings.workers or usual, places, self.parts.maker)

    def _loop(self, given: _Given) -> tuple[LiveLoop, dict[str, Any]]:
        """The loop, ready to run, and the price of the search, which the user is told before."""
        from ...metadata.training import costs
        from .loop import LiveLoop
        from .price import price

        settings, dataset, task = self.settings, given.dataset, given.dataset.seen
        crew, recipe, sources = given.crew, given.recipe, given.sources
        made = problem(given.listed, sources, task.name, settings.budget, settings.seed, len(task.classes))
        made = replace(made, described=descriptions(dataset.task, dataset.spec, given.tables, sources))
        curves = source_curves(given.tables, [source.name for source in sources])
        setting = Setting(settings.epochs, self.space, candidates=settings.budget, sources=curves, seed=settings.seed)
        stopper = make_stopper(settings.stopper, setting)
        reference = self.space.reference()
        first = given.listed.genotypes[0] if reference is None else reference
        rounds = math.ceil(settings.budget / crew.size) + dataset.growth
        cost = price(self.space, first, task, recipe, settings.epochs * rounds, given.device)
        self.total = settings.epochs * (settings.budget + 1)
        self._announce(cost, crew.size)
        height, width, channels = task.shape
        ask = bool(stopper.check_epochs(settings.epochs))
        evaluator = LiveEvaluator(
            crew,
            given.store,
            dataset.facts,
            self.space,
            recipe,
            settings.seed,
            self.folder.work,
            ask=ask,
            note=self.note,
            heard=lambda epoch: self._heard(""),
        )
        loop = LiveLoop(
            made,
            make_optimizer(settings.optimizer, made),
            stopper,
            evaluator,
            total=settings.epochs,
            budget=settings.budget,
            reference=reference,
            cost=lambda genotype: costs(self.space, genotype, (channels, height, width), len(task.classes), recipe),
            unit=cost.flops / 2,
            until=self.allowance.until(self.allowance.reserve),
            room=lambda units, loop: self.allowance.room(units, loop, dataset),
            chance=100 / len(task.classes),
            progress=self._progress,
        )
        return loop, cost.as_dict()

    def _announce(self, cost: Any, workers: int) -> None:
        settings = self.settings
        finer, times = cost.finer
        length = "an unknown time" if math.isnan(cost.seconds) else duration(max(cost.seconds, 1))
        trainings = f"{settings.budget} trainings of {settings.epochs} epochs at {cost.resolution} x {cost.resolution}"
        self.say(
            f"{trainings} on {workers} worker{'s' if workers > 1 else ''}, then one on train and validation: about "
            f"{length}; at {finer} x {finer} about {times:.1f} times as long"
        )

    def _validate(self, given: _Given, loop: LiveLoop) -> dict[str, Any] | None:
        """What a supernet's ranking is worth here, where that was asked for."""
        if self.settings.validate is None:
            return None
        from .supernet import validated

        self.say("training a supernet")
        until, seen, own = self.allowance.until(self.allowance.reserve / 2), given.dataset.seen, (self.settings, self.space)
        return validated(*own, seen, loop.trainings, given.sources, given.device, self.folder.work, until, self.note)

    # --- what the user is told -------------------------------------------------------------------------------------
    def note(self, text: str) -> None:
        """Something that the user should know, once."""
        if text not in self.notes:
            self.notes.append(text)
            if self.parts.note is not None:
                self.parts.note(text)

    def say(self, text: str) -> None:
        """How far it is, in words."""
        if self.parts.progress is not None:
            self.parts.progress(self.done, self.total, text)

    def _heard(self, text: str) -> None:
        self.done += 1
        self.folder.spend()
        self.say(text)

    def _progress(self, loop: LiveLoop) -> None:
        """After an epoch by the loop's clock: what was stopped, or known before, will not be trained."""
        ended = [t for t in loop.trainings if t.state]
        missing = sum(self.settings.epochs - len(t.epochs) for t in ended)
        known = sum(len(t.epochs) for t in loop.trainings)
        self.total = max(self.settings.epochs * (self.settings.budget + 1) - missing, self.done)
        self.done = max(self.done, known)
        best = loop.history.leader()
        value = f", best validation {loop.trainings[best].value:.2f} %" if best >= 0 else ""
        if ended and loop.trainings[-1] is not None:
            self.say(f"{len(ended)} of {self.settings.budget} trainings{value}")


def _places(device: str) -> list[str]:
    import torch

    return [f"cuda:{i}" for i in range(torch.cuda.device_count())] if device == "cuda" else ["cpu"]
