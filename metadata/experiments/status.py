"""How far a store is, and how long the rest will take.

The rest is estimated from what was measured: a task's trials cost what its finished ones did on the average (a stack's time
divided among its members), before that what their epochs say, before that what other tasks' trials cost; divided by the
workers that are at work, or were when the store was last used.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TypedDict

from .owners import alive


class Status(TypedDict):
    """Numbers of trials; the time left in seconds, None where nothing has been measured yet."""

    total: int
    done: int
    running: int
    failed: int
    left: int
    eta_seconds: float | None


def status(connection: sqlite3.Connection) -> Status:
    """Of all trials in a store; one whose worker is dead is left, whether or not somebody has noticed."""
    connection.execute("BEGIN")  # one view of the store for all queries
    try:
        counts = dict(connection.execute("SELECT state, COUNT(*) FROM trials GROUP BY state").fetchall())
        now = time.time()
        held = connection.execute("SELECT owner, heartbeat, 1.0 / batch FROM trials WHERE state = 'running'").fetchall()
        living = {(owner, beat): alive(owner, beat, now) for owner, beat in {row[:2] for row in held}}
        shares = [share for owner, beat, share in held if living[owner, beat]]
        total, done, failed = sum(counts.values()), counts.get("done", 0), counts.get("failed", 0)
        eta = (
            _remaining(connection) / max(1.0, round(sum(shares)) or _workers(connection)) if total > done + failed else 0.0
        )
    finally:
        connection.execute("ROLLBACK")
    return Status(
        total=total,
        done=done,
        running=len(shares),
        failed=failed,
        left=total - done - failed - len(shares),
        eta_seconds=eta if eta == eta else None,
    )


def _workers(connection: sqlite3.Connection) -> int:
    noted = connection.execute("SELECT value FROM notes WHERE key = 'workers'").fetchone()
    return int(noted[0]) if noted else 1


def _remaining(connection: sqlite3.Connection) -> float:
    """Seconds of work of one worker; NaN where nothing was measured."""
    finished = "SELECT task_hash, recipe, AVG((finished - started) / batch) FROM trials WHERE state = 'done' GROUP BY 1, 2"
    begun = """SELECT task_hash, recipe, AVG(seconds) * MAX(epochs) FROM trials JOIN epochs ON trial = number
        WHERE state IN ('left', 'running') GROUP BY 1, 2"""
    waiting = """SELECT task_hash, recipe, SUM(CASE state WHEN 'running' THEN 1.0 - 1.0 * reported / epochs ELSE 1.0 END)
        FROM trials WHERE state IN ('left', 'running') GROUP BY 1, 2"""
    costs = {row[:2]: row[2] for query in (begun, finished) for row in connection.execute(query) if row[2] is not None}
    if not costs:
        return float("nan")
    usual = sum(costs.values()) / len(costs)
    return float(sum(trials * costs.get((task, recipe), usual) for task, recipe, trials in connection.execute(waiting)))
