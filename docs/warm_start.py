"""How long a search on a new task waits for what `warm` brings along: the shipped tables are its prior.

    python docs/warm_start.py

Prints seconds of one process, and of its processor, for each step of the start of ``warmnas search --data``.
"""

from __future__ import annotations

import time

from warmnas.bench import Split, open_benchmark, space
from warmnas.search import make_optimizer
from warmnas.search.live.problem import candidates, problem, table_sources
from warmnas.search.live.run import TABLES
from warmnas.search.optimizers.warm import Warm


def main() -> None:
    """Print a line per step."""
    began = time.perf_counter(), time.process_time()

    def lap(step: str) -> None:
        nonlocal began
        now = time.perf_counter(), time.process_time()
        print(f"{step:40}{now[0] - began[0]:8.2f} s{now[1] - began[1]:8.2f} s of processor")
        began = now

    tables = [open_benchmark(name) for name in TABLES]
    lap(f"open {', '.join(TABLES)}")
    cells = space("nasbench201")
    listed = candidates(cells)
    sources = table_sources(tables, cells, "a new family", "no such images")
    measured = sum(len(table.candidates(task)) for table in tables for task in table.tasks if table.has(task, Split.VAL))
    lap(f"{len(sources)} sources, {measured} means")
    optimizer = make_optimizer("warm", problem(listed, sources, "new", 10, 0, 10))
    lap(f"features of {len(listed)} candidates")
    assert isinstance(optimizer, Warm)
    _ = optimizer.surrogate
    lap("fit the prior on all sources")
    proposed = optimizer.ask(3)[0]
    lap("first proposals")
    print("\n".join(map(cells.to_string, proposed)))


if __name__ == "__main__":
    main()
