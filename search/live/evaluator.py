"""Real trainings as evaluations: jobs for a crew, every epoch into the experiment store, nothing trained twice.

A training that the store holds is read from there; one that was cut off goes on from its checkpoint; one that another
search trains just now is waited for. Memory that runs out is answered by half the batch, and a worker's death by another
worker; what cannot be trained at all is recorded with its reason.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...bench import Genotypes, SearchSpace
from ...metadata.experiments import Claim, ClaimLost, ExperimentStore, StoreUnavailable, TaskFacts, Trial
from ...metadata.experiments.owners import owner_of
from ...metadata.training.recipe import Epoch, Recipe
from ..evaluator import Evaluation
from .jobs import CRASHED, DIED, DISK, MEMORY, Crew, Event, Job

DEATHS = 3  # of workers, without an epoch between them, until the training counts as their cause
SMALLEST = 8  # images of a batch that memory may be too small for
PAUSE, BEAT = 0.5, 30.0  # seconds between looks at a training elsewhere; between signs of life
Note = Callable[[str], None]  # told once what a user should know


class Failure(NamedTuple):
    """A training that cannot be done, and why, in one line that begins with its kind."""

    reason: str


@dataclass
class _Run:
    """What a slot trains."""

    genotype: str
    trial: Trial
    claim: Claim | None = None
    rows: deque[Epoch] = field(default_factory=deque)  # measured, not handed on yet
    received: int = 0  # epochs of this trial that were measured
    handed: int = 0  # epochs handed on
    granted: int = 1  # epochs that may be trained, where that is asked
    costs: tuple[int, int] = (0, 0)
    failure: str = ""
    deaths: int = 0
    waiting: bool = False  # whether its worker waits for a word


class LiveEvaluator:
    """Trains architectures on a crew; see :class:`warmnas.search.evaluator.Evaluator`.

    Args:
        crew: that trains.
        store: of all experiments.
        facts: of the task; its hash is that under which the crew has the images.
        space, recipe, seed: of the trainings.
        folder: of the checkpoints.
        ask: an epoch is trained only after :meth:`go_on`.
        note: told once what a user should know.
        heard: told of every epoch that was really trained, as it comes.
    """

    def __init__(
        self,
        crew: Crew,
        store: ExperimentStore,
        facts: TaskFacts,
        space: SearchSpace,
        recipe: Recipe,
        seed: int,
        folder: Path,
        *,
        ask: bool = False,
        note: Note | None = None,
        heard: Callable[[Epoch], None] | None = None,
    ) -> None:
        self.crew, self.store, self.facts, self.space = crew, store, facts, space
        self.recipe, self.seed, self.folder, self.ask = recipe, seed, folder, ask
        self._tell_user, self._heard = note, heard
        self._noted: set[str] = set()
        self._runs: dict[int, _Run] = {}
        self._beaten = time.monotonic()
        store.release()  # what a search that was killed still holds

    # --- one training ----------------------------------------------------------------------------------------------
    def begin(self, slot: int, genotype: np.ndarray[tuple[int], np.dtype[np.int8]], recipe: Recipe | None = None) -> None:
        """Train a genotype (genes,) on a worker; what the store or a checkpoint has of it is not trained again."""
        name = self.space.to_string(genotype)
        trial = Trial(self.space.name, name, self.facts.spec, self.seed, recipe or self.recipe, self.facts.hash)
        handed = self._runs[slot].handed if slot in self._runs and recipe is not None else 0
        run = self._runs[slot] = _Run(name, trial, handed=handed, granted=handed + 1)
        self.store.add([trial], trial.id, [self.facts])
        self._claim(slot, run)

    def _claim(self, slot: int, run: _Run) -> None:
        claims = self.store.claim(run.trial.id)
        if claims:
            run.claim = claims[0]
            self.crew.start(slot, self._job(run))
            return
        columns = "number, state, reason, params, flops"
        query = f"SELECT {columns} FROM trials WHERE id = ?"
        number, state, reason, params, flops = self.store.query(query, (run.trial.id,))[0]
        if state == "running":  # in another search; see _look_elsewhere
            self._say("another search trains one of these architectures; waiting for it")
            return
        values = "epoch, train_loss, train_accuracy, val_accuracy, test_accuracy, seconds"
        known = self.store.query(f"SELECT {values} FROM epochs WHERE trial = ? ORDER BY epoch", (number,))
        rows = [Epoch(row[0], *(np.nan if v is None else v for v in row[1:])) for row in known]
        self._accept(run, rows)
        run.costs = (params or 0, flops or 0)
        if state == "failed":
            self._failed(slot, run, *(part.strip() for part in str(reason).partition(":")[::2]))

    def _job(self, run: _Run) -> Job:
        path = self.checkpoint(run.trial)
        return Job(run.trial.space, run.genotype, self.facts.hash, run.trial.recipe, self.seed, path, self.ask)

    def checkpoint(self, trial: Trial) -> Path:
        """File of a training under way."""
        return self.folder / f"{trial.id}.pt"

    def row(self, slot: int, until: float = float("inf")) -> Epoch | Failure | None:
        """The next epoch of a slot's training, or its failure; None where the monotonic clock reached ``until`` first."""
        run = self._runs[slot]
        while not run.rows and not run.failure:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self._look(min(left, PAUSE))
            run = self._runs[slot]
        if not run.rows:
            return Failure(run.failure)
        run.handed += 1
        return run.rows.popleft()

    def go_on(self, slot: int) -> None:
        """Let a slot train the epoch after those that were handed on."""
        run = self._runs[slot]
        run.granted = max(run.granted, run.handed + 1)
        self._grant(slot, run)

    def _grant(self, slot: int, run: _Run) -> None:
        if run.waiting and run.received < run.granted:
            run.waiting = False
            self.crew.go_on(slot)

    def end(self, slot: int) -> None:
        """A slot's training is over, or goes on no longer; its epochs stay in the store."""
        run = self._runs.pop(slot, None)
        if run is not None and run.claim is not None:
            self.crew.drop(slot)
            self.store.release_claims([run.claim])

    def close(self) -> None:
        """Give back what is under way, for this process or another to go on with."""
        for slot in list(self._runs):
            self.end(slot)

    def trial(self, slot: int) -> Trial:
        """What a slot trains now."""
        return self._runs[slot].trial

    def costs(self, slot: int) -> tuple[int, int]:
        """Parameters and multiply-adds per image of a slot's network; zeros before its first news."""
        return self._runs[slot].costs

    def evaluate(self, genotypes: Genotypes, epochs: int | None = None) -> Evaluation:
        """Results of (1, n, genes), each trained to its end or for the first ``epochs`` of its schedule.

        A training that fails has NaN as its value.
        """
        wanted, total = list(genotypes[0]), epochs or self.recipe.epochs
        curves = np.full((1, len(wanted), total), np.nan)
        seconds = np.zeros((1, len(wanted)))
        for start in range(0, len(wanted), self.crew.size):
            part = list(enumerate(wanted[start : start + self.crew.size]))
            for slot, genotype in part:
                self.begin(slot, genotype)
            for slot, _ in part:
                for epoch in range(total):
                    row = self.row(slot)
                    if not isinstance(row, Epoch):
                        break
                    curves[0, start + slot, epoch] = row.val_accuracy
                    seconds[0, start + slot] += row.seconds
                    if epoch + 1 < total:
                        self.go_on(slot)
                self.end(slot)
        return Evaluation(curves[..., -1], seconds, curves)

    # --- news ------------------------------------------------------------------------------------------------------
    def _look(self, timeout: float) -> None:
        """Take in what the workers say, and what became of trainings elsewhere."""
        if time.monotonic() - self._beaten > BEAT:
            self.store.beat([owner_of_this()])
            self._beaten = time.monotonic()
        for event in self.crew.wait(timeout):
            run = self._runs.get(event.slot)
            if run is not None and run.claim is not None:
                try:
                    self._news(event, run, run.claim)
                except ClaimLost:  # it had seemed dead to somebody, who has it now
                    self.crew.drop(event.slot)
                    run.claim = None
        for slot, run in list(self._runs.items()):
            if run.claim is None and not run.failure and run.received < run.trial.recipe.epochs:
                self._look_elsewhere(slot, run)

    def _look_elsewhere(self, slot: int, run: _Run) -> None:
        self.store.release()
        state = self.store.query("SELECT state FROM trials WHERE id = ?", (run.trial.id,))[0][0]
        if state != "running":
            self._claim(slot, run)

    def _news(self, event: Event, run: _Run, claim: Claim) -> None:
        if event.costs is not None:
            run.costs = event.costs
        for epoch in event.epochs:
            self.store.record(claim, epoch)
        if event.costs is None and self._heard is not None:
            for epoch in event.epochs:
                self._heard(epoch)
        if event.epochs and event.epochs[-1].epoch > run.received:
            run.deaths = 0
        self._accept(run, event.epochs)
        if run.received == run.trial.recipe.epochs and not event.failure:
            self.store.finish(claim, *run.costs)
            run.claim = None
        elif event.failure:
            self._failed(event.slot, run, event.failure, event.reason)
        elif self.ask:
            run.waiting = True
            self._grant(event.slot, run)

    def _accept(self, run: _Run, rows: Sequence[Epoch]) -> None:
        """Keep the epochs that were not there yet; those handed on before memory ran out are not handed on again."""
        for row in rows:
            if row.epoch == run.received + 1:
                run.received = row.epoch
                if row.epoch > run.handed:
                    run.rows.append(row)

    def _failed(self, slot: int, run: _Run, kind: str, reason: str) -> None:
        if kind == DISK:
            raise StoreUnavailable(f"{reason}; what was recorded is safe: make room and start the same command again")
        if kind == DIED:
            run.deaths += 1
            run.waiting = False
            self._say(f"a worker died ({reason}) and was replaced")
            if run.deaths < DEATHS:
                self.crew.start(slot, self._job(run))
                return
            kind, reason = CRASHED, f"its workers died again and again ({reason})"
        if run.claim is not None:
            self.store.fail(run.claim, f"{kind}: {reason}")
            run.claim = None
        batch = run.trial.recipe.batch
        if kind == MEMORY and batch // 2 >= SMALLEST:
            self._say(f"out of memory with {batch} images a batch; such a training begins again with half as many")
            self.begin(slot, self.space.from_string(run.genotype), replace(run.trial.recipe, batch=batch // 2))
        else:
            run.failure = f"{kind}: {reason}"

    def _say(self, text: str) -> None:
        kind = text.split("(")[0]
        if kind not in self._noted and self._tell_user is not None:
            self._tell_user(text)
        self._noted.add(kind)


def owner_of_this() -> str:
    """The name under which this process holds claims."""
    import os

    return owner_of(os.getpid())
