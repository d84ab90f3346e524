"""The generator: runs a plan over a store with worker processes, and can be stopped and started at any time.

Workers are spawned (torch and fork do not go together), claim their trials themselves and write their epochs themselves, so
an epoch is safe before the next one begins. This process only watches: it replaces a worker that died, gives back what dead
ones held (its own and those of earlier generations), and counts.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from ...bench.table import Table
from ...machine import cores
from .known import known as known_trials
from .owners import owner_of
from .plan import Opener, Plan
from .store import ExperimentStore
from .taskfile import TaskFile
from .trainer import TorchTrainer, Trainer, devices
from .trials import Prepared, prepare
from .watch import Progress, Watch
from .words import StoreUnavailable
from .worker import UNAVAILABLE, work

HOPELESS = 8  # workers that may end in a row without having had a trial


def generate(
    plan: Plan | Prepared,
    store: ExperimentStore,
    *,
    workers: int | None = None,
    ray: str | None = None,
    trainer: Trainer | None = None,
    opener: Opener | None = None,
    progress: Progress | None = None,
    known: Sequence[Table] = (),
) -> dict[str, int]:
    """Train what a plan asks for and the store does not have yet.

    Args:
        plan: what to train; as :func:`prepare` gives it, where that has been called.
        store: where everything is written; others may use it at the same time.
        workers: processes; one per core (or per GPU, where there are some) if left out.
        ray: address of a Ray cluster to spread the work over, instead of processes here.
        trainer: trains; the project's own if left out. It must be picklable.
        opener: opens a task; the project's own if left out.
        progress: told now and then how far it is.
        known: tables that hold some of the trials already: these are taken from there, not trained.

    Returns:
        The plan's trials by state, and ``epochs``. Trials that are ``running`` are those of another generator.

    Raises:
        WarmnasError: before any training, where the plan cannot be done.
        StoreUnavailable: where the disk is full; everything recorded is safe.
    """
    prepared = plan if isinstance(plan, Prepared) else prepare(plan, opener)
    trainer = TorchTrainer() if trainer is None else trainer
    store.add(prepared.trials, prepared.id, prepared.facts)
    for table in known:
        store.adopt(known_trials(prepared.trials, table))
    if ray is not None:
        from .cluster import run_on_ray

        run_on_ray(ray, prepared, store, trainer, workers, progress)
        return store.counts(prepared.id)
    places = devices() if isinstance(trainer, TorchTrainer) else ["cpu"]
    number = workers or (len(places) if places != ["cpu"] else cores())
    store.note("workers", number)
    tasks = TaskFile(prepared.tasks)
    crew = _Crew(store, prepared, tasks, trainer, places, number)
    try:
        crew.run(progress)
    finally:
        crew.dismiss()
        tasks.close()
    return store.counts(prepared.id)


class _Worker(NamedTuple):
    process: BaseProcess
    owner: str


@dataclass
class _Crew:
    """The worker processes of one generation."""

    store: ExperimentStore
    prepared: Prepared
    tasks: TaskFile
    trainer: Trainer
    places: Sequence[str]
    number: int
    workers: dict[int, _Worker] = field(default_factory=dict)
    vain: int = 0  # workers that ended one after another before they had anything to do

    def run(self, progress: Progress | None) -> None:
        """Until nothing is left that nobody works on."""
        watch = Watch(self.store, self.prepared, progress, lambda: [worker.owner for worker in self.workers.values()])
        ended = True
        while True:
            left = watch.look(fresh=ended)["left"]
            for slot in range(min(self.number, left + len(self.workers))) if ended else ():
                if slot not in self.workers:
                    self.workers[slot] = self._start(slot)
            if not self.workers:
                return
            ended = bool(wait([worker.process.sentinel for worker in self.workers.values()], timeout=watch.pause))
            for slot, worker in list(self.workers.items()):
                if worker.process.exitcode is not None:
                    self._bury(self.workers.pop(slot))

    def _start(self, slot: int) -> _Worker:
        arguments = (str(self.store.path), self.prepared.id, self.tasks, self.trainer, self.places[slot % len(self.places)])
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=work, args=(*arguments, os.getpid()), daemon=True, name=f"worker {slot}")
        process.start()
        # The name under which it holds claims; when it is dead, its start can be read no more.
        return _Worker(process, owner_of(process.pid or 0))

    def _bury(self, worker: _Worker) -> None:
        """Give back what a worker held that has ended."""
        worker.process.join()
        code = worker.process.exitcode
        if code == 0:
            return
        if code == UNAVAILABLE:
            raise StoreUnavailable(self.tasks.complaint())
        complaint = self.tasks.complaint()
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code} {complaint}".strip()
        held = self.store.release([worker.owner], died=how)
        self.vain = 0 if held else self.vain + 1
        if self.vain > HOPELESS + self.number:
            raise RuntimeError(f"{self.vain} workers ended before they had anything to do ({how})")

    def dismiss(self) -> None:
        """End all workers and give back what they held."""
        for worker in self.workers.values():
            worker.process.terminate()
        for worker in self.workers.values():
            worker.process.join()
        if self.workers:
            self.store.release([worker.owner for worker in self.workers.values()])
