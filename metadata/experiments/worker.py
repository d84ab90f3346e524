"""A worker: claims trials, trains them, and writes every epoch down, until nothing is left.

It has one thread. It does not outlive the process that started it: whoever asked for two workers shall not find four.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ...wording import one_line
from .trial import Claim, Trial
from .words import ClaimLost, StoreUnavailable

if TYPE_CHECKING:
    from ..tasks import ImageTask
    from ..training.recipe import Epoch
    from .taskfile import TaskFile
    from .trainer import Trainer

UNAVAILABLE, BROKEN = 74, 70  # exit codes of a worker: the store cannot be used; an error that is no trial's
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Orphaned(BaseException):
    """The process that started this worker is no more."""


class Ledger(Protocol):
    """Where results are written: the store, or something that hands them on to it."""

    def record(self, claim: Claim, epoch: Epoch) -> None: ...  # noqa: D102
    def finish(self, claim: Claim, params: int, flops: int) -> None: ...  # noqa: D102
    def fail(self, claim: Claim, reason: str) -> None: ...  # noqa: D102
    def alone(self, claim: Claim) -> None: ...  # noqa: D102


def run_claims(ledger: Ledger, claims: Sequence[Claim], task: ImageTask, trainer: Trainer, device: str) -> None:
    """Train what was claimed together. A trial that cannot be done is recorded with its reason, and the rest goes on.

    Raises ClaimLost, where a trial has another owner by now, and StoreUnavailable: neither is the trial's fault.
    """
    reached = [0] * len(claims)

    def report(index: int, epoch: Epoch) -> None:
        ledger.record(claims[index], epoch)
        reached[index] = epoch.epoch

    try:
        failed = dict(trainer.train([claim.trial for claim in claims], task, report, device))
        for index, claim in enumerate(claims):
            if index not in failed and reached[index] < claim.trial.rows:
                failed[index] = RuntimeError(f"training ended after {reached[index]} of {claim.trial.rows} epochs")
        costs = [(0, 0) if index in failed else trainer.costs(c.trial, task) for index, c in enumerate(claims)]
    except (ClaimLost, StoreUnavailable):
        raise
    except Exception as error:
        if len(claims) == 1:
            ledger.fail(claims[0], reason(error))
        for claim in claims if len(claims) > 1 else ():  # one of them may be the cause; each has its own chance
            ledger.alone(claim)
            run_claims(ledger, [claim], task, trainer, device)
        return
    for index, claim in enumerate(claims):
        if index in failed:
            ledger.fail(claim, reason(failed[index]))
        else:
            ledger.finish(claim, *costs[index])


def reason(error: BaseException) -> str:
    """Why a trial failed, in one line that begins with its kind."""
    from ..training.recipe import Diverged, OutOfMemory

    text = one_line(error, 300)
    if isinstance(error, Diverged):
        return f"diverged: {text}"
    if isinstance(error, OutOfMemory | MemoryError):
        return f"out of memory: {text}"
    return f"crashed: {type(error).__name__}: {text}"


def work(path: str, plan: str, tasks: TaskFile, trainer: Trainer, device: str, parent: int) -> None:
    """Body of a worker process; ends it by its exit code."""
    from .store import ExperimentStore

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    one_thread()
    try:
        store = ExperimentStore(path, check=False)
        ledger = _Watchful(store, parent)
        most: Callable[[Trial], int] = lambda trial: trainer.together(trial.recipe, device)  # noqa: E731
        while os.getppid() == parent and (claims := store.claim(plan, most)):
            try:
                run_claims(ledger, claims, tasks[claims[0].trial.task_hash], trainer, device)
            except ClaimLost:
                store.release_claims(claims)
        store.close()
    except Orphaned:
        sys.exit(0)
    except StoreUnavailable as error:
        tasks.complain(str(error))
        sys.exit(UNAVAILABLE)
    except Exception as error:
        tasks.complain(f"{type(error).__name__}: {error}")
        sys.exit(BROKEN)


class _Watchful:
    """The store, to a worker that looks for its parent at every epoch."""

    def __init__(self, store: Ledger, parent: int) -> None:
        self.finish, self.fail, self.alone = store.finish, store.fail, store.alone
        self._record, self._parent = store.record, parent

    def record(self, claim: Claim, epoch: Epoch) -> None:
        self._record(claim, epoch)
        if os.getppid() != self._parent:
            raise Orphaned


def one_thread() -> None:
    """One thread for BLAS and torch: two processes of one are faster than one of two."""
    for name in THREADS:
        os.environ[name] = "1"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
