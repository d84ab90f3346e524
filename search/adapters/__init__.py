"""Optimizers of other libraries inside a study, by ``library:name``, and tables and optimizers of ours inside theirs.

``--optimizer optuna:tpe`` runs Optuna's TPE under the rules of a study, ``syne-tune:kde`` Syne Tune's KDE. A library is
imported when one of its optimizers is named, never before. The other way round:
:mod:`warmnas.search.adapters.optuna` and :mod:`warmnas.search.adapters.syne_tune`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...bench import UnknownName
from .extras import MissingExtra

if TYPE_CHECKING:
    from ..optimizer import Optimizer

LIBRARIES = ("optuna", "syne-tune")


def adapted(library: str, name: str) -> Callable[..., Optimizer]:
    """The optimizer ``name`` of a library, made for a study: called with a problem and the library's own options.

    Raises:
        UnknownName: where the library is not adapted, or has no such optimizer.
        MissingExtra: where it is not installed.
    """
    if library not in LIBRARIES:
        raise UnknownName("library of optimizers", library, LIBRARIES)
    found: Any
    if library == "optuna":
        from .optuna import sampler_optimizer as found
    else:
        from .syne_tune import searcher_optimizer as found
    optimizer: Callable[..., Optimizer] = found(name)
    return optimizer


def names(library: str) -> list[str]:
    """What :func:`adapted` knows of a library, written ``library:name``; nothing where it is not installed."""
    try:
        if library == "optuna":
            from .optuna import SAMPLERS

            return [f"{library}:{name}" for name in SAMPLERS]
        from .syne_tune import SEARCHERS
    except MissingExtra:
        return []
    return [f"{library}:{name}" for name in SEARCHERS]


__all__ = ["LIBRARIES", "MissingExtra", "adapted", "names"]
