"""Workers on this machine: a process each, with one thread, that trains what it is given and keeps its checkpoint.

A process says what it measured over a pipe and writes nothing but the checkpoint of its own job. It ends with the process
that started it, and one that dies is replaced with the next job.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, NamedTuple

from ...metadata.experiments.taskfile import TaskFile
from ...metadata.experiments.worker import one_thread
from ...metadata.training.recipe import Diverged, OutOfMemory
from ...wording import one_line
from .files import read, write
from .jobs import CRASHED, DIED, DISK, DIVERGED, MEMORY, Event, Job

if TYPE_CHECKING:
    from .session import Session

Maker = Callable[..., "Session"]


def failure_of(error: BaseException) -> tuple[str, str]:
    """Kind and reason of what ended a job."""
    text = one_line(error, 300)
    if isinstance(error, Diverged):
        return DIVERGED, text
    if isinstance(error, OutOfMemory | MemoryError):
        return MEMORY, text
    return CRASHED, f"{type(error).__name__}: {text}"


class _Dropped(Exception):
    """The job is not wanted any more."""


class _Server:
    """A worker process's side of the pipe."""

    def __init__(self, pipe: Connection, tasks: TaskFile, device: str, parent: int, maker: Maker) -> None:
        self.pipe, self.tasks, self.device, self.parent, self.maker = pipe, tasks, device, parent, maker
        self.waiting: tuple[Any, ...] | None = None  # a message that ended the job before

    def run(self) -> None:
        while True:
            message = self.waiting or self.pipe.recv()
            self.waiting = None
            if message[0] == "start":
                try:
                    self.train(*message[1:])
                except _Dropped:
                    pass

    def train(self, serial: int, job: Job) -> None:
        try:
            session = self.maker(job, self.tasks[job.task], self.device, read(job.checkpoint))
            self.pipe.send((serial, tuple(session.epochs), session.costs, "", ""))
            while not session.done:
                self.listen(job.ask)
                row = session.advance()
                if os.getppid() != self.parent:
                    sys.exit(0)
                try:
                    write(job.checkpoint, session.snapshot())
                except OSError as error:
                    self.pipe.send((serial, (), None, DISK, f"{job.checkpoint}: {error.strerror or error}"))
                    return
                self.pipe.send((serial, (row,), None, "", ""))
        except (_Dropped, EOFError, BrokenPipeError, SystemExit):
            raise
        except Exception as error:
            self.pipe.send((serial, (), None, *failure_of(error)))

    def listen(self, ask: bool) -> None:
        """Return when one more epoch may be trained; _Dropped where the job has ended."""
        while ask or self.pipe.poll():
            message = self.pipe.recv()
            if message[0] == "go":
                return
            self.waiting = message if message[0] == "start" else None
            raise _Dropped


def serve(pipe: Connection, tasks: TaskFile, device: str, parent: int, maker: Maker | None) -> None:
    """Body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    one_thread()
    if maker is None:
        from .session import Session

        one_thread()
        maker = Session
    try:
        _Server(pipe, tasks, device, parent, maker).run()
    except (EOFError, OSError):  # the parent is no more
        sys.exit(0)


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


class Processes:
    """A crew of processes; see :class:`~warmnas.search.live.jobs.Crew`.

    Args:
        tasks: the images, by hash.
        size: how many.
        devices: where they train, in turn.
        maker: makes the training of a job; :class:`~warmnas.search.live.session.Session` if left out. Picklable.
    """

    def __init__(self, tasks: TaskFile, size: int, devices: Sequence[str] = ("cpu",), maker: Maker | None = None) -> None:
        self.size = size
        self._tasks, self._devices, self._maker = tasks, devices, maker
        self._workers: dict[int, _Worker] = {}
        self._serials: dict[int, int] = {}
        self._serial = 0

    def start(self, slot: int, job: Job) -> None:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        if slot not in self._workers:
            self._workers[slot] = self._hire(slot)
        self._serial += 1
        self._serials[slot] = self._serial
        self._send(slot, ("start", self._serial, job))

    def _hire(self, slot: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe()
        arguments = (theirs, self._tasks, self._devices[slot % len(self._devices)], os.getpid(), self._maker)
        process = context.Process(target=serve, args=arguments, daemon=True, name=f"worker {slot}")
        process.start()
        theirs.close()
        return _Worker(process, mine)

    def _send(self, slot: int, message: tuple[Any, ...]) -> None:
        try:
            self._workers[slot].pipe.send(message)
        except OSError:  # it has died; wait() will say so
            pass

    def go_on(self, slot: int) -> None:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        if slot in self._workers:
            self._send(slot, ("go",))

    def drop(self, slot: int) -> None:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        if self._serials.pop(slot, None) is not None and slot in self._workers:
            self._send(slot, ("drop",))

    def wait(self, timeout: float) -> list[Event]:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        slots: dict[Any, int] = {worker.pipe: slot for slot, worker in self._workers.items()}
        news = []
        for pipe in wait(list(slots), timeout=timeout):
            slot = slots[pipe]
            try:
                serial, *content = self._workers[slot].pipe.recv()
            except (EOFError, OSError):
                news += self._bury(slot)
                continue
            if serial == self._serials.get(slot):
                news.append(Event(slot, *content))
        return news

    def _bury(self, slot: int) -> list[Event]:
        """Let go of a worker that has ended; news where it had a job."""
        worker = self._workers.pop(slot)
        worker.process.join()
        worker.pipe.close()
        code = worker.process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return [Event(slot, failure=DIED, reason=how)] if self._serials.pop(slot, None) is not None else []

    def close(self) -> None:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()
