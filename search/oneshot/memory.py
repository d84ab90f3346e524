"""How much memory a search takes: the process's own peak, and what a step holds for its backward pass.

The peak of a process contains what its allocator never gave back, so methods are compared in processes of their own; the
bytes that autograd holds are the same wherever a step runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

MEGABYTE = 2**20


class PeakMemory:
    """Peak memory since its making, beyond what was there then: of the GPU, or resident in the process."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak becomes the present size
        except OSError:
            pass
        self._before = _status("VmRSS")

    def megabytes(self) -> float | None:
        """The peak; None where the system does not say."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / MEGABYTE
        peak = _status("VmHWM")
        return None if peak is None or self._before is None else max(peak - self._before, 0.0)


def _status(field: str) -> float | None:
    """A field of this process's status in megabytes; None where there is none, as on other systems than Linux."""
    try:
        found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    except OSError:
        return None
    return None if found is None else int(found[1]) / 1024


def held_bytes(compute: Callable[[], Tensor]) -> int:
    """Bytes of distinct tensors that autograd keeps for the backward pass of what ``compute`` returns, weights included."""
    kept: dict[int, int] = {}
    alive: list[Tensor] = []  # storages that are freed while it runs would give their addresses to others

    def pack(tensor: Tensor) -> Tensor:
        alive.append(tensor)
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return sum(kept.values())
