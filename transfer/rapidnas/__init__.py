"""RapidNAS / MetaD2A (Lee, Hyung & Hwang, ICLR 2021, arXiv 2107.00860): from a data set's images to architectures for it.

Two networks are trained once, on many tasks: a generator p(architecture | images) and a predictor of the value of an
architecture on images. On a new task neither is trained: cells are drawn, ranked, and the best few are trained for real.

The public face: :class:`RapidNAS`, fitted on :class:`Experience` of several tasks, each with a :class:`TaskSet`. Importing
it does not import torch. ``python -m warmnas.transfer.rapidnas.train`` makes weights, ``...rapidnas.evaluate`` judges.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Experience, RapidNAS, shipped
    from .sets import TaskSet, embedding_set, image_set

_HOMES = {
    "Experience": "model",
    "RapidNAS": "model",
    "TaskSet": "sets",
    "embedding_set": "sets",
    "image_set": "sets",
    "shipped": "model",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: a study that never runs RapidNAS does not wait for it."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


__all__ = ["Experience", "RapidNAS", "TaskSet", "embedding_set", "image_set", "shipped"]
