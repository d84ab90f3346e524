"""One-shot search: a supernet whose paths share weights, and the methods that read a cell off it.

One engine for all (``loop.py``); a method is a recipe of four parts (``method.py``, ``methods/``). Importing this registers
the methods without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import methods as _all
from .method import AlphaRecipe, Method, Part, ReadOut, Regulariser, Sampler, Update, WeightRecipe, make_method, methods

if TYPE_CHECKING:
    from .run import OneShot as OneShot
    from .run import search_supernet as search_supernet
    from .state import Diverged as Diverged
    from .state import Search as Search
    from .state import Settings as Settings

_LATER = {"Diverged": ".state", "OneShot": ".run", "Search": ".state", "Settings": ".state", "search_supernet": ".run"}
__all__ = [
    "AlphaRecipe",
    "Method",
    "Part",
    "ReadOut",
    "Regulariser",
    "Sampler",
    "Update",
    "WeightRecipe",
    "make_method",
    "methods",
    *_LATER,
]
del _all


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name], __name__), name)
