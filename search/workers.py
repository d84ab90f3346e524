"""Running the parts of a study side by side.

A part is one optimizer on one task for some of the runs. Runs are independent and draw from their own streams, so how they
are parted changes nothing but the last bits of batched products; and those depend on the parts, never on how many processes
there are. Every part computes with one thread: two processes of one thread are faster than one of two, and a sum comes out
the same wherever it is taken.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from typing import Any, TypeVar

T = TypeVar("T")
Report = Callable[[int], None]  # evaluations just done
Part = Callable[[Report], T]
POLL = 0.2  # seconds between looks at the progress of the processes

_parts: Sequence[Part[Any]] = ()
_counters: Sequence[Synchronized[int]] = ()


@contextmanager
def single_thread() -> Iterator[None]:
    """One thread for BLAS, and for torch if it is there or comes later."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch is not None else None
    if torch is None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch when it is imported
    else:
        torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    if torch is not None:
        torch.set_num_threads(threads)


def _run(index: int) -> Any:
    counter = _counters[index]

    def report(evaluations: int) -> None:
        counter.value += evaluations  # one writer per counter

    with single_thread():
        return _parts[index](report)


def run_parts(parts: Sequence[Part[T]], workers: int, report: Callable[[int, int], None]) -> list[T]:
    """Results of all parts, in their order; ``report(part, evaluations)`` as they advance.

    Processes are forked, so that parts may be anything. Where that cannot be done safely (no fork on this system, or torch
    has already started its threads here) the parts run one after the other in this process.
    """
    global _parts, _counters
    can_fork = "fork" in multiprocessing.get_all_start_methods() and "torch" not in sys.modules
    if workers < 2 or len(parts) < 2 or not can_fork:
        with single_thread():
            return [part(lambda n, i=i: report(i, n)) for i, part in enumerate(parts)]  # type: ignore[misc]
    context = multiprocessing.get_context("fork")
    _parts, _counters = parts, [context.Value("q", 0) for _ in parts]
    pool = ProcessPoolExecutor(min(workers, len(parts)), mp_context=context)
    try:
        futures = [pool.submit(_run, index) for index in range(len(parts))]
        seen, waiting = [0] * len(parts), set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=POLL, return_when=FIRST_COMPLETED)
            for index, counter in enumerate(_counters):
                if (now := counter.value) > seen[index]:
                    report(index, now - seen[index])
                    seen[index] = now
            for future in done:
                future.result()  # the first failure ends the study
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            if sys.exc_info()[0] is not None:
                process.terminate()
        _parts, _counters = (), ()
