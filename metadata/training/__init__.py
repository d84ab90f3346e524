"""Training: the recipe, one network, a stack of networks, and what a network costs.

The recipe and its results need no torch; what trains imports it when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .recipe import Diverged, Epoch, OutOfMemory, Recipe

if TYPE_CHECKING:
    from .counting import costs as costs
    from .stacked import stack_size as stack_size
    from .stacked import train_stack as train_stack
    from .trainer import train as train

_LATER = {"costs": ".counting", "stack_size": ".stacked", "train": ".trainer", "train_stack": ".stacked"}
__all__ = ["Diverged", "Epoch", "OutOfMemory", "Recipe", *_LATER]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name], __name__), name)
