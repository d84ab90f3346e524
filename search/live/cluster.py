"""Workers on a Ray cluster: an actor each, that trains an epoch when asked to; checkpoints come back with the news."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ...bench import WarmnasError
from ...metadata.experiments.cluster import _knock
from ...metadata.experiments.worker import one_thread
from ...wording import one_line
from .crew import Maker, failure_of
from .files import read, write
from .jobs import DIED, DISK, Event, Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...metadata.tasks import ImageTask

Answer = tuple[tuple[Any, ...], tuple[int, int] | None, bytes, bool, tuple[str, str]]


class RayTrainer:
    """What runs on a node: one training at a time."""

    def __init__(self, device: str, maker: Maker | None) -> None:
        if maker is None:
            from .session import Session

            maker = Session
        one_thread()
        self._device, self._maker, self._session = device, maker, None

    def begin(self, job: Job, task: ImageTask, saved: bytes) -> Answer:
        """Set a training up: its epochs so far, and its costs."""
        try:
            session: Any = self._maker(job, task, self._device, saved)
            self._session = session
            return tuple(session.epochs), session.costs, b"", session.done, ("", "")
        except Exception as error:
            return (), None, b"", True, failure_of(error)

    def advance(self) -> Answer:
        """One more epoch, and the checkpoint after it."""
        session: Any = self._session
        try:
            row = session.advance()
            return (row,), None, session.snapshot(), session.done, ("", "")
        except Exception as error:
            return (), None, b"", True, failure_of(error)


class RayCrew:
    """A crew of actors; see :class:`~warmnas.search.live.jobs.Crew`.

    Args:
        address: of the cluster, ``auto`` for the one that runs here, ``local`` for one of its own.
        tasks: the images, by hash.
        size: how many actors; None for as many as the cluster has GPUs, or cores.
        device: ``cpu``, ``cuda``, or None for GPUs where the cluster has some.
        maker: as in :class:`~warmnas.search.live.crew.Processes`.

    Raises:
        WarmnasError: where Ray is not installed, or there is no cluster at the address.
    """

    def __init__(
        self,
        address: str,
        tasks: Mapping[str, ImageTask],
        size: int | None = None,
        device: str | None = None,
        maker: Maker | None = None,
    ) -> None:
        try:
            import ray
        except ImportError as error:
            raise WarmnasError("--ray needs the package ray: pip install 'warmnas[ray]'") from error
        self._ours = not ray.is_initialized()
        try:
            if self._ours:
                _knock(address)
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call,unused-ignore]
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise WarmnasError(f"no Ray cluster at --ray {address}: {one_line(error, 200)}") from error
        gpus = int(resources.get("GPU", 0))
        self._gpu = gpus > 0 if device is None else device.startswith("cuda")
        room = max(gpus if self._gpu else int(resources.get("CPU", 1)), 1)
        self.size = min(size or room, room)
        self._maker = maker
        self._tasks = {key: ray.put(task) for key, task in tasks.items()}
        self._actors: dict[int, Any] = {}
        self._jobs: dict[int, Job] = {}
        self._answers: dict[Any, int] = {}  # reference -> slot

    def start(self, slot: int, job: Job) -> None:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        if slot not in self._actors:
            self._actors[slot] = self._hire()
        self._forget(slot)
        self._jobs[slot] = job
        answer = self._actors[slot].begin.remote(job, self._tasks[job.task], read(job.checkpoint))
        self._answers[answer] = slot

    def _hire(self) -> Any:
        import ray

        resources = {"num_gpus": 1} if self._gpu else {"num_cpus": 1}
        made: Any = ray.remote(RayTrainer).options(**resources)
        return made.remote("cuda" if self._gpu else "cpu", self._maker)

    def _forget(self, slot: int) -> None:
        self._answers = {answer: other for answer, other in self._answers.items() if other != slot}
        self._jobs.pop(slot, None)

    def go_on(self, slot: int) -> None:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        if slot in self._jobs and slot not in self._answers.values():
            self._answers[self._actors[slot].advance.remote()] = slot

    def drop(self, slot: int) -> None:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        self._forget(slot)

    def wait(self, timeout: float) -> list[Event]:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        import time

        import ray

        if not self._answers:
            time.sleep(timeout)
            return []
        waiting = list(self._answers)
        return [self._news(answer) for answer in ray.wait(waiting, num_returns=1, timeout=timeout)[0]]

    def _news(self, answer: Any) -> Event:
        """One answer; the next epoch is asked for where nobody has to be asked first."""
        import ray

        slot = self._answers.pop(answer)
        job = self._jobs[slot]
        try:
            epochs, costs, saved, done, failure = ray.get(answer)
        except ray.exceptions.RayError as error:
            self._actors.pop(slot)
            return Event(slot, failure=DIED, reason=one_line(error, 100))
        try:
            if saved:
                write(job.checkpoint, saved)
        except OSError as error:
            return Event(slot, failure=DISK, reason=f"{job.checkpoint}: {error.strerror or error}")
        if not done and not job.ask:
            self.go_on(slot)
        return Event(slot, epochs, costs, *failure)

    def close(self) -> None:
        """See :class:`~warmnas.search.live.jobs.Crew`."""
        import ray

        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()
        if self._ours:
            ray.shutdown()
