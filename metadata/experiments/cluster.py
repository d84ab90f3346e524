"""The generator over a Ray cluster: an actor per worker trains, this process claims, writes and counts.

An actor hands its results on as a stream of entries for the store, and this process applies them as they arrive. When an
actor or its machine is lost, its trials are given back and another actor takes its place.
"""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...bench.errors import WarmnasError
from ...wording import one_line
from .actor import RayWorker
from .owners import owner_of
from .store import ExperimentStore
from .trainer import Trainer
from .trial import Claim
from .trials import Prepared
from .watch import Progress, Watch
from .words import ClaimLost

if TYPE_CHECKING:
    from ..training.recipe import Recipe

KNOCK = 10.0  # seconds to wait for a cluster's answer
HOPELESS = 8  # actors that may be lost in a row before anything came of one


def run_on_ray(
    address: str,
    prepared: Prepared,
    store: ExperimentStore,
    trainer: Trainer,
    workers: int | None,
    progress: Progress | None,
) -> None:
    """Train what is left of a plan on a cluster.

    Args:
        address: of the cluster, ``auto`` for the one that runs here, ``local`` for one of its own.
        prepared: the plan.
        store: on this machine.
        trainer: the nodes must be able to import it.
        workers: actors; as many as the cluster has GPUs, or cores, if left out.
        progress: told now and then how far it is.

    Raises:
        WarmnasError: where Ray is not installed, or there is no cluster at the address.
    """
    try:
        import ray
    except ImportError as error:
        raise WarmnasError("--ray needs the package ray: pip install 'warmnas[ray]'") from error
    started = not ray.is_initialized()
    try:
        if started:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call,unused-ignore]
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise WarmnasError(f"no Ray cluster at --ray {address}: {one_line(error, 200)}") from error
    try:
        gpus = int(resources.get("GPU", 0))
        room = gpus or int(resources.get("CPU", 1))  # an actor that the cluster has no room for would wait for ever
        crew = _Crew(store, prepared, trainer, gpus > 0, min(workers or room, room))
        store.note("workers", crew.number)
        crew.run(progress)
    finally:
        store.release([owner_of(os.getpid())])
        if started:
            ray.shutdown()


def _knock(address: str) -> None:
    """OSError where nobody listens at host:port; Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        with socket.create_connection((host, int(port)), timeout=KNOCK):
            pass


@dataclass
class _Crew:
    """The actors of one generation, each with its claims and the stream of their entries."""

    store: ExperimentStore
    prepared: Prepared
    trainer: Trainer
    gpu: bool
    number: int
    tasks: dict[str, Any] = field(default_factory=dict)  # references by hash
    most: dict[Recipe, int] = field(default_factory=dict)  # trials to train at once
    idle: list[Any] = field(default_factory=list)
    streams: dict[Any, tuple[Any, list[Claim]]] = field(default_factory=dict)
    vain: int = 0  # actors that were lost one after another before anything came of them

    def run(self, progress: Progress | None) -> None:
        """Until nothing is left that nobody works on."""
        import ray

        self.tasks = {key: ray.put(task) for key, task in self.prepared.tasks.items()}
        watch = Watch(self.store, self.prepared, progress, lambda: [owner_of(os.getpid())])
        while True:
            watch.look()
            while len(self.streams) < self.number and self._start():
                pass
            if not self.streams:
                watch.look(fresh=True)
                return
            waiting = list(self.streams)
            for stream in ray.wait(waiting, num_returns=len(waiting), timeout=watch.pause, fetch_local=False)[0]:
                self._advance(stream)

    def _start(self) -> bool:
        """Give the next trials to an actor; whether there were any."""
        actor = self.idle.pop() if self.idle else self._actor()
        claims = self.store.claim(self.prepared.id, lambda trial: self.most[trial.recipe])
        if not claims:
            self.idle.append(actor)
            return False
        train = actor.train.options(num_returns="streaming")
        self.streams[train.remote(claims, self.tasks[claims[0].trial.task_hash])] = (actor, claims)
        return True

    def _actor(self) -> Any:
        import ray

        resources = {"num_gpus": 1} if self.gpu else {"num_cpus": 1}
        actor: Any = ray.remote(RayWorker).options(**resources).remote(self.trainer, "cuda" if self.gpu else "cpu")
        if not self.most:
            recipes = {trial.recipe for trial in self.prepared.trials}
            self.most = {recipe: ray.get(actor.together.remote(recipe)) for recipe in recipes}
        return actor

    def _advance(self, stream: Any) -> None:
        """Write the next entry of a stream into the store."""
        import ray

        actor, claims = self.streams[stream]
        try:
            method, place, arguments = ray.get(next(stream))
            getattr(self.store, method)(claims[place], *arguments)
            self.vain = 0
        except ClaimLost:
            pass  # somebody else has the trial by now; the rest of this stream will be refused too
        except StopIteration:
            self.store.release_claims(claims)
            del self.streams[stream]
            self.idle.append(actor)
        except ray.exceptions.RayError as error:
            self.store.release_claims(claims, died=one_line(error, 100))
            del self.streams[stream]
            self.vain += 1
            if self.vain > HOPELESS + self.number:
                raise RuntimeError(f"{self.vain} Ray workers were lost one after another: {error}") from error
