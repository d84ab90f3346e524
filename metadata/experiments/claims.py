"""How trials are claimed and given back, as statements on the store's database."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from .trial import Claim, Trial, recipe_from

DEATHS, EARLY = 20, 4  # deaths of workers until a trial counts as their cause; one before its first epoch counts as four
_FIELDS = "number, space, task_hash, genotype, task, recipe, attempt, deaths, seed"
# CROSS JOIN keeps SQLite to this order: the index over the states gives the next trial at once.
_PLANNED = f"SELECT {_FIELDS} FROM trials CROSS JOIN planned ON trial = number AND plan = ? WHERE state = 'left'"
_NEXT = f"{_PLANNED} ORDER BY deaths, number LIMIT 1"
_SAME = "deaths = 0 AND space = ? AND task_hash = ? AND task = ? AND recipe = ? AND seed = ?"
_LIKE = f"{_PLANNED} AND {_SAME} ORDER BY number LIMIT ?"
_TAKE = """UPDATE trials SET state = 'running', attempt = attempt + 1, reported = 0, owner = ?, heartbeat = ?, started = ?,
    batch = ? WHERE number = ?"""
BEAT = """UPDATE trials SET heartbeat = ?, reported = MAX(reported, ?) WHERE number = ? AND attempt = ?
    AND state = 'running'"""
STALE = """DELETE FROM epochs WHERE trial = ?1 AND (attempt < ?2 OR
    epoch > (SELECT reported FROM trials WHERE number = ?1))"""


def take(connection: sqlite3.Connection, plan: str, most: Callable[[Trial], int] | int, owner: str) -> list[Claim]:
    """Claim the next trials for a process; see :meth:`ExperimentStore.claim`."""
    now = time.time()
    first = connection.execute(_NEXT, (plan,)).fetchone()
    if first is None:
        return []
    wanted = most if isinstance(most, int) else most(_trial(first))
    rows = [first]
    if wanted > 1 and not first[7]:  # one that workers died on is tried by itself
        rows = connection.execute(_LIKE, (plan, *first[1:3], *first[4:6], first[8], wanted)).fetchall()
    connection.executemany(_TAKE, [(owner, now, now, len(rows), row[0]) for row in rows])
    return [Claim(_trial(row), row[0], row[6] + 1) for row in rows]


def give_back(connection: sqlite3.Connection, held: str, rows: list[tuple[Any, ...]], died: str) -> int:
    """Make running trials left again, and count the deaths of their workers: how many trials were there."""
    running = f"state = 'running' AND {held}"
    if died:
        weight = f"CASE reported WHEN 0 THEN {EARLY} ELSE 1 END"
        connection.executemany(f"UPDATE trials SET deaths = deaths + {weight} WHERE {running}", rows)
        blamed = f"UPDATE trials SET state = 'failed', finished = heartbeat, reason = ? WHERE deaths >= ? AND {running}"
        why = f"crashed: its workers died again and again ({died})"
        connection.executemany(blamed, [(why, DEATHS, *row) for row in rows])
    change = f"UPDATE trials SET state = 'left', reported = 0, owner = NULL WHERE {running}"
    return connection.executemany(change, rows).rowcount if rows else 0


def _trial(row: Sequence[Any]) -> Trial:
    _, space, task_hash, genotype, task, recipe, _, _, seed = row
    return Trial(space, genotype, task, seed, recipe_from(recipe), task_hash)
