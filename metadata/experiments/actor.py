"""What runs on a node of a Ray cluster: it trains, and hands on what is to be written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .trainer import Trainer
from .trial import Claim
from .worker import one_thread, reason, run_claims

if TYPE_CHECKING:
    from ..tasks import ImageTask
    from ..training.recipe import Epoch, Recipe

Entry = tuple[str, int, tuple[Any, ...]]  # method of the store, which of the claims, further arguments


class RayWorker:
    """Trains on a node of the cluster."""

    def __init__(self, trainer: Trainer, device: str) -> None:
        one_thread()
        self._trainer, self._device = trainer, device

    def together(self, recipe: Recipe) -> int:
        """How many trials of this recipe to train at once."""
        return self._trainer.together(recipe, self._device)

    def train(self, claims: Sequence[Claim], task: ImageTask) -> Iterator[Entry]:
        """The entries of these claims, as they come."""
        entries: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()

        def body() -> None:
            try:
                run_claims(_Ledger(claims, entries), claims, task, self._trainer, self._device)
            except Exception as error:  # nothing may be lost in a thread
                entries.put(("fail", 0, (reason(error),)))
            finally:
                entries.put(None)

        threading.Thread(target=body, daemon=True).start()
        while (entry := entries.get()) is not None:
            yield entry


class _Ledger:
    """Puts the entries into a queue, with the claim's place for the claim."""

    def __init__(self, claims: Sequence[Claim], entries: queue.SimpleQueue[Entry | None]) -> None:
        self._places = {claim.number: place for place, claim in enumerate(claims)}
        self._put = entries.put

    def record(self, claim: Claim, epoch: Epoch) -> None:
        self._put(("record", self._places[claim.number], (epoch,)))

    def finish(self, claim: Claim, params: int, flops: int) -> None:
        self._put(("finish", self._places[claim.number], (params, flops)))

    def fail(self, claim: Claim, reason: str) -> None:
        self._put(("fail", self._places[claim.number], (reason,)))

    def alone(self, claim: Claim) -> None:
        self._put(("alone", self._places[claim.number], ()))
