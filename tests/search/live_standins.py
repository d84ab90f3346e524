"""A training whose numbers are a function of architecture and epoch, and a search with it in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from warmnas.bench.spaces import space
from warmnas.metadata.experiments import ExperimentStore, TaskFacts
from warmnas.metadata.experiments.taskfile import TaskFile
from warmnas.metadata.tasks import ImageTask, Part
from warmnas.metadata.training.recipe import Diverged, Epoch, OutOfMemory, Recipe
from warmnas.search.live.crew import Processes, failure_of
from warmnas.search.live.evaluator import LiveEvaluator
from warmnas.search.live.files import write
from warmnas.search.live.jobs import DISK, Event
from warmnas.search.live.loop import LiveLoop
from warmnas.search.live.problem import candidates, problem
from warmnas.search.optimizer import make_optimizer
from warmnas.search.stoppers import Setting, make_stopper

SPACE = space("nasbench201")
RECIPE = Recipe(epochs=4, batch=32, width=4, cells=1, resolution=4)
NO_IMAGES = Part(np.zeros((0, 4, 4, 1), np.uint8), np.zeros(0, np.int64))
IMAGES = Part(np.zeros((4, 4, 4, 1), np.uint8), np.array([0, 1, 0, 1]))
TASK = ImageTask("a", "a", ("0", "1"), IMAGES, IMAGES, NO_IMAGES, False, False, "made up", "CC0-1.0")


def number_of(text):
    """Between 0 and 1, the same for the same text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 16**8


def row_of(genotype, epoch, batch=RECIPE.batch):
    """What the stand-in measures."""
    value = 20 + 60 * number_of(genotype) * (1 - 0.5**epoch) + 5 * number_of(f"{genotype}{epoch}{batch}")
    return Epoch(epoch, 1.0, 50.0, value, float("nan"), 0.01)


def flops_of(genotype):
    """Multiply-adds of a network."""
    return int(1000 * (1 + 4 * number_of("flops" + genotype)))


class Session:
    """See :class:`warmnas.search.live.session.Session`."""

    def __init__(self, plan, job, task, device, saved):
        self.plan, self.job = plan, job
        self.costs = (7, flops_of(job.genotype))
        self.epochs = [Epoch(*row) for row in json.loads(saved)] if saved else []

    @property
    def done(self):
        return len(self.epochs) >= self.job.recipe.epochs

    def advance(self):
        how = self.plan.failures.get(self.job.genotype, "")
        epoch = len(self.epochs) + 1
        time.sleep(self.plan.seconds * (0.5 + self.costs[1] / 2500))
        if how == "memory" and self.job.recipe.batch > 16:
            raise OutOfMemory("no room")
        if how == "diverges" and epoch == 2:
            raise Diverged("not a finite number in epoch 2")
        if how.startswith("dies") and epoch == 2 and not (how == "dies once" and Path(self.plan.log + ".died").exists()):
            Path(self.plan.log + ".died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.plan.log:
            with Path(self.plan.log).open("a", encoding="utf-8") as file:
                file.write(f"{self.job.genotype} {self.job.recipe.batch} {epoch}\n")
        self.epochs.append(row_of(self.job.genotype, epoch, self.job.recipe.batch))
        return self.epochs[-1]

    def snapshot(self):
        if self.plan.full_disk_after and len(Path(self.plan.log).read_text().splitlines()) > self.plan.full_disk_after:
            raise OSError(28, "No space left on device")
        return json.dumps(self.epochs).encode()


@dataclass
class Maker:
    """Makes sessions; how long an epoch takes, which architectures fail, where it is written what was trained."""

    seconds: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)
    log: str = ""
    full_disk_after: int = 0

    def __call__(self, job, task, device, saved=b""):
        return Session(self, job, task, device, saved)


class Inline:
    """A crew without processes: a job trains one epoch whenever it is waited for."""

    def __init__(self, size=2, maker=None):
        self.size, self.maker = size, maker or Maker()
        self.jobs, self.granted = {}, set()

    def start(self, slot, job):
        saved = job.checkpoint.read_bytes() if job.checkpoint.exists() else b""
        self.jobs[slot] = [job, self.maker(job, TASK, "cpu", saved), False]
        self.granted.discard(slot)

    def go_on(self, slot):
        self.granted.add(slot)

    def drop(self, slot):
        self.jobs.pop(slot, None)

    def wait(self, timeout):
        news = []
        for slot, entry in list(self.jobs.items()):
            job, session, told = entry
            if not told:
                entry[2] = True
                news.append(Event(slot, tuple(session.epochs), session.costs))
            elif not session.done and (not job.ask or slot in self.granted):
                self.granted.discard(slot)
                try:
                    row = session.advance()
                    write(job.checkpoint, session.snapshot())
                    news.append(Event(slot, (row,)))
                except OSError:
                    raise
                except Exception as error:
                    del self.jobs[slot]
                    news.append(Event(slot, (), None, *failure_of(error)))
        return news

    def close(self):
        pass


class FullDisk(Inline):
    """A crew whose disk is full after two epochs, as :class:`Processes` says it."""

    def __init__(self, log):
        super().__init__(1, Maker(log=log, full_disk_after=2))

    def wait(self, timeout):
        try:
            return super().wait(timeout)
        except OSError as error:
            return [Event(0, (), None, DISK, f"work/a.pt: {error.strerror}")]


class Broken(Maker):
    """Makes trainings with an error in them."""

    def __call__(self, job, task, device, saved=b""):
        session = super().__call__(job, task, device, saved)
        session.advance = lambda: 1 / 0
        return session


def evaluator(crew, folder, ask=False, note=None, recipe=RECIPE):
    """An evaluator with a store of its own in the folder."""
    (folder / "work").mkdir(exist_ok=True)
    store = ExperimentStore(folder / "store.db")
    return LiveEvaluator(crew, store, TaskFacts.of(TASK, "a"), SPACE, recipe, 0, folder / "work", ask=ask, note=note)


def loop(
    crew, folder, budget=8, optimizer="rea[population=3,sample=2]", stopper="none", note=None, setting=None, **options
):
    """A search of a few trainings."""
    made = problem(candidates(SPACE), (), "a", budget, 0, 2)
    chosen = make_stopper(stopper, setting or Setting(RECIPE.epochs, SPACE, candidates=budget))
    trains = evaluator(crew, folder, ask=bool(chosen.check_epochs(RECIPE.epochs)), note=note)
    return LiveLoop(
        made,
        make_optimizer(optimizer, made),
        chosen,
        trains,
        total=RECIPE.epochs,
        budget=budget,
        reference=SPACE.reference(),
        cost=lambda genotype: (7, flops_of(SPACE.to_string(genotype))),
        unit=500.0,
        chance=50.0,
        **options,
    )


def outcome(trainings):
    """What a search found, to compare."""
    return [[SPACE.to_string(t.genotype), t.state, [epoch.val_accuracy for epoch in t.epochs]] for t in trainings]


def search_alone(folder, stopper="none", seconds=0.02, crew="processes", budget=8):
    """A search in a process of its own; what it found is written when it is done."""
    folder, maker = Path(folder), Maker(seconds=seconds, log=str(Path(folder) / "log"))
    trains = Processes(TaskFile({TASK.hash: TASK}), 2, ("cpu",), maker) if crew == "processes" else Inline(2, maker)
    try:
        found = outcome(loop(trains, folder, stopper=stopper, budget=int(budget)).run())
    finally:
        trains.close()
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    search_alone(sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:])
