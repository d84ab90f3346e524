"""The experiment store: every trial, every epoch, in one SQLite file that several processes may use at once.

A trial is ``left``, ``running``, ``done`` or ``failed``. Every change is one transaction, and an epoch is one commit: what
:meth:`ExperimentStore.record` returned from is in the file. A trial whose worker died is trained again from its first
epoch; its earlier epochs stay until they are replaced one by one, so no reported epoch is ever missing.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...wording import one_line
from .claims import BEAT, STALE, give_back, take
from .database import open_database, transaction
from .owners import alive, owner_of
from .status import Status, status
from .trial import Claim, TaskFacts, Trial, recipe_text
from .words import ClaimLost, in_words

if TYPE_CHECKING:
    from ..training.recipe import Epoch
    from .known import Known


class ExperimentStore:
    """One process's connection to a store; it never crosses a fork (a pickled one opens the file anew).

    Args:
        path: the file; it is created where there is none.
        read_only: for looking; the file must exist.
        check: look for damage on opening.

    Raises:
        WarmnasError: where the file is no intact store; StoreUnavailable where the disk is full. So may all methods.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, check: bool = True) -> None:
        self.path = Path(path)
        self._connection = open_database(self.path, read_only, check)
        self._process = os.getpid()

    def __reduce__(self) -> tuple[type[ExperimentStore], tuple[str]]:
        return ExperimentStore, (str(self.path),)

    def close(self) -> None:
        """Close the file; the last one to do so leaves a single file behind."""
        with in_words(self.path):
            self._connection.close()

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        self._own()
        with in_words(self.path):
            return self._connection.execute(statement, values).fetchall()

    def _write(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        self._own()
        with in_words(self.path), transaction(self._connection):
            return work(self._connection)

    def _own(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError("a store must be opened in the process that uses it")

    # --- plans -----------------------------------------------------------------------------------------------------
    def add(self, trials: Iterable[Trial], plan: str = "", tasks: Iterable[TaskFacts] = ()) -> int:
        """Add the trials that are not there yet, and say that a plan wants all of them.

        Args:
            trials: in the order in which they shall be done.
            plan: whose they are; :meth:`claim` takes it.
            tasks: facts of the tasks.

        Returns:
            How many were new.
        """
        rows = [(t.id, t.space, t.genotype, t.task, t.task_hash, t.seed, recipe_text(t.recipe), t.rows) for t in trials]
        columns = "id, space, genotype, task, task_hash, seed, recipe, epochs"

        def work(connection: sqlite3.Connection) -> int:
            before = connection.total_changes
            connection.executemany(f"INSERT OR IGNORE INTO trials ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            added = connection.total_changes - before
            wanted = [(plan, row[0]) for row in rows]
            connection.executemany("INSERT OR IGNORE INTO planned SELECT ?, number FROM trials WHERE id = ?", wanted)
            facts = [astuple(task) for task in tasks]
            connection.executemany("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", facts)
            return added

        return int(self._write(work))

    def adopt(self, found: Iterable[Known]) -> int:
        """Write down as done what was trained elsewhere, where it is not done here; how many trials that were."""
        change = """UPDATE trials SET state = 'done', attempt = attempt + 1, reported = ?, batch = ?, params = ?, flops = ?
            WHERE id = ? AND state IN ('left', 'failed') RETURNING number, attempt"""

        def work(connection: sqlite3.Connection) -> int:
            adopted = 0
            for trial, epochs, *rest in found:
                params, flops, batch = rest
                row = connection.execute(change, (len(epochs), batch, params, flops, trial.id)).fetchone()
                if row is not None:
                    rows = [(row[0], i + 1, row[1], *map(float, values)) for i, values in enumerate(epochs)]
                    connection.executemany("INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
                    adopted += 1
            return adopted

        return int(self._write(work))

    def note(self, key: str, value: object) -> None:
        """Remember something about the last generation, such as how many workers it had."""
        self._write(lambda c: c.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, str(value))))

    def counts(self, plan: str = "") -> dict[str, int]:
        """Trials of a plan by state, and ``epochs``: how many of theirs have been reported and still count."""
        chosen = "SELECT state, COUNT(*), SUM(reported) FROM planned JOIN trials ON number = trial WHERE plan = ?"
        found = dict.fromkeys(("left", "running", "done", "failed", "epochs"), 0)
        for state, trials, reported in self.query(chosen + " GROUP BY state", (plan,)):
            found[state] = trials
            found["epochs"] += reported
        return found

    # --- claims ----------------------------------------------------------------------------------------------------
    def claim(self, plan: str = "", most: Callable[[Trial], int] | int = 1) -> list[Claim]:
        """Take the next trial, and others like it (same space, task, recipe and seed) that can be trained beside it.

        Args:
            plan: of the trials.
            most: how many to take at most, or a function that says it for the first of them.

        Returns:
            The claims of this process; an empty list where nothing is left.
        """
        claims: list[Claim] = self._write(lambda c: take(c, plan, most, owner_of(os.getpid())))
        return claims

    def _mine(self, claim: Claim, assignment: str, values: Sequence[Any], clean: bool = False) -> None:
        """Change a trial that this claim holds; ClaimLost where it does not. ``clean`` drops earlier trainings' epochs."""

        def work(connection: sqlite3.Connection) -> None:
            where = "number = ? AND attempt = ? AND state = 'running'"
            changed = connection.execute(
                f"UPDATE trials SET heartbeat = ?, {assignment} WHERE {where}",
                (time.time(), *values, claim.number, claim.attempt),
            )
            if not changed.rowcount:
                raise ClaimLost(claim.trial.id)
            if clean:
                connection.execute(STALE, claim[1:])

        self._write(work)

    def record(self, claim: Claim, epoch: Epoch) -> None:
        """Write one epoch: when this returns, it stays. ClaimLost where the trial is somebody else's by now."""

        def work(connection: sqlite3.Connection) -> None:
            values = (time.time(), epoch.epoch, claim.number, claim.attempt)
            if not connection.execute(BEAT, values).rowcount:
                raise ClaimLost(claim.trial.id)
            row = (claim.number, epoch.epoch, claim.attempt, *map(float, epoch[1:]))
            connection.execute("INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

        self._write(work)

    def finish(self, claim: Claim, params: int, flops: int) -> None:
        """The trial is done; ``params`` weights, ``flops`` multiply-adds per image."""
        values = (time.time(), int(params), int(flops))
        self._mine(claim, "state = 'done', finished = ?, params = ?, flops = ?", values, clean=True)

    def fail(self, claim: Claim, reason: str) -> None:
        """The trial cannot be done; the reason in one line."""
        values = (time.time(), one_line(reason))
        self._mine(claim, "state = 'failed', finished = ?, reason = ?", values, clean=True)

    def alone(self, claim: Claim) -> None:
        """The trial starts again, without those that were claimed with it."""
        self._mine(claim, "batch = 1, reported = 0, started = ?", (time.time(),))

    def release_claims(self, claims: Iterable[Claim], died: str = "") -> None:
        """Give back those of these claims that still hold; ``died`` says how, where their worker was seen to die."""
        rows = [claim[1:] for claim in claims]
        self._write(lambda c: give_back(c, "number = ? AND attempt = ?", rows, died))

    # --- the dead --------------------------------------------------------------------------------------------------
    def beat(self, owners: Iterable[str]) -> None:
        """A sign of life of these processes, for those who cannot see them; see ``owner_of``."""
        rows = [(time.time(), owner) for owner in owners]
        change = "UPDATE trials SET heartbeat = ? WHERE state = 'running' AND owner = ?"
        self._write(lambda c: c.executemany(change, rows))

    def release(self, owners: Iterable[str] | None = None, died: str = "") -> int:
        """Give back the claims of these processes, or of all that are dead.

        Args:
            owners: see ``owner_of``; None looks for processes that do not live any more.
            died: where a worker was seen to die, how; a trial on which too many did has failed.

        Returns:
            How many trials were given back.
        """

        def work(connection: sqlite3.Connection) -> int:
            held = "SELECT owner, MAX(heartbeat) FROM trials WHERE state = 'running' GROUP BY owner"
            now = time.time()
            rows = connection.execute(held).fetchall()
            dead = [(o,) for o, beat in rows if (o in owners if owners is not None else not alive(o, beat, now))]
            return give_back(connection, "owner = ?", dead, died)

        owners = None if owners is None else set(owners)
        if owners is None and not self.query("SELECT 1 FROM trials WHERE state = 'running' LIMIT 1"):
            return 0
        return int(self._write(work))

    def status(self) -> Status:
        """How many trials there are, are done, run, failed and are left, and how long the rest will take."""
        self._own()
        with in_words(self.path):
            return status(self._connection)

    def failures(self) -> dict[str, int]:
        """How many trials failed for each reason, most frequent first."""
        counted = "SELECT reason, COUNT(*) FROM trials WHERE state = 'failed' GROUP BY reason ORDER BY 2 DESC, reason"
        return dict(self.query(counted))
