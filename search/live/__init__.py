"""Search on somebody's own images: real trainings, what will not win stopped, everything kept, the winner exported.

What is imported when: a worker process needs the training alone, so the rest waits until it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluator import LiveEvaluator as LiveEvaluator
    from .network import load_run as load_run
    from .run import Parts as Parts
    from .run import search_images as search_images
    from .settings import Settings as Settings

_LATER = {
    "LiveEvaluator": ".evaluator",
    "Parts": ".run",
    "Settings": ".settings",
    "load_run": ".network",
    "search_images": ".run",
}
__all__ = [*_LATER]


def __getattr__(name: str) -> Any:
    """Import a part when it is used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name], __name__), name)
